// The table of connectors: a scheme and who opens it.
#include <fmt/format.h>

#include "interpreter/connect/connector.h"
#include "interpreter/connect/csv.h"
#include "interpreter/connect/postgres_open.h"
#include "interpreter/connect/sqlite_open.h"

namespace bfl::connect {
namespace {

struct Scheme {
  std::string_view prefix;
  bool stays;  // the prefix is a part of what the engine itself reads
  Result<std::unique_ptr<Connector>> (*open)(const std::string& rest, const OpenOptions& options);
};

constexpr Scheme schemes[] = {
    {"sqlite://", false, sqlite::open},      {"sqlite:", false, sqlite::open},      {"csv://", false, csv::open},
    {"csv:", false, csv::open},              {"postgres://", true, postgres::open}, {"postgresql://", true, postgres::open},
    {"postgres:", false, postgres::open},    {"postgresql:", false, postgres::open},
};

}  // namespace

Result<std::unique_ptr<Connector>> open(const std::string& url, const OpenOptions& options) {
  for (const Scheme& scheme : schemes)
    if (url.starts_with(scheme.prefix)) return scheme.open(scheme.stays ? url : url.substr(scheme.prefix.size()), options);
  // Of a foreign URL only the scheme is shown: the rest may hold a password.
  if (const auto colon = url.find("://"); colon != std::string::npos)
    return Error{ErrorClass::fatal, fmt::format("no connector for `{}://`", url.substr(0, colon)), {}, "this version opens `sqlite:PATH`, `csv:PATH` and `postgres://…`"};
  return sqlite::open(url, options);
}

Result<std::unique_ptr<Connector>> open_scratch() { return sqlite::open_scratch(); }

Result<void> Connector::scan(const Table& table, std::span<const int> columns, const RowCallback& row) {
  std::string list;
  for (const int column : columns)
    list += (list.empty() ? "" : ", ") + lower::quote_identifier(table.columns[static_cast<std::size_t>(column)].name);
  auto statement = prepare(fmt::format("SELECT {} FROM {}", list.empty() ? "1" : list, lower::qualified(table)));
  if (!statement) return statement.error();
  return (*statement)->query_raw({}, row);
}

Result<Description> Connector::describe(const lower::Statement&, const eval::Context&, std::span<const std::string>) {
  return Error{ErrorClass::refused, "this source has no SQL"};
}

Result<void> Prepared::query_each(std::span<const Parameters> sets, const EachRow& row) {
  for (std::size_t i = 0; i < sets.size(); ++i) {
    auto read = query_raw(sets[i], [&](RawRow found) {
      row(i, found);
      return true;
    });
    if (!read) return read;
  }
  return {};
}

Result<void> Prepared::run_each(std::span<const Parameters> sets, const EachBefore& before, const EachDone& done) {
  for (std::size_t i = 0; i < sets.size(); ++i) {
    before(i);
    auto changed = run_raw(sets[i]);
    if (!changed) return changed.error();
    done(i, *changed);
  }
  return {};
}

}  // namespace bfl::connect
