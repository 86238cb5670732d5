#include "interpreter/plan/memo.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <string_view>

#include "interpreter/base/digest.h"
#include "interpreter/check/meaning.h"
#include "interpreter/check/zones.h"

namespace bfl::plan {
namespace {

using program::ColumnUse;
using program::Step;

// Length first, so that neighbouring fields cannot run into each other.
void field(std::string& out, std::string_view text) {
  out += std::to_string(text.size());
  out += ':';
  out += text;
}
void field(std::string& out, std::int64_t number) {
  out += std::to_string(number);
  out += ';';
}

std::string digest_of(std::string_view text) { return hex(sha256(text)); }

// Neighbouring steps mostly share schema, target, walk and pacing: the digest of the same text again costs a comparison.
class LastDigest {
 public:
  const std::string& of(const std::string& text) {
    if (digest_.empty() || text != text_) {
      text_ = text;
      digest_ = digest_of(text);
    }
    return digest_;
  }

 private:
  std::string text_, digest_;
};

class Keys {
 public:
  Keys(const program::Program& program, const std::vector<std::string>& targets) : program_(program), targets_(targets) {
    semantics_ = digest_of(std::to_string(semantics_version));
    for (const Catalogue& catalogue : program.catalogues) columns_.emplace_back(catalogue.tables.size());
    for (const std::string* text : {&program.owner, &program.ticket, &program.why}) field(job_, *text);
  }

  MemoKey of(const Step& step) {
    MemoKey key;
    const bool writes = program::changes_rows(step.kind);
    key.components.reserve(5);
    key.components.push_back(meaning(step));
    key.components.push_back(schema(step));
    key.components.push_back(target(step, false));
    if (KeyComponent content = target(step, true); !content.shown.empty()) key.components.push_back(std::move(content));
    key.components.push_back({"semantics", semantics_, std::to_string(semantics_version)});
    if (check::ZoneRules zones = check::zone_rules(zones_); !zones.names.empty())
      key.components.push_back({"time zones", std::move(zones.digest), fmt::format("{}", fmt::join(zones.names, ", "))});
    text_.clear();
    bool computed = true;
    for (const KeyComponent& component : key.components) {
      computed = computed && !component.digest.empty();
      text_ += component.digest;
    }
    if (computed) key.digest = digest_of(text_);
    if (writes) key.components.push_back(walk(step));
    key.pacing = pacing(step);
    if (step.kind == program::StepKind::snapshot && step.relation) kept_[step.target] = key.digest;
    for (const program::Effect& effect : step.effects) kept_[effect.table] = key.digest;
    return key;
  }

  // Of all steps so far.
  std::string job_meaning() { return hex(job_meaning_.finish()); }

 private:
  // What a step reads of a relation that is kept means what the step that keeps it means.
  KeyComponent meaning(const Step& step) {
    auto [text, zones] = program::meaning_and_zones(step, program_);
    zones_ = std::move(zones);
    if (step.kind != program::StepKind::verify) job_meaning_.field(text);
    for (const ColumnUse& use : step.reads)
      if (const auto kept = kept_.find(use.table); use.column < 0 && kept != kept_.end()) field(text, kept->second);
    const bool table = !program::only_asserts(step.kind) && (step.relation || step.sql);
    return {"meaning", digest_of(text), table ? fmt::format("{} {}", name_of(step.kind), program_.table(step.target).kept.empty() ? program_.table(step.target).name : step.name) : "assertions"};
  }

  KeyComponent schema(const Step& step) {
    text_.clear();
    KeyComponent component{"schema", {}, {}};
    const program::TableRef* shown = nullptr;
    for (auto read = step.reads.begin(), write = step.writes.begin(); read != step.reads.end() || write != step.writes.end();) {
      const bool take_read = write == step.writes.end() || (read != step.reads.end() && *read <= *write);
      const ColumnUse& use = take_read ? *read : *write;
      if (take_read && write != step.writes.end() && *write == *read) ++write;
      text_ += column(use);
      if (!shown || *shown != use.table) component.shown += (shown ? ", " : "") + program_.table(use.table).name;
      shown = &use.table;
      take_read ? ++read : ++write;
    }
    if (program::changes_rows(step.kind))
      for (const Key& key : program_.table(step.target).keys) {
        if (!key.primary) continue;
        for (const int part : key.columns) text_ += column({step.target, part});
      }
    component.digest = last_schema_.of(text_);
    return component;
  }

