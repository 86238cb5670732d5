// Images of the rows that a statement is about to change, read in batches: the room that they take does not grow with their number.
//
// Best by a second session, that reads the images of rows while the first one changes them. Both see one snapshot: that which the first has
// exported. It never writes, and whatever becomes of it, the first session alone says what is committed.
#pragma once
#include "interpreter/connect/postgres_session.h"

namespace bfl::connect::postgres {

using ShowBatch = std::function<Result<void>(const PGresult* batch)>;

// In the transaction that is open: the rows of `sql`, how many, and no more than `most` + 1.
Result<std::int64_t> read_images(Session& session, const std::string& sql, const std::vector<Parameter>& parameters, std::int64_t most,
                                 const ShowBatch& show);

class ImageReader {
 public:
  ImageReader(const Library& library, std::string url, const OpenOptions& options);

  // Whether there is such a session with the server that `first` speaks to; connects when it is asked for the first time.
  bool ready(const Session& first);
  void give_up() { given_up_ = true; }
  void interrupt() { session_.interrupt(); }
  void label(const Label& label) { session_.label(label); }

  // The same as `snapshot` has the rows. When it fails by itself, an error of class transient, and it is never ready again.
  Result<std::int64_t> read(const std::string& snapshot, const std::string& sql, const std::vector<Parameter>& parameters, std::int64_t most,
                            const ShowBatch& show);

 private:
  Session session_;
  bool given_up_ = false;
};

}  // namespace bfl::connect::postgres
