#include "interpreter/connect/postgres_rows.h"

#include <fmt/format.h>

#include "interpreter/connect/postgres_values.h"

namespace bfl::connect::postgres {

ResultRows::ResultRows(const Library& library, const PGresult* result) : library_(library), result_(result) {
  for (int i = 0; i < library.PQnfields(result); ++i) types_.push_back(library.PQftype(result, i));
  values_.resize(types_.size());
}

int ResultRows::count() const { return library_.PQntuples(result_); }

Result<RawRow> ResultRows::read(int row) {
  std::size_t room = 0;
  for (std::size_t i = 0; i < types_.size(); ++i) {
    const int column = static_cast<int>(i);
    room += made_text(types_[i], library_.PQgetvalue(result_, row, column), static_cast<std::size_t>(library_.PQgetlength(result_, row, column)));
  }
  if (arena_.size() < room) arena_.resize(room);
  char* made = arena_.data();
  for (std::size_t i = 0; i < types_.size(); ++i) {
    const int column = static_cast<int>(i);
    if (library_.PQgetisnull(result_, row, column)) {
      values_[i] = {};
      continue;
    }
    if (!raw_of(types_[i], library_.PQgetvalue(result_, row, column), static_cast<std::size_t>(library_.PQgetlength(result_, row, column)), values_[i],
                made))
      return Error{ErrorClass::fatal, fmt::format("a value of the type number {} cannot be read", types_[i]), {}, {}};
  }
  return RawRow(values_);
}

Changes::Changes(Session& session, const ChangeObserver& observer, const std::vector<int>& assigned, const PGresult* result, std::size_t beside,
                 lower::Shows shows, std::string_view table)
    : session_(session), observer_(observer), rows_(session.library(), result), shows_(shows) {
  const std::size_t shown = rows_.columns() - beside;
  const bool rewrites = shows == lower::Shows::rewrites;
  columns_ = rewrites ? shown / 2 : shows == lower::Shows::updates ? shown - assigned.size() : shown;
  for (std::size_t i = columns_; i < shown; ++i) becomes_.push_back(rewrites ? static_cast<int>(i - columns_) : assigned[i - columns_]);
  after_.resize(columns_);
  change_.kind = shows == lower::Shows::inserts ? ChangeKind::insert : shows == lower::Shows::deletes ? ChangeKind::remove : ChangeKind::update;
  change_.table = table;
}

Result<void> Changes::tell(int place) {
  if (!observer_) return {};
  auto values = rows_.read(place);
  if (!values) return values.error();
  changed_.clear();
  for (std::size_t i = 0; i < becomes_.size(); ++i) {
    const auto column = static_cast<std::size_t>(becomes_[i]);
    if ((*values)[columns_ + i] == (*values)[column]) continue;
    after_[column] = (*values)[columns_ + i];
    changed_.push_back(becomes_[i]);
  }
  const RawRow row = values->first(columns_);
  change_.before = shows_ == lower::Shows::inserts ? RawRow() : row;
  change_.after = shows_ == lower::Shows::inserts ? row : shows_ == lower::Shows::deletes ? RawRow() : RawRow(after_);
  change_.changed = changed_;
  observer_(change_);
  if (session_.interrupted()) return Error{ErrorClass::interrupted, "asked to stop"};
  return {};
}

}  // namespace bfl::connect::postgres