  // Empty digest: a database without bfl's tables has no identity yet.
  // `files`: what is read of files is known by its content, and goes by a name of its own.
  KeyComponent target(const Step& step, bool files) {
    text_.clear();
    touched_.assign(targets_.size(), false);
    for (const auto* uses : {&step.reads, &step.writes})
      for (const ColumnUse& use : *uses) touched_.at(static_cast<std::size_t>(use.table.source)) = true;
    KeyComponent component{files ? "content" : "target", {}, {}};
    bool known = true;
    for (std::size_t source = 0; source < touched_.size(); ++source) {
      if (!touched_[source] || program_.catalogues[source].read_only != files) continue;
      known = known && !targets_[source].empty();
      field(text_, targets_[source]);
      component.shown += (component.shown.empty() ? "" : ", ") + program_.sources[source].name;
    }
    if (known) component.digest = last_target_.of(text_);
    return component;
  }

  KeyComponent walk(const Step& step) {
    text_.clear();
    field(text_, static_cast<int>(step.route));
    if (step.rollout && step.rollout->by_hash) field(text_, "by hash");  // where a stage stopped means something else by keys
    std::string shown;
    for (const int part : step.walk) {
      const std::string& name = program_.table(step.target).columns[static_cast<std::size_t>(part)].name;
      field(text_, name);
      shown += (shown.empty() ? "" : ", ") + name;
    }
    return {"walk", last_walk_.of(text_), shown.empty() ? "rowid" : shown, true};
  }

  std::string pacing(const Step& step) {
    text_ = job_;
    field(text_, step.doc);
    for (const auto& assertion : step.assertions) field(text_, assertion.message);
    field(text_, step.chunk_rows.value_or(-1));
    field(text_, step.atomic);
    if (step.quarantine) field(text_, "quarantine"), field(text_, *step.quarantine);
    if (step.rollout)
      for (const auto& stage : step.rollout->stages) field(text_, stage.text);
    for (const auto& expectation : step.expectations) {
      field(text_, static_cast<int>(expectation.bound));
      field(text_, expectation.rows);
      field(text_, static_cast<int>(expectation.what));
      field(text_, expectation.percent ? expectation.percent->to_string() + expectation.of_text : "");
    }
    return last_pacing_.of(text_);
  }

  const std::string& column(const ColumnUse& use) {
    auto& table = columns_[static_cast<std::size_t>(use.table.source)][static_cast<std::size_t>(use.table.table)];
    const Table& described = program_.table(use.table);
    if (table.empty()) table.resize(described.columns.size() + 1);
    std::string& text = table[static_cast<std::size_t>(use.column + 1)];
    if (!text.empty()) return text;
    field(text, program_.query(use.table) ? "sql" : described.name);  // what it is called does not matter
    if (use.column >= 0) {
      const Column& column = described.columns[static_cast<std::size_t>(use.column)];
      field(text, column.name);
      field(text, column.declared);
      field(text, to_string(column.type));
      field(text, static_cast<int>(column.storage));
      field(text, column.scale);
      field(text, column.generated);
      field(text, column.binary_collation);
    }
    return text;
  }

  const program::Program& program_;
  const std::vector<std::string>& targets_;
  std::vector<std::vector<std::vector<std::string>>> columns_;  // per source, table, column + 1: its description, once wanted
  std::map<program::TableRef, std::string> kept_;               // the key of the step that keeps it
  std::string semantics_, job_;
  Hasher job_meaning_{};
  std::string text_;                                            // what is hashed next; kept for its memory
  std::set<std::string> zones_;                                 // that the step at hand names
  std::vector<bool> touched_;                                   // sources, of the step at hand
  LastDigest last_schema_, last_target_, last_walk_, last_pacing_;
};

}  // namespace

std::vector<MemoKey> memo_keys(const program::Program& program, const std::vector<std::string>& targets, std::string* meaning) {
  Keys keys(program, targets);
  std::vector<MemoKey> all;
  all.reserve(program.steps.size());
  for (const Step& step : program.steps) all.push_back(keys.of(step));
  if (meaning) *meaning = keys.job_meaning();
  return all;
}

}  // namespace bfl::plan
