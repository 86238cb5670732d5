SELECT * FROM task_instance ORDER BY 1,2,3;
SELECT * FROM dangling_task_instance ORDER BY 1,2,3;
