#include "interpreter/run/failed_row.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/run/discreet.h"

namespace bfl::run {

using connect::RawRow;
using connect::RawValue;
using program::Program;
using program::Step;

Error with_row(const Program& program, const Step& step, const std::vector<connect::Connector*>& sources, const eval::Context& evaluation, Error error,
               const Asked& asked, const KeptAside& aside) {
  if (error.kind != ErrorClass::data || !error.row.empty()) return error;
  auto bench = Workbench::open(program, step, sources, evaluation, aside, true);
  if (!bench) return error;
  auto statements = asked((*bench)->program());
  if (!statements) return error;
  for (const lower::Statement& statement : *statements) {
    auto prepared = (*bench)->engine().prepare(statement, evaluation);
    if (!prepared) return error;
    auto read = (*prepared)->query_raw({}, [](RawRow) { return true; });
    if (read) continue;
    if (read.error().kind != ErrorClass::data || read.error().row.empty()) return error;
    error.message = read.error().message;
    error.row = read.error().row;
    return error;
  }
  return error;
}

Result<std::vector<lower::Statement>> rows_asked(const Program& program, const Step& step) {
  auto intents = lower::intents(program, step, lower::Dialect::sqlite, true);
  if (!intents) return intents.error();
  return std::vector<lower::Statement>{std::move(intents->own.select)};
}

std::string named(const Program& program, const Step& step, std::string_view other_table, const ledger::Key& key) {
  std::vector<std::string> names;
  std::vector<bool> hidden;
  std::vector<const Column*> known;
  const auto columns = [&](const Table& table, const std::vector<int>& of) {
    for (const int column : of) {
      known.push_back(&table.columns[static_cast<std::size_t>(column)]);
      names.push_back(known.back()->name);
      hidden.push_back(known.back()->sensitive);
    }
  };
  if (!other_table.empty()) {
    for (const program::TableRef ref : step.cascades)
      if (const Table& table = program.table(ref); table.name == other_table && table.identity()) columns(table, table.identity()->columns);
  } else if (!step.once_per.empty()) {
    check::Tells tells(program, step.relation.get());
    for (const auto& expr : step.once_per) {
      names.push_back(program::to_string(*expr, program));
      hidden.push_back(tells(*expr));
    }
  } else {
    columns(program.table(step.target), step.walk);
  }
  if (names.size() != key.size()) return "key " + display_key(program, step, key);
  std::string text = other_table.empty() ? std::string() : fmt::format("`{}` ", other_table);
  for (std::size_t i = 0; i < names.size(); ++i)
    text += fmt::format("{}{} = {}", i ? ", " : "", names[i], hidden[i] ? unshown : key[i].kind == RawValue::Class::text ? shown(Value(key[i].bytes)) : known.empty() ? ledger::display({key[i]}) : as_written(*known[i], key[i]));
  return text;
}

std::vector<Cause> causes_of(const Program& program, const Step& step, const std::vector<connect::Connector*>& sources, const eval::Context& evaluation,
                             const std::vector<lower::Wire>& key_wires, const ledger::Key& key) {
  std::vector<Cause> causes;
  auto bench = Workbench::open(program, step, sources, evaluation, {}, true);
  if (!bench) return causes;
  connect::Connector &engine = (*bench)->engine(), &target = *sources[static_cast<std::size_t>(step.target.source)];
  const lower::Causes sql = lower::causes((*bench)->program(), step);
  std::vector<Value> values;
  for (std::size_t i = 0; i < key.size(); ++i) {
    auto value = target.decode(key[i].view(), i < key_wires.size() ? key_wires[i] : lower::wire_of(step.once_per[i]->type));
    if (!value) return causes;
    values.push_back(std::move(*value));
  }
  std::vector<std::string> arenas(values.size());
  std::vector<RawValue> raw;
  for (std::size_t i = 0; i < values.size(); ++i) {
    auto encoded = engine.encode(values[i], sql.key[i], arenas[i]);
    if (!encoded) return causes;
    raw.push_back(*encoded);
  }
  auto prepared = engine.prepare(sql.select, evaluation);
  if (!prepared) return causes;
  auto read = (*prepared)->query_raw(raw, [&](RawRow row) {
    Cause& cause = causes.emplace_back();
    for (std::size_t i = 0; i < row.size(); ++i) {
      std::string text = shown(engine.decode(row[i], sql.select.columns[i]));
      if (i < sql.names.size()) cause.row += fmt::format("{}{} = {}", i ? ", " : "", sql.names[i], text);
      else cause.values.push_back(std::move(text));
    }
    return causes.size() < 2;
  });
  if (!read) causes.clear();
  return causes;
}

void tell_references(const Program& program, const Step& step, Error& error) {
  if (error.message.find("FOREIGN KEY constraint failed") == std::string::npos) return;
  const Table& target = program.table(step.target);
  std::string list;
  for (const ForeignKey& key : program.catalogues[static_cast<std::size_t>(step.target.source)].foreign_keys) {
    const bool child = key.table == target.name;
    if (!child && key.parent != target.name) continue;
    const auto sets = [&](const std::string& name) {
      return std::any_of(step.assignments.begin(), step.assignments.end(), [&](const auto& set) { return target.columns[static_cast<std::size_t>(set.column)].name == name; });
    };
    const std::vector<std::string>& columns = child ? key.columns : key.parent_columns;
    if (step.kind != program::StepKind::remove && std::none_of(columns.begin(), columns.end(), sets)) continue;
    if (child && step.kind == program::StepKind::remove) continue;
    std::string names;
    for (const std::string& name : key.columns) names += (names.empty() ? "" : ", ") + name;
    list += fmt::format("{}`{}.{}` refers to `{}`", list.empty() ? ": " : ", ", key.table, names, key.parent);
  }
  error.message += list;
}

namespace {

struct Advice {
  std::string_view part;  // of the message
  const char* help;
};

// Messages of the evaluator; what databases refuse has its help in the table of their codes.
constexpr Advice advice[] = {
    {"division by zero", "leave such rows out with a `where`, or say what they get: `case { DIVISOR != 0 => …, else => … }`"},
    {"no branch of the `case`", "add an arm for it, or `else => …`"},
    {"is stored where", "say what the column holds at the source, `column TABLE.COLUMN: text`, and convert it; or mend the row first"},
    {"comes back to a row", "`on loop skip` leaves such starts out, `on loop stop` ends the way there, `follow each` comes to each row once"},
    {"follow one", "`follow many` takes all of them, `follow each` each row that can be reached once"},
    {"found no row", "`join one … else skip \"reason\"` leaves such rows out, `join optional` gives them nulls"},
    {"found several rows", "choose one of them: `group by` the key, or `where row_number() over (partition by KEY order by …) == 1`"},
    {"digits behind the point", "say how it is rounded: `round(x, 2)`"},
    {"does not fit", "compute with a decimal, or leave such rows out with a `where`"},
    {" is not ", "the form with `try_` in front, where there is one, gives null instead; `where` or `skip where` leaves such rows out"},
    {"there is no day", "the form with `try_` in front gives null instead; `where` or `skip where` leaves such rows out"},
    {"outside of the years", "leave such rows out with a `where`"},
    {"the clocks of", "choose: `from_wall_time_first` or `from_wall_time_last`"},
};

}  // namespace

const char* help_with(std::string_view message) {
  for (const Advice& row : advice)
    if (message.find(row.part) != std::string_view::npos) return row.help;
  return "";
}

}  // namespace bfl::run
