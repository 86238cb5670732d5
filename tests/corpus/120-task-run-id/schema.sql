CREATE TABLE dag_run (id INTEGER PRIMARY KEY, dag_id TEXT NOT NULL, run_id TEXT NOT NULL, execution_date TIMESTAMP NOT NULL, UNIQUE(dag_id, execution_date));
CREATE TABLE task_instance (task_id TEXT NOT NULL, dag_id TEXT NOT NULL, execution_date TIMESTAMP NOT NULL, state TEXT, run_id TEXT, PRIMARY KEY (task_id, dag_id, execution_date));
CREATE TABLE dangling_task_instance (task_id TEXT NOT NULL, dag_id TEXT NOT NULL, execution_date TIMESTAMP NOT NULL, state TEXT, PRIMARY KEY (task_id, dag_id, execution_date));
