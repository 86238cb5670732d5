#include "interpreter/connect/postgres_connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>

#include "interpreter/base/fault_points.h"
#include "interpreter/connect/postgres_open.h"

namespace bfl::connect::postgres {
namespace {

constexpr int fetch_rows = 5'000;  // of a long result at a time
constexpr std::int64_t most_images = 100'000;  // of one change: they are in memory at once
constexpr std::int64_t few_of = 3;  // rows are found by their keys where that are this many times fewer than those walked
constexpr std::int64_t least_beside = has_fault_points ? 1 : 2'000;  // rows, for which a second session is asked

class Statement final : public Prepared {
 public:
  Statement(Connection& connection, lower::Statement statement, std::vector<Parameter> fixed)
      : connection_(connection), statement_(std::move(statement)), parameters_(std::move(fixed)), fixed_(parameters_.size()) {}

  Result<std::int64_t> run(std::span<const Value> more) override {
    if (auto bound = bind(more); !bound) return bound.error();
    return run_bound();
  }
  Result<void> query(std::span<const Value> more, const RowCallback& row) override {
    if (auto bound = bind(more); !bound) return bound.error();
    return query_bound(row);
  }
  Result<std::int64_t> run_raw(std::span<const RawValue> more) override {
    bind_raw(more);
    return run_bound();
  }
  Result<void> query_raw(std::span<const RawValue> more, const RowCallback& row) override {
    bind_raw(more);
    return query_bound(row);
  }

  Result<void> query_each(std::span<const Parameters> sets, const EachRow& row) override {
    if (auto arrays = as_arrays(sets)) {
      auto result = connection_.session().execute(statement_.together, *arrays);
      if (!result) return result.error();
      auto places = by_set(result->get(), sets.size());
      if (!places) return places.error();
      ResultRows rows(connection_.session().library(), result->get());
      for (const auto& [set, place] : *places) {
        auto found = rows.read(place);
        if (!found) return found.error();
        row(set, found->first(found->size() - 1));
      }
      return {};
    }
    return each(sets, [&](std::size_t set, const PGresult* result) -> Result<void> {
      auto shown = connection_.show(result, [&](RawRow found) {
        row(set, found);
        return true;
      });
      return shown ? Result<void>{} : Result<void>{shown.error()};
    });
  }
  Result<void> run_each(std::span<const Parameters> sets, const EachBefore& before, const EachDone& done) override {
    if (auto arrays = as_arrays(sets); arrays && connection_.in_transaction()) {
      auto together = run_together(sets, *arrays, before, done);
      if (!together) return together.error();
      if (*together) return {};
    }
    if (!sets.empty()) before(0);
    return each(sets, [&](std::size_t set, const PGresult* result) -> Result<void> {
      auto changed = changed_by(result);
      if (!changed) return changed.error();
      done(set, *changed);
      if (set + 1 < sets.size()) before(set + 1);
      return {};
    });
  }

 private:
  // Each parameter of the sets as an array; nothing where one by one is no worse, or all that there is.
  std::optional<std::vector<Parameter>> as_arrays(std::span<const Parameters> sets) const {
    constexpr std::size_t least = 8;
    if (statement_.together.empty() || sets.size() < least) return std::nullopt;
    std::vector<Parameter> arrays(statement_.parameters.size());
    for (std::size_t i = 0; i < arrays.size(); ++i)
      if (!array_of(sets, i, statement_.parameters[i].type.kind, arrays[i])) return std::nullopt;
    return arrays;
  }

  using Places = std::vector<std::pair<std::size_t, int>>;  // of rows of a result, by set

