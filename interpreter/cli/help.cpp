#include "interpreter/cli/help.h"

#include <fmt/format.h>

#include "interpreter/cli/terminal.h"
#include "interpreter/report/words.h"

namespace bfl::cli {
namespace {

struct ExitMeaning { std::string_view code, meaning; };
constexpr ExitMeaning exit_meanings[] = {
    {"0", "done, or nothing to do"},
    {"1", "a check or verification of the job failed, or a row does not fit"},
    {"2", "the script is wrong, or the command line is"},
    {"3", "finished, with rows in conflict or in quarantine; or redacted, and not everywhere"},
    {"4", "refused: an edited step, a plan that is void or not approved, a target older than the local state, a newer format, a ledger that does not verify"},
    {"5", "the world is wrong for good: cannot connect, permission, disk"},
    {"75", "stopped and resumable: held by another run, paused by a busy or full database or by its `pace`, waiting for approval, cancelled or halted, or a limit was reached"},
    {"130, 143", "interrupted, after the chunk in flight was committed or rolled back"},
    {"70", "a bug in bfl"},
};

std::string spelled(const Flag& flag) {
  std::string text = flag.letter ? fmt::format("-{}, ", flag.letter) : "";
  text += fmt::format("--{}", flag.name);
  if (!flag.value.empty()) text += fmt::format(" {}", flag.value);
  return text;
}

std::string column(std::string_view left, std::string_view right, int width) { return fmt::format("  {:<{}}  {}\n", left, width, right); }

}  // namespace

std::string overview() {
  std::string text =
      "bfl runs correction jobs: which rows are wrong, what they become, what is proved after.\n"
      "Running a job twice, or killing it halfway, changes nothing beyond that.\n\n";
  text += paint(stdout, Paint::title, "usage") + ": bfl COMMAND [JOB.bfl] [flags]\n\n";
  for (const Command& command : commands())
    if (command.run) text += column(command.name, command.summary, 11);
  text += "\n`bfl help COMMAND` shows the flags of one. Exit codes:\n";
  for (auto [code, meaning] : exit_meanings) text += column(code, meaning, 11);
  return text;
}

std::string help_of(const Command& command) {
  std::string text = fmt::format("{}: bfl {} {}{}\n\n{}.\n", paint(stdout, Paint::title, "usage"), command.name, command.operands,
                                 command.operands.empty() ? "[flags]" : " [flags]", command.summary);
  if (!command.run) return text + "Not part of this version of bfl.\n";
  if (!command.details.empty()) text += fmt::format("\n{}\n", command.details);
  text += '\n';
  for (auto group : command.flags)
    for (const Flag& flag : group)
      text += column(spelled(flag), flag.summary, 20);
  return text;
}

std::string man_page() {
  std::string text = ".Dd $Mdocdate$\n.Dt BFL 1\n.Os\n.Sh NAME\n.Nm bfl\n.Nd run correction jobs on databases, exactly once and with evidence\n"
                     ".Sh SYNOPSIS\n";
  for (const Command& command : commands())
    if (command.run) text += fmt::format(".Nm\n.Cm {}\n{}.Op Ar flags\n", command.name,
                                         command.operands.empty() ? "" : fmt::format(".Ar {}\n", command.operands));
  text += ".Sh DESCRIPTION\n.Nm\nruns jobs that are written in files named\n.Pa *.bfl :\nwhich rows are wrong, what they become, what has to hold\n"
          "before and what is proved after.\nRunning a job twice, or killing it halfway, changes nothing beyond that.\n"
          ".Sh COMMANDS\n.Bl -tag -width Ds\n";
  for (const Command& command : commands()) {
    if (!command.run) continue;
    text += fmt::format(".It Cm {} {}\n", command.name, command.operands.empty() ? "" : fmt::format("Ar {}", command.operands));
    text += fmt::format("{}.\n", command.summary);
    if (!command.details.empty()) text += fmt::format(".Pp\n{}\n", command.details);
    text += ".Bl -tag -width Ds -compact\n";
    for (auto group : command.flags)
      for (const Flag& flag : group)
        if (flag.name != "help")
          text += fmt::format(".It Fl -{}{}\n{}.\n", flag.name, flag.value.empty() ? "" : fmt::format(" Ar {}", flag.value), flag.summary);
    text += ".El\n";
  }
  text += ".El\n.Sh ENVIRONMENT\n.Bl -tag -width Ds\n.It Ev NO_COLOR\nno colours unless\n.Fl -color Ar always\nis given.\n"
          ".It Ev BFL_TEST_SERVER\nthe PostgreSQL server of\n.Cm test\nunless\n.Fl -server\nis given.\n.El\n"
          ".Sh FILES\n.Bl -tag -width Ds\n.It Pa .bfl/state.db\nbeside the job: the journal and the memory of what is finished.\n"
          "A cache: the target database is the truth.\n.El\n.Sh EXIT STATUS\n.Bl -tag -width Ds -compact\n";
  for (auto [code, meaning] : exit_meanings) text += fmt::format(".It {}\n{}.\n", code, meaning);
  text += ".El\n.Sh EXAMPLES\n.Dl bfl plan fix_order_totals.bfl\n.Dl bfl run fix_order_totals.bfl --set since=2025-03-01\n"
          ".Dl bfl log --json\n";
  return text;
}

namespace {

std::string words_of(std::string_view choices) {
  std::string text(choices);
  for (char& c : text)
    if (c == '|') c = ' ';
  return text;
}

template <class Visit>
void each_flag(const Command& command, Visit visit) {
  for (auto group : command.flags)
    for (const Flag& flag : group)
      visit(flag);
}

std::string bash_completion() {
  std::string names, cases;
  for (const Command& command : commands()) {
    if (!command.run) continue;
    names += fmt::format(" {}", command.name);
    std::string flags, values;
    each_flag(command, [&](const Flag& flag) {
      flags += fmt::format(" --{}", flag.name);
      if (!flag.choices.empty())
        values += fmt::format("        --{}) COMPREPLY=($(compgen -W \"{}\" -- \"$word\")); return ;;\n", flag.name, words_of(flag.choices));
    });
    cases += fmt::format("    {})\n      case $before in\n{}      esac\n      flags=\"{}\"\n      operands=\"{}\" ;;\n", command.name, values,
                         flags.empty() ? "" : flags.substr(1), words_of(command.operand_choices));
  }
  return fmt::format(
      "# bash completion of bfl, made by `bfl completion bash`\n"
      "_bfl() {{\n"
      "  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} flags operands\n"
      "  COMPREPLY=()\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then COMPREPLY=($(compgen -W \"help{}\" -- \"$word\")); return; fi\n"
      "  case ${{COMP_WORDS[1]}} in\n{}"
      "  esac\n"
      "  case $word in\n"
      "    -*) COMPREPLY=($(compgen -W \"$flags\" -- \"$word\")) ;;\n"
      "    *)\n"
      "      if [ -n \"$operands\" ]; then COMPREPLY=($(compgen -W \"$operands\" -- \"$word\"))\n"
      "      else COMPREPLY=($(compgen -f -X '!*.bfl' -- \"$word\") $(compgen -d -- \"$word\")); fi ;;\n"
      "  esac\n"
      "}}\n"
      "complete -o filenames -F _bfl bfl\n",
      names, cases);
}

// Both quote summaries in single quotes.
std::string quoted(std::string_view text) {
  std::string safe;
  for (char c : text) {
    if (c == '\'') safe += "'\\''";
    else if (c == '[' || c == ']' || c == ':') (safe += '\\') += c;
    else if (c != '`') safe += c;
  }
  return safe;
}

std::string zsh_completion() {
  std::string names, cases;
  for (const Command& command : commands()) {
    if (!command.run) continue;
    names += fmt::format("    '{}:{}'\n", command.name, quoted(command.summary));
    cases += fmt::format("    {}) _arguments", command.name);
    each_flag(command, [&](const Flag& flag) {
      std::string action;
      if (!flag.choices.empty()) action = fmt::format(":{}:({})", flag.value, words_of(flag.choices));
      else if (!flag.value.empty()) action = fmt::format(":{}:{}", flag.value, flag.value == "PATH" ? "_files" : "");
      cases += fmt::format(" \\\n      '{}--{}[{}]{}'", flag.repeatable ? "*" : "", flag.name, quoted(flag.summary), action);
    });
    if (!command.operand_choices.empty()) cases += fmt::format(" \\\n      '1:shell:({})'", words_of(command.operand_choices));
    else if (command.operands.find("JOB") != std::string_view::npos) cases += " \\\n      '1:job:_files -g \"*.bfl\"'";
    cases += " ;;\n";
  }
  return fmt::format(
      "#compdef bfl\n# zsh completion of bfl, made by `bfl completion zsh`\n_bfl() {{\n  local -a commands=(\n{}  )\n"
      "  if (( CURRENT == 2 )); then _describe command commands; return; fi\n"
      "  local command=$words[2]\n  shift words; (( CURRENT-- ))\n  case $command in\n{}  esac\n}}\n"
      "if [ \"$funcstack[1]\" = _bfl ]; then _bfl \"$@\"; else compdef _bfl bfl; fi\n",
      names, cases);
}

std::string fish_completion() {
  std::string text = "# fish completion of bfl, made by `bfl completion fish`\ncomplete -c bfl -f\n";
  for (const Command& command : commands()) {
    if (!command.run) continue;
    text += fmt::format("complete -c bfl -n __fish_use_subcommand -a {} -d '{}'\n", command.name, quoted(command.summary));
    const std::string here = fmt::format("complete -c bfl -n '__fish_seen_subcommand_from {}'", command.name);
    each_flag(command, [&](const Flag& flag) {
      text += fmt::format("{} -l {}{}{} -d '{}'\n", here, flag.name, flag.value.empty() ? "" : " -r",
                          flag.choices.empty() ? "" : fmt::format(" -a '{}'", words_of(flag.choices)), quoted(flag.summary));
    });
    if (!command.operand_choices.empty()) text += fmt::format("{} -a '{}'\n", here, words_of(command.operand_choices));
    else if (command.operands.find("JOB") != std::string_view::npos) text += fmt::format("{} -a '(__fish_complete_suffix .bfl)'\n", here);
  }
  return text;
}

}  // namespace

int show_completion(const Arguments& arguments) {
  const std::string& shell = arguments.operands[0];
  report::say(stdout, "{}", shell == "bash" ? bash_completion() : shell == "zsh" ? zsh_completion() : fish_completion());
  return exit_code::done;
}

}  // namespace bfl::cli
