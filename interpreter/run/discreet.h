// What is said of rows whose columns are marked `sensitive`: which column it was, and nothing of what it holds. Only the ledger keeps
// such values, in the target itself.
#pragma once
#include <string>

#include "interpreter/check/sensitive.h"
#include "interpreter/ledger/stored.h"
#include "interpreter/run/context.h"

namespace bfl::run {

inline constexpr const char* unshown = "***";

// A value of the column for people, as shown() cuts it; of a sensitive one that it is null, or `***`.
std::string shown(const Column& column, const Result<Value>& value);
// The same, uncut.
std::string literal(const Column& column, const Value& value);
// As ledger::display writes it; dates, times and truths as people do, whatever numbers they are stored as. Nothing is hidden.
std::string as_written(const Column& column, const ledger::Stored& stored);
// The same of a row that the step knows by this key, as it may be told.
std::string display_key(const program::Program& program, const program::Step& step, const ledger::Key& key);
// The same of a row of any table, by columns of it.
std::string display_key(const Table& table, const std::vector<int>& columns, const ledger::Key& key);

// The error as it may be told: of a step that handles sensitive columns without the words that could hold a value. Its row, if it has
// one, is named by what may be shown (failed_row.h, lower/row_names.cpp).
Error discreet(const program::Program& program, const program::Step& step, Error error);

}  // namespace bfl::run
