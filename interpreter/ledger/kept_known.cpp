#include "interpreter/ledger/kept_known.h"

#include <algorithm>

#include "interpreter/check/kept_name.h"
#include "interpreter/ledger/ledger.h"
#include "interpreter/ledger/own_sql.h"
#include "interpreter/ledger/verify_text.h"

namespace bfl::ledger {
namespace {

using connect::RawRow;

constexpr std::string_view prefix = "bfl_kept_";
const TableName not_known{std::string(KeptOrigin::not_known)};

}  // namespace

Result<KeptKnown> KeptKnown::read(connect::Connector& target) {
  KeptKnown known;
  auto there = exists(target);
  if (!there) return there.error();
  if (!*there) return known;
  OwnSql sql(target);
  // By the names under which the steps in the ledger would keep what they do.
  auto read = sql.query("SELECT DISTINCT job, name FROM bfl_step WHERE name <> ''", {}, [&](RawRow row) {
    const std::string job(row[0].bytes), step(row[1].bytes);
    known.jobs_[check::kept_name(job, step)] = job;
    for (const std::string_view effect : check::effect_names) known.jobs_[check::kept_name(job, step + "." + std::string(effect))] = job;
    return true;
  });
  if (read)
    read = sql.query("SELECT l.entry FROM bfl_step AS s JOIN bfl_ledger AS l ON l.step = s.id AND l.lane = 0 WHERE s.name = '' AND l.entry LIKE '%\"kind\":\"keep\"%' OR s.name = '' AND l.entry LIKE '%\"kind\":\"open\"%' ORDER BY l.id", {}, [&](RawRow row) {
      const EntryFields fields = fields_of(row[0].bytes);
      const std::string job = in(fields, "job"), step = in(fields, "step");
      // The newest counts; of one that tells nothing nobody knows.
      if (in(fields, "kind") == "keep") known.origins_.erase(check::kept_name(job, step));
      else if (in(fields, "route") == "undo") return true;
      else for (const std::string_view effect : check::effect_names) known.origins_.erase(check::kept_name(job, step + "." + std::string(effect)));
      for (KeptOrigin& origin : described_origins(in(fields, "keeps"))) known.learn(std::move(origin));
      return true;
    });
  if (!read) return read.error();
  return known;
}

std::string KeptKnown::job(const std::string& relation) const {
  const auto found = jobs_.find(relation);
  return found == jobs_.end() ? std::string() : found->second;
}

const KeptOrigin* KeptKnown::origin(const std::string& relation) const {
  const auto found = origins_.find(relation);
  return found == origins_.end() ? nullptr : &found->second;
}

bool KeptKnown::made_of(const std::string& relation, const NamedTable& table) const {
  const KeptOrigin* known = origin(relation);
  return !known || std::any_of(known->tables.begin(), known->tables.end(), [&](const TableName& of) { return of == not_known || table.is(of) != Same::no; });
}

// Of other kept relations that of which those were made at that time: they may have been made anew since.
void KeptKnown::learn(KeptOrigin origin) {
  std::vector<TableName> tables;
  for (const TableName& of : origin.tables) {
    const bool kept = of.name.starts_with(prefix);
    const auto known = kept ? origins_.find(of.name) : origins_.end();
    if (!kept) tables.push_back(of);
    else if (known == origins_.end()) tables.push_back(not_known);
    else tables.insert(tables.end(), known->second.tables.begin(), known->second.tables.end());
  }
  origin.tables = std::move(tables);
  origins_[origin.relation] = std::move(origin);
}

}  // namespace bfl::ledger
