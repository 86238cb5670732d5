#include "interpreter/connect/postgres_images.h"

#include <fmt/format.h>

namespace bfl::connect::postgres {
namespace {

constexpr int batch_rows = 2'000;  // one is shown while the next one comes

OpenOptions reading(OpenOptions options) {
  options.read_only = true;
  return options;
}

}  // namespace

ImageReader::ImageReader(const Library& library, std::string url, const OpenOptions& options) : session_(library, std::move(url), reading(options)) {}

bool ImageReader::ready(const Session& first) {
  if (given_up_) return false;
  if (!session_.broken()) return true;
  // No waiting for a server that has no room for another session: the first one can do it all.
  given_up_ = !session_.connect() || session_.identity() != first.identity();
  return !given_up_;
}

Result<std::int64_t> read_images(Session& session, const std::string& sql, const std::vector<Parameter>& parameters, std::int64_t most,
                                 const ShowBatch& show) {
  if (auto declared = session.execute(fmt::format("DECLARE bfl_images NO SCROLL CURSOR FOR {} LIMIT {}", sql, most + 1), parameters); !declared)
    return declared.error();
  const std::string fetch = fmt::format("FETCH FORWARD {} FROM bfl_images", batch_rows);
  auto batch = session.execute(fetch, {});
  if (!batch) return batch.error();
  std::int64_t rows = session.library().PQntuples(batch->get());
  while (session.library().PQntuples(batch->get()) == batch_rows) {
    auto next = session.execute(fetch, {}, [&] { return show(batch->get()); });
    if (!next) return next.error();
    batch = std::move(next);
    rows += session.library().PQntuples(batch->get());
  }
  if (auto done = show(batch->get()); !done) return done.error();
  return rows;
}

Result<std::int64_t> ImageReader::read(const std::string& snapshot, const std::string& sql, const std::vector<Parameter>& parameters,
                                       std::int64_t most, const ShowBatch& show) {
  session_.forget_interrupt();
  bool shown = true;
  const auto show_one = [&](const PGresult* batch) {
    auto done = show(batch);
    shown = bool(done);
    return done;
  };
  const std::string how = fmt::format("ISOLATION LEVEL REPEATABLE READ READ ONLY;SET TRANSACTION SNAPSHOT '{}'", snapshot);
  auto begun = session_.begin(how.c_str());
  auto rows = begun ? read_images(session_, sql, parameters, most, show_one) : Result<std::int64_t>(begun.error());
  session_.rollback();
  if (rows || !shown || rows.error().kind == ErrorClass::data || rows.error().kind == ErrorClass::interrupted) return rows;
  given_up_ = true;
  Error error = rows.error();
  error.kind = ErrorClass::transient;
  return error;
}

}  // namespace bfl::connect::postgres
