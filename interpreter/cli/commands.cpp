#include "interpreter/cli/commands.h"

#include <csignal>
#include <cstdio>
#include <fmt/format.h>

#include "interpreter/base/diagnostic.h"
#include "interpreter/cli/help.h"
#include "interpreter/cli/terminal.h"
#include "interpreter/report/words.h"

namespace bfl::cli {
namespace {

constexpr Flag job_flags[] = {
    {"set", "NAME=VALUE", "gives a parameter of the job its value", {}, true},
    {"source", "NAME=URL", "replaces the URL of a source: sqlite:PATH, csv:PATH, postgres://HOST/DATABASE", {}, true},
    {"env", "NAME", "the sources are where `[environments.NAME]` of bfl.toml says"},
};
constexpr Flag state_flags[] = {{"state", "PATH", "the state file; `.bfl/state.db` beside the job unless told"}};
constexpr Flag common_flags[] = {
    {"json", "", "JSON on standard output; messages stay on standard error"},
    {"color", "WHEN", "colours: auto (on a terminal, unless NO_COLOR is set), always or never", "auto|always|never"},
    {"yes", "", "asks no questions"},
    {"help", "", "shows this text", {}, false, 'h'},
};
constexpr Flag run_flags[] = {
    {"only", "STEP", "runs this step and nothing else"},
    {"again", "STEP", "runs a finished step once more, as a new generation", {}, true},
    {"accept", "STEP", "goes on with an unfinished step although it was edited", {}, true},
    {"limit-chunks", "N", "stops cleanly after N chunks; the next run goes on"},
    {"steps", "N", "independent steps that are carried out at the same time, PostgreSQL only; 1 unless told, or as their source says"},
    {"workers", "N", "connections on which a step is walked at once, PostgreSQL only; 1 unless told, or as its source says"},
    {"dry-run", "", "shows what `bfl plan` shows; changes nothing"},
    {"plan", "FILE", "does what this kept plan holds (`bfl plan -o`), and nothing else"},
    {"atomic", "", "all of it is one transaction of one database: done whole, or nothing of it"},
    {"evict", "", "ends the session on a PostgreSQL server that keeps the job's rows, when the run behind it is gone, or its lease is over and the session does nothing"},
};
constexpr Flag outward_flags[] = {
    {"hook", "[EVENTS=]TARGET", "tells events of the run to a command, or an address by POST, as JSON", {}, true},
    {"metrics", "FILE", "keeps a file of metrics for Prometheus, as the textfile collector reads them"},
    {"metrics-port", "[ADDRESS:]PORT", "serves the same at /metrics while the run lasts"},
    {"lineage", "FILE|URL", "tells what was read and written as OpenLineage, when the run has ended"},
};
constexpr Flag plan_flags[] = {
    {"format", "FORMAT", "text, markdown (for a pull request: folded, cut to what a comment may hold) or json", "text|markdown|json"},
    {"output", "FILE", "keeps the plan, with every row that it would change, for `bfl run --plan FILE`", {}, false, 'o'},
};
constexpr Flag approve_flags[] = {
    {"key", "NAME", "of a plan: the key that signs; the only one there is unless told"},
    {"step", "STEP", "of a job: the step whose stage may be left"},
    {"why", "TEXT", "of a job: the reason, for the ledger"},
};
constexpr Flag undo_flags[] = {
    {"plan", "", "shows what would be put back, and what not; changes nothing"},
    {"step", "STEP", "what this step has changed, and nothing else"},
    {"run", "RUN", "what this run has changed (its beginning is enough); of an undo: does it again"},
    {"keys", "FROM..TO", "only rows with keys from FROM to TO"},
    {"finish", "", "goes on with an undo that was cut short, and does nothing else"},
    {"limit-chunks", "N", "stops cleanly after N chunks; the next undo goes on"},
};
constexpr Flag audit_flags[] = {
    {"anchor", "FILE", "signed checkpoints that were kept outside: compared with (verify), added to (checkpoint)", {}, true},
    {"key", "NAME", "the key that signs; the only one there is unless told"},
    {"output", "FOLDER", "where to export to", {}, false, 'o'},
    {"why", "TEXT", "with redact: the reason, for the ledger"},
    {"was", "NAME", "with row and redact: what the table was called before, so that images under that name are its own"},
    {"columns", "NAMES", "with redact: these columns alone, with commas between them; else all but the key"},
};
constexpr Flag rebuild_flags[] = {
    {"from", "SOURCE", "with rebuild: the database that is believed"},
    {"lost", "WHAT", "with rebuild: redo (rows are as old as bfl's tables) or keep (rows are newer)", "redo|keep"},
};
constexpr Flag setup_flags[] = {
    {"print", "", "prints the SQL and the grants; connects to nothing that it need not"},
    {"role", "NAME", "with --print: the role that runs jobs; bfl_runner unless told"},
};
constexpr Flag control_flags[] = {
    {"job", "NAME", "with an address: this job of the database; without, every job"},
    {"why", "TEXT", "the reason, for whoever looks at the run"},
};
constexpr Flag quarantine_flags[] = {
    {"step", "STEP", "rows of this step alone"},
    {"why", "TEXT", "with resolve: the reason, for the ledger"},
};
constexpr Flag gc_flags[] = {{"keep", "AGE", "how long a run stays: days or hours, `12h`; 90d unless told"}};
constexpr Flag status_flags[] = {{"watch", "", "shows it again every second, until the run has ended"}};
constexpr Flag check_flags[] = {{"offline", "", "against the catalogues that `bfl schema pull` keeps; no database is asked"}};
constexpr Flag rehearse_flags[] = {
    {"server", "URL", "a PostgreSQL server on which scratch databases may be made; $BFL_TEST_SERVER unless told"},
    {"rows", "N", "PostgreSQL: of each table that the job changes the first N rows by its key; all unless told"},
};
constexpr Flag test_flags[] = {
    {"server", "URL", "a PostgreSQL server on which scratch databases may be made; $BFL_TEST_SERVER unless told"},
    {"schema", "NAME=FILE", "the tables of a source as this file of SQL makes them: its database is not asked", {}, true},
    {"offline", "", "the tables are made as the catalogues say that `bfl schema pull` keeps"},
};
constexpr Flag fmt_flags[] = {
    {"check", "", "writes nothing: names the files that are not as they should be, exit code 1"},
    {"diff", "", "writes nothing: shows what would change, exit code 1 if anything"},
};
constexpr Flag lint_flags[] = {
    {"format", "FORMAT", "text, json, sarif (2.1.0) or github (annotations of a workflow)", "text|json|sarif|github"},
    {"fix", "", "mends what can be mended without changing what a step means"},
    {"offline", "", "asks no database: rules that need a catalogue that is not kept are left out"},
    {"rules", "", "lists the rules"},
};
constexpr Flag diff_flags[] = {
    {"git", "BASE", "the old version is the job's at this revision"},
    {"offline", "", "against the catalogues that `bfl schema pull` keeps; no rows are counted"},
    {"format", "FORMAT", "text, markdown (for a pull request) or json", "text|markdown|json"},
};
constexpr Flag graph_flags[] = {{"format", "FORMAT", "text, dot (Graphviz), svg (drawn by Graphviz's `dot`), mermaid or json", "text|dot|svg|mermaid|json"}};

constexpr Flag lsp_flags[] = {{"stdio", "", "the only way; editors name it"}};

std::vector<Command> table() {
  const std::span<const Flag> job = job_flags, state = state_flags, common = common_flags;
  return {
      {"run", "JOB.bfl, or --plan FILE", 0, 1, "does the job, resuming by itself",
       "Checks, changes the rows in chunks with a checkpoint each, and verifies. What is finished is not done again; what was cut\n"
       "short goes on behind its last chunk. Ctrl-C once finishes the chunk in flight and says how to go on; twice rolls it back.\n"
       "With a kept plan its rows are changed and no others: a row that is not as it was is a conflict, left alone, exit code 3; a plan\n"
       "whose script, parameters, database or schema changed is refused, exit code 4.",
       {job, run_flags, outward_flags, state, common}, run_job},
      {"plan", "JOB.bfl", 1, 1, "shows what would happen, and why; changes nothing",
       "Step by step: the decision and its reason, how many rows would change, sample rows before and after, the SQL. With `-o FILE` it is\n"
       "kept as well, every row with it, for `bfl run --plan FILE`.",
       {job, plan_flags, state, common}, plan_job},
      {"approve", "PLAN|JOB.bfl", 1, 1, "signs a kept plan, or lets a rollout go on",
       "Shows what the plan holds and adds a signature to its file. Who may approve is listed in `[approvers]` of bfl.toml; a job that says\n"
       "`approve 2 not author` runs only from a plan that two of them have signed, neither of them whoever made it.\n"
       "Of a job: the stage of a rollout that waits for approval is approved; who did it, and why, is entered in the ledger. The next run goes on.",
       {approve_flags, job, state, common}, approve_plan},
      {"undo", "JOB.bfl", 1, 1, "puts rows back to their images before",
       "What the job has changed, or one step or run of it, newest first: each row only while it is as the step left it; what somebody changed\n"
       "since is listed and left alone, exit code 3. Refused where later changes stand on it. An undo is a run: it resumes, and can be undone.",
       {job, undo_flags, outward_flags, state, common}, undo_job},
      {"check", "JOB.bfl", 1, 1, "parses, resolves and types the job against its database", "Reads the catalogue and nothing else.",
       {job, check_flags, common}, check_job},
      {"schema", "pull JOB.bfl|NAME=URL", 2, 2, "keeps the catalogue of a database beside the job, for work without the database",
       "`schema/SOURCE.json` beside bfl.toml, or beside the job: to be committed. `bfl check --offline`, `bfl test --offline`, `bfl lint` and the\n"
       "language server read it; `bfl check` warns when the database is no longer like that. It holds no address and no password.",
       {job, common}, keep_schema, {}, "pull"},
      {"test", "JOB.bfl", 1, 1, "runs the job's `test` blocks, each in a scratch database",
       "Tables are made as the job's databases have them, with the rows that the test gives. The job is run, its end compared, run again, and run "
       "once more killed after its first chunk. Nothing is written to the databases themselves: scratch databases on PostgreSQL are made where `--server`\n"
       "says, and removed.",
       {job, test_flags, common}, test_job},
      {"rehearse", "JOB.bfl", 1, 1, "runs the job on a copy of its data: run, run again, undone, killed and run on",
       "A copy of each SQLite database, in a temporary folder; on PostgreSQL the tables that the job uses, in scratch databases where `--server` says. The\n"
       "job is run there, run again, undone, and once more killed in the midst and run on; the ends are compared. Copies are removed, whatever\n"
       "happens. Nothing is written to the databases themselves. Exit code 1 when something is not as it should be.",
       {job, rehearse_flags, common}, rehearse_job},
      {"fmt", "JOB.bfl|FOLDER|-", 1, 99, "writes jobs in their canonical layout",
       "Only white space changes: neither what a job means nor a comment. Prints the names of the files that it rewrites; `-` is standard\n"
       "input, written to standard output. A folder stands for the scripts in it.",
       {fmt_flags, common}, format_scripts},
      {"lint", "JOB.bfl|FOLDER", 0, 99, "looks for what is right by the language and likely not what was meant",
       "Rules that need the catalogue read the kept one (`bfl schema pull`), else the database; where there is neither they are named as left out. `# bfl:allow RULE REASON` above or behind\n"
       "what is meant takes a finding back. Exit code 1 when there are errors or warnings; notes alone are none. `bfl explain RULE`.",
       {job, lint_flags, common}, lint_scripts},
      {"diff", "OLD.bfl NEW.bfl, or --git BASE JOB.bfl", 0, 7, "what an edit changes in meaning",
       "By class and step: rows that are chosen, values, guards, proofs; and what the next run does about finished and half-finished steps.\n"
       "Layout, comments and names are nothing. Both versions are checked against the job's databases, which are asked which rows only one\n"
       "of them chooses. Exit code 1 where there is a change.\n"
       "As git's driver: git config diff.bfl.command \"bfl diff\", and `*.bfl diff=bfl` in .gitattributes.",
       {job, diff_flags, common}, diff_jobs},
      {"init", "[FOLDER]", 0, 1, "begins a project: a job with a test, bfl.toml, a workflow",
       "What it writes works at once, on a small database of its own. Where one of its files is there already, nothing is written.",
       {common}, begin_project},
      {"graph", "JOB.bfl", 1, 1, "shows the order of the steps and the reason for each edge",
       "Two steps are ordered only when one writes what the other reads or writes, or by `after`.", {job, graph_flags, common}, graph_job},
      {"status", "[RUN|JOB.bfl]", 0, 1, "what is running and what ran",
       "Without a run: the runs that the state file knows, newest first. With one (its beginning is enough): its steps, and why one does not go on.",
       {status_flags, state, common}, show_status},
      {"pause", "JOB.bfl|RUN|URL", 1, 1, "a run ends the chunk in flight and waits",
       "The order is a row in the job's databases, so that it is heard on every host. The run keeps the job and waits until `bfl resume`; a run that is\n"
       "begun meanwhile waits as well.",
       {control_flags, job, state, common}, control_run},
      {"resume", "JOB.bfl|RUN|URL", 1, 1, "takes `pause` and `halt` back", "What was given for every job of a database is taken back by its URL.", {control_flags, job, state, common},
       control_run},
      {"cancel", "JOB.bfl|RUN|URL", 1, 1, "ends a run after the chunk in flight", "What is committed stays; exit code 75, and `bfl run` goes on behind the last chunk.",
       {control_flags, job, state, common}, control_run},
      {"halt", "JOB.bfl|RUN|URL", 1, 1, "ends every run, and lets none begin",
       "Of a job, or, with an URL, of every job of a database: exit code 75 after the chunk in flight, until `bfl resume`. A file `.bfl/halt` beside the job\n"
       "(`.bfl/halt.NAME`: of one job), the file that BFL_HALT_FILE names and the environment variable BFL_HALT do the same for the runs that see them;\n"
       "their text is the reason.",
       {control_flags, job, state, common}, control_run},
      {"set", "JOB.bfl|RUN|URL pace N/s|none|default", 3, 3, "another pace for a run under way, and for those after it",
       "So many changed rows a second (`/m` a minute, `/h` an hour) instead of what the job and its steps say; `none` is no bound; `default` takes it back. What\n"
       "`pace` says beside that, signals and hours, holds on. Heard within a second or two; who gave it is in the ledger.",
       {control_flags, job, state, common}, control_run},
      {"quarantine", "list|show|retry|resolve JOB.bfl [KEY]", 2, 3, "rows that a step could not change and has set aside",
       "`list` names them with their errors, `show` adds each row as it is now. `retry` applies their steps once more, as new generations, when what\n"
       "was wrong is mended. `resolve --why TEXT` settles them as they are: with a KEY one row, with --step those of a step, else all. Until then a\n"
       "run of the job ends with exit code 3.",
       {quarantine_flags, job, outward_flags, state, common}, quarantine, {}, "list|show|retry|resolve"},
      {"log", "[RUN|JOB.bfl]", 0, 1, "every journaled event, of one run or of all",
       "With --json one object a line, each with `run`, `job`, `step`, `kind` and `time`.", {state, common}, show_log},
      {"setup", "JOB.bfl|SOURCE|URL", 1, 1, "makes bfl's tables in a database, before the first run",
       "`bfl run` makes them by itself where it may. With --print nothing is done: the SQL is shown, and the grants for the role that runs jobs,\n"
       "for somebody who may.",
       {setup_flags, job, state, common}, set_up},
      {"state", "show|gc [JOB.bfl], or rebuild JOB.bfl", 1, 2, "looks after the state file",
       "`show` tells what this machine remembers of runs, and how far it has seen each database. `rebuild --from SOURCE` is for a database that was put\n"
       "back to an older state than this machine has seen, which a run refuses: --lost redo, when rows and bfl's tables were put back together, forgets\n"
       "what was seen, and the next run does it again; --lost keep, when only bfl's tables were, goes on behind what the diary says was committed, without\n"
       "the images that are lost. Either is entered in the ledger and in the diary. `gc` takes runs out of the diary that\n"
       "ended more than --keep ago, with their events: the chain of digests goes on behind them; the ledgers in the databases are not touched.",
       {rebuild_flags, gc_flags, job, state, common}, state_file, {}, "show|gc|rebuild"},
      {"registry", "JOB.bfl|SOURCE|URL", 1, 1, "every job and version that was ever run against a database",
       "As the database itself tells it, whoever ran them and from wherever: the digest of each script, its owner and ticket, who ran it with which bfl,\n"
       "from when to when, whether it was finished, and the rows that each step changed.",
       {job, state, common}, show_registry},
      {"audit", "verify|checkpoint|export JOB.bfl|URL, or row|redact SOURCE.TABLE KEY [JOB.bfl]", 2, 4, "proves that the ledger was not altered; the history of a row",
       "`verify` recomputes everything that bfl's tables in the target hold: the chain of entries, the digests of packs and sealed sets, the\n"
       "images in them, generations and lanes; then the diary in the state file. What does not hold is named by its place; exit code 4.\n"
       "`checkpoint --anchor FILE` signs the ledger as it is, and adds the signed root to the file: kept where the owner of the database\n"
       "cannot change it, it lets `verify --anchor FILE` find a ledger that was written anew or cut off.\n"
       "`export --output FOLDER` writes each job's entries, Merkle tree and images as files in the layout of C2SP's tlog-tiles, signed.\n"
       "`row shop.orders 42` shows every change that bfl made to the row: who, when, why, by which step, before and after. Keys of several\n"
       "columns are written with commas. The source is that of the job, of `--source`, or of the jobs that the state file knows.\n"
       "`redact shop.customers 42 --why TEXT` erases the values of the row from all images, of every job, and the row from what jobs keep;\n"
       "the key stays. What was proved before is proved as before: checkpoints, exports and roots hold, and `verify` tells who erased\n"
       "what, when and why. It cannot be taken back, and the row cannot be undone any more. What still holds the row, or may, is named, exit\n"
       "code 3: redact again when what is in the way has ended. Of a table that was renamed: --was.",
       {job, audit_flags, state, common}, audit, {}, "verify|row|redact|checkpoint|export"},
      {"key", "make NAME, list, show NAME, or trust PUBLIC_KEY", 1, 2, "keys that sign checkpoints, and those that are trusted",
       "`make` writes a new Ed25519 key: NAME.key, which only you may read and which is never printed, and NAME.pub. `show` prints the\n"
       "public key, one line, for others, who `trust` it. Keys are kept in $BFL_KEYS, else in ~/.config/bfl/keys.",
       {common}, keys, {}, "make|list|show|trust"},
      {"explain", "[CODE]", 0, 1, "what a diagnostic code means, with an example and its mend", "Without a code: the list of codes. `postgres` and `sqlite`: the errors of that engine, the class of each and\nwhy; `40P01`, `SQLITE_BUSY`: one of them, and what bfl does about it.", {common},
       explain_code},
      {"doc", "[NAME]", 0, 1, "the functions of the standard library", "Without a name: all of them, by module.", {common}, show_library},
      {"lsp", "", 0, 0, "serves an editor: the language server protocol on standard input and output",
       "Never connects to a database by itself: catalogues are those that `bfl schema pull` keeps, or are read when the editor's user asks for it.", {job, lsp_flags, common}, serve_editor},
      {"completion", "bash|zsh|fish", 1, 1, "a completion script for your shell",
       "bash: source <(bfl completion bash)\nzsh:  bfl completion zsh > \"${fpath[1]}/_bfl\"\nfish: bfl completion fish | source", {common},
       show_completion, {}, "bash|zsh|fish"},
      {"version", "", 0, 0, "the version of bfl", "", {common}, show_version},

      {"ui", "", 0, 99, "serves a page with the runs", "", {}, nullptr, "`bfl status` shows them"},
      {"worker", "", 0, 99, "takes part in a run", "", {}, nullptr, {}},
  };
}

int misused(const Misuse& misuse) {
  report::say(stderr, "{}: {}\n", paint(stderr, Paint::error, "error"), misuse.message);
  if (!misuse.help.empty()) report::say(stderr, "{}: {}\n", paint(stderr, Paint::help, "help"), misuse.help);
  return exit_code::script;
}

int unknown_command(const std::string& word) {
  std::vector<std::string> known;
  for (const Command& command : commands()) known.emplace_back(command.name);
  const std::string meant = nearest(word, known);
  const bool script = word.ends_with(".bfl");
  return misused({fmt::format("unknown {} `{}`", word[0] == '-' ? "flag" : "command", word),
                  script          ? fmt::format("to do the job: bfl run {}", word)
                  : meant.empty() ? "`bfl help` lists the commands"
                                  : fmt::format("did you mean `bfl {}`?", meant)});
}

int help_about(const std::vector<std::string>& words) {
  if (words.size() < 2) return report::say(stdout, "{}", overview()), exit_code::done;
  const Command* command = find_command(words[1]);
  if (!command) return unknown_command(words[1]);
  report::say(stdout, "{}", help_of(*command));
  return exit_code::done;
}

}  // namespace

const std::vector<Command>& commands() {
  static const std::vector<Command> all = table();
  return all;
}

const Command* find_command(std::string_view name) {
  for (const Command& command : commands())
    if (command.name == name) return &command;
  return nullptr;
}

int run(const std::vector<std::string>& words) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that left is no reason to stop changing rows
  choose_colors("auto");
  if (words.empty()) {
    report::say(stderr, "{}", overview());
    return exit_code::script;
  }
  const std::string& word = words[0];
  if (word == "help" || word == "--help" || word == "-h") return help_about(words);
  if (word == "--version" || word == "-V") return show_version({});
  if (word == "__man") return report::say(stdout, "{}", man_page()), exit_code::done;  // for the build
  const Command* command = find_command(word);
  if (!command) return unknown_command(word);
  if (!command->run)
    return misused({fmt::format("`bfl {}` is not part of this version of bfl", word), std::string(command->instead)});

  Arguments arguments{word, {}, {}};
  if (Misuse misuse = parse_arguments(*command, {words.begin() + 1, words.end()}, arguments); !misuse.message.empty()) return misused(misuse);
  choose_colors(arguments.value("color", "auto"));
  if (arguments.has("help")) return report::say(stdout, "{}", help_of(*command)), exit_code::done;
  const int code = command->run(arguments);
  // Output that could not be written is the world's fault, unless its reader simply went away.
  if ((std::fflush(stdout) != 0 || std::ferror(stdout)) && errno != EPIPE && code == exit_code::done)
    return misused({"standard output could not be written", {}}), exit_code::world;
  return code;
}

}  // namespace bfl::cli