  // As the last column says.
  Result<Places> by_set(const PGresult* result, std::size_t sets) const {
    Places places;
    ResultRows rows(connection_.session().library(), result);
    for (int i = 0; i < rows.count(); ++i) {
      auto row = rows.read(i);
      if (!row) return row.error();
      const std::int64_t number = row->back().integer;
      if (number < 1 || number > static_cast<std::int64_t>(sets)) return Error{ErrorClass::fatal, "the server gave a row of a set that it was not given", {}, {}};
      places.emplace_back(static_cast<std::size_t>(number - 1), i);
    }
    std::stable_sort(places.begin(), places.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    return places;
  }

  // Whether inserted rows came in the order of the sets: each is what its set says.
  Result<bool> in_order(const PGresult* result, std::span<const Parameters> sets) const {
    ResultRows rows(connection_.session().library(), result);
    if (rows.count() != static_cast<int>(sets.size())) return false;
    for (std::size_t set = 0; set < sets.size(); ++set) {
      auto row = rows.read(static_cast<int>(set));
      if (!row) return row.error();
      for (std::size_t i = 0; i < statement_.told_by.size(); ++i)
        if ((*row)[static_cast<std::size_t>(statement_.told_in[i])] != sets[set][statement_.told_by[i]]) return false;
    }
    return true;
  }

  // All sets by one statement. False: nothing is done, and they are to be tried one by one, which tells the one that does not fit.
  Result<bool> run_together(std::span<const Parameters> sets, const std::vector<Parameter>& arrays, const EachBefore& before, const EachDone& done) {
    Session& session = connection_.session();
    session.forget_interrupt();
    if (auto saved = session.execute("SAVEPOINT bfl_together"); !saved) return saved.error();
    const auto give_up = [&]() -> Result<bool> {
      auto back = session.execute("ROLLBACK TO SAVEPOINT bfl_together");
      return back ? Result<bool>(false) : Result<bool>(back.error());
    };
    auto result = session.execute(statement_.together, arrays);
    if (!result) return result.error().kind == ErrorClass::data ? give_up() : Result<bool>(result.error());
    const bool numbered = statement_.shows == lower::Shows::updates || statement_.shows == lower::Shows::deletes;
    Result<Places> places = Places{};
    if (numbered) {
      places = by_set(result->get(), sets.size());
      if (!places) return places.error();
    } else {
      auto kept = statement_.shows == lower::Shows::inserts ? in_order(result->get(), sets)
                                                            : Result<bool>(count_of(result->get()) == static_cast<std::int64_t>(sets.size()));
      if (!kept) return kept.error();
      if (!*kept) return give_up();
      for (std::size_t set = 0; set < sets.size() && statement_.shows == lower::Shows::inserts; ++set) places->emplace_back(set, static_cast<int>(set));
    }
    if (auto released = session.execute("RELEASE SAVEPOINT bfl_together"); !released) return released.error();
    auto changes = connection_.changes(result->get(), numbered ? 1 : 0, statement_.shows, statement_.table);
    auto place = places->begin();
    for (std::size_t set = 0; set < sets.size(); ++set) {
      before(set);
      std::int64_t rows = statement_.shows == lower::Shows::rows ? 1 : 0;
      for (; place != places->end() && place->first == set; ++place, ++rows)
        if (auto told = changes.tell(place->second); !told) return told.error();
      done(set, rows);
    }
    return true;
  }

  Result<void> each(std::span<const Parameters> sets, const std::function<Result<void>(std::size_t, const PGresult*)>& show) {
    Session& session = connection_.session();
    session.forget_interrupt();
    if (auto ready = ready_outside(); !ready) return ready;
    std::vector<std::vector<Parameter>> all;
    for (const Parameters& set : sets) {
      bind_raw(set);
      all.push_back(parameters_);
    }
    return session.execute_each(statement_.text, all, show);
  }
  Result<std::int64_t> changed_by(const PGresult* result) {
    if (statement_.shows == lower::Shows::rows) return count_of(result);
    if (auto shown = connection_.show_changes(result, statement_.shows, statement_.table); !shown) return shown.error();
    return std::int64_t{connection_.session().library().PQntuples(result)};
  }

  const lower::Wire* wire(std::size_t index) const {
    return index < statement_.parameters.size() ? &statement_.parameters[index] : nullptr;
  }

  void bind_raw(std::span<const RawValue> more) {
    parameters_.resize(fixed_ + more.size());
    for (std::size_t i = 0; i < more.size(); ++i) put(parameters_[fixed_ + i], more[i], wire(i));
  }
  Result<void> bind(std::span<const Value> more) {
    parameters_.resize(fixed_ + more.size());
    std::string arena;
    for (std::size_t i = 0; i < more.size(); ++i) {
      const lower::Wire given = wire(i) ? *wire(i) : lower::wire_of(Type{more[i].kind()});
      auto raw = connection_.encode(more[i], given, arena);
      if (!raw) return raw.error();
      put(parameters_[fixed_ + i], *raw, &given);
    }
    return {};
  }

  Result<std::int64_t> run_bound() {
    Session& session = connection_.session();
    session.forget_interrupt();
    if (auto ready = ready_outside(); !ready) return ready.error();
    if (!statement_.images.empty() && connection_.observing()) return change_with_images();
    auto result = session.execute(statement_.text, parameters_);
    if (!result) return result.error();
    return changed_by(result->get());
  }

  std::int64_t count_of(const PGresult* result) const {
    const std::string count = connection_.session().library().PQcmdTuples(const_cast<PGresult*>(result));
    return count.empty() ? 0 : std::stoll(count);
  }

  // Both statements see one snapshot. What is read is told while the server changes it.
  Result<std::int64_t> change_with_images() {
    if (connection_.finds_most()) return change_most();
    Session& session = connection_.session();
    const Library& library = session.library();
    auto images = session.execute(fmt::format("{} LIMIT {}", statement_.images, most_images + 1), parameters_);
    if (!images) return images.error();
    const std::int64_t found = library.PQntuples(images->get());
    connection_.changed(found);
    if (found == 0) return found;
    if (found > most_images) return std::int64_t{-1};
    const bool few = !statement_.of_shown.empty() && found * few_of <= connection_.walked();
    const std::size_t bound = parameters_.size();
    if (few)
      for (const int column : statement_.shown_key) parameters_.push_back(array_of(library, images->get(), column));
    auto changed = session.execute(few ? statement_.of_shown : statement_.text, parameters_, [&] { return connection_.show_changes(images->get(), lower::Shows::updates, statement_.table); });
    parameters_.resize(bound);
    if (!changed) return changed.error();
    return count_of(changed->get());
  }

  // The same in batches, where most rows are sure to change: by another session while this one changes them, or before.
  Result<std::int64_t> change_most() {
    Session& session = connection_.session();
    const auto show = [&](const PGresult* batch) { return connection_.show_changes(batch, lower::Shows::updates, statement_.table); };
    ImageReader* const reader = connection_.beside();
    std::string snapshot;
    if (reader) {
      auto exported = session.execute("SELECT pg_export_snapshot()", {});
      if (!exported) {
        reader->give_up();
        return Error{ErrorClass::transient, exported.error().message, exported.error().detail, {}};
      }
      snapshot = session.library().PQgetvalue(exported->get(), 0, 0);
    }
    std::int64_t found = 0;
    const auto read = [&]() -> Result<void> {
      auto rows = reader ? reader->read(snapshot, statement_.images, parameters_, most_images, show)
                         : read_images(session, statement_.images, parameters_, most_images, show);
      if (!rows) return rows.error();
      found = *rows;
      connection_.changed(found);
      if (reader) fault_point("after_images");
      return found > most_images ? Result<void>(Error{ErrorClass::interrupted, "more images than are held at a time"}) : Result<void>{};
    };
    Result<void> done;
    if (!reader) done = read();
    auto changed = !done    ? Result<ResultHandle>(done.error())
                   : reader ? session.execute(statement_.text, parameters_, read)
                            : session.execute(statement_.text, parameters_);
    if (found > most_images) return std::int64_t{-1};
    if (!changed) return changed.error();
    const std::int64_t rows = count_of(changed->get());
    if (!reader)
      if (auto closed = session.execute("CLOSE bfl_images"); !closed) return closed.error();
    return rows;
  }

  Result<void> query_bound(const RowCallback& row) {
    Session& session = connection_.session();
    session.forget_interrupt();
    if (auto ready = ready_outside(); !ready) return ready;
    if (statement_.many) return query_many(row);
    auto result = session.execute(statement_.text, parameters_);
    if (!result) return result.error();
    auto shown = connection_.show(result->get(), row);
    return shown ? Result<void>{} : Result<void>{shown.error()};
  }

  Result<void> ready_outside() {
    return connection_.in_transaction() ? Result<void>{} : connection_.session().ensure();
  }

  // By a cursor: a result of any size takes the room of one batch, and may be left early.
  Result<void> query_many(const RowCallback& row) {
    Session& session = connection_.session();
    const bool own = !session.in_transaction();
    if (own)
      if (auto begun = connection_.begin_read(); !begun) return begun;
    Result<void> done;
    auto declared = session.execute("DECLARE bfl_rows NO SCROLL CURSOR FOR " + statement_.text, parameters_);
    if (!declared) done = declared.error();
    for (bool more = true; done && more;) {
      auto batch = session.execute(fmt::format("FETCH FORWARD {} FROM bfl_rows", fetch_rows), {});
      if (!batch) {
        done = batch.error();
        break;
      }
      more = session.library().PQntuples(batch->get()) == fetch_rows;
      auto shown = connection_.show(batch->get(), row);
      if (!shown) done = shown.error();
      else more = more && *shown;
      if (done && session.interrupted()) done = Error{ErrorClass::interrupted, "asked to stop"};
    }
    if (own) connection_.rollback();
    else if (done)
      if (auto closed = session.execute("CLOSE bfl_rows"); !closed) done = closed.error();
    return done;
  }

  Connection& connection_;
  lower::Statement statement_;
  std::vector<Parameter> parameters_;
  std::size_t fixed_;
};

}  // namespace

Result<std::unique_ptr<Connector>> open(const std::string& url, const OpenOptions& options) {
  auto found = library();
  if (!found) return found.error();
  auto connection = std::make_unique<Connection>(**found, url, options);
  // A server that has no room, or is not ready yet, is asked again as often as a chunk is by default.
  constexpr int times = 5;
  std::mt19937 random{std::random_device{}()};
  for (int again = 0;; ++again) {
    auto connected = connection->session().connect();
    if (connected) return std::unique_ptr<Connector>(std::move(connection));
    Error error = connected.error();
    if (error.kind != ErrorClass::transient) return error;
    if (again == times) {
      error.message += fmt::format("; tried {} times", again + 1);
      return error;
    }
    std::this_thread::sleep_for(std::chrono::duration<double>(std::uniform_real_distribution<double>(0.1, 0.2)(random) * (1 << again)));
  }
}

Result<std::unique_ptr<Connector>> Connection::another() {
  auto made = std::make_unique<Connection>(session_.library(), session_.url(), session_.options());
  if (auto connected = made->session().connect(); !connected) return connected.error();
  made->own_commits_ = own_commits_;
  made->alone_ = true;
  return std::unique_ptr<Connector>(std::move(made));
}

Result<std::vector<Parameter>> Connection::constants(const lower::Statement& statement, const eval::Context& context) {
  std::vector<Parameter> fixed(statement.binds.size());
  std::string arena;
  const Value now(context.clock);
  for (std::size_t i = 0; i < fixed.size(); ++i) {
    const bool clock = std::find(statement.clocks.begin(), statement.clocks.end(), i) != statement.clocks.end();
    auto raw = encode(clock ? now : statement.binds[i], statement.bind_wires[i], arena);
    if (!raw) return raw.error();
    put(fixed[i], *raw, &statement.bind_wires[i]);
  }
  return fixed;
}

Result<std::unique_ptr<Prepared>> Connection::prepare(const lower::Statement& statement, const eval::Context& context) {
  auto fixed = constants(statement, context);
  if (!fixed) return fixed.error();
  return std::unique_ptr<Prepared>(std::make_unique<Statement>(*this, statement, std::move(*fixed)));
}

Result<std::unique_ptr<Prepared>> Connection::prepare(std::string_view sql) {
  lower::Statement statement;
  statement.text = sql;
  return std::unique_ptr<Prepared>(std::make_unique<Statement>(*this, statement, std::vector<Parameter>{}));
}

Result<void> Connection::execute(std::string_view sql) {
  if (!in_transaction())
    if (auto ready = session_.ensure(); !ready) return ready;
  auto done = session_.execute(std::string(sql));
  return done ? Result<void>{} : Result<void>{done.error()};
}

Result<Value> Connection::decode(RawValue raw, const lower::Wire& wire) {
  Value value;
  std::string problem;
  if (!decode_into(raw, wire, value, problem)) return Error{ErrorClass::data, problem};
  return value;
}

Result<RawValue> Connection::encode(const Value& value, const lower::Wire& wire, std::string& arena) {
  RawValue raw;
  std::string problem;
  if (!encode_into(value, wire, arena, raw, problem)) return Error{ErrorClass::data, problem};
  return raw;
}

Result<void> Connection::begin_read() {
  writing_ = false;
  return session_.begin("ISOLATION LEVEL REPEATABLE READ READ ONLY");
}

// A chunk reads and changes rows in one snapshot: a row that somebody else changed meanwhile is refused by the server, so that
// no image can show another version than the one that was changed. Bookkeeping waits for its rows instead.
Result<void> Connection::begin_write(WriteKind kind) {
  writing_ = true;
  changed_before_ = false;
  return session_.begin(kind == WriteKind::rows ? "ISOLATION LEVEL REPEATABLE READ READ WRITE;SET LOCAL max_parallel_workers_per_gather = 0" : "ISOLATION LEVEL READ COMMITTED READ WRITE");
}

// What this transaction has changed already, another session does not see. A pooler may have none to give while this one waits for it.
ImageReader* Connection::beside() {
  if (alone_ || session_.pooled() || changed_before_ || walked_ < least_beside) return nullptr;
  return images_.ready(session_) ? &images_ : nullptr;
}

void Connection::changed(std::int64_t rows) {
  if (walked_ > 0) most_found_ = rows * few_of > walked_;
  changed_before_ = changed_before_ || rows > 0;
}

Result<void> Connection::commit() {
  auto committed = session_.commit();
  if (committed && writing_) own_commits_->fetch_add(1);
  writing_ = false;
  return committed;
}

// Every transaction that writes takes the next number. With none of them under way, and as many taken since as this
// connection has committed, nobody else has. Beside others of the same run there is no instant at which both are known.
std::optional<std::int64_t> Connection::commits_of_others() {
  if (alone_) return std::nullopt;
  std::optional<std::int64_t> others;
  auto read = rows("SELECT pg_snapshot_xmin(s)::text::bigint, pg_snapshot_xmax(s)::text::bigint FROM (SELECT pg_current_snapshot() AS s) AS x", {},
                   [&](RawRow row) {
                     if (row[0].integer == row[1].integer) others = row[1].integer - own_commits_->load();
                     return false;
                   });
  return read ? others : std::nullopt;
}

void Connection::observe(ChangeObserver observer, std::string_view table, std::vector<int> assigned) {
  observer_ = std::move(observer);
  table_ = table;
  assigned_ = std::move(assigned);
}

Result<void> Connection::rows(const std::string& sql, const std::vector<Parameter>& parameters, const RowCallback& row) {
  if (!in_transaction())
    if (auto ready = session_.ensure(); !ready) return ready;
  auto result = session_.execute(sql, parameters);
  if (!result) return result.error();
  auto shown = show(result->get(), row);
  return shown ? Result<void>{} : Result<void>{shown.error()};
}

Result<bool> Connection::show(const PGresult* result, const RowCallback& row) {
  ResultRows rows(session_.library(), result);
  for (int i = 0; i < rows.count(); ++i) {
    auto read = rows.read(i);
    if (!read) return read.error();
    if (!row(*read)) return false;
  }
  return true;
}

Changes Connection::changes(const PGresult* result, std::size_t beside, lower::Shows shows, std::string_view table) {
  return {session_, observer_, assigned_, result, beside, shows, table.empty() ? std::string_view(table_) : table};
}

Result<void> Connection::show_changes(const PGresult* result, lower::Shows shows, std::string_view table) {
  Changes told = changes(result, 0, shows, table);
  for (int i = 0; i < session_.library().PQntuples(result); ++i)
    if (auto done = told.tell(i); !done) return done;
  return {};
}

}  // namespace bfl::connect::postgres
