// A SQLite file for one test, made by the plain library and opened by the connector; gone with the test.
#pragma once
#include <doctest/doctest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>

#include "interpreter/connect/connector.h"

namespace bfl {

struct ScratchDatabase {
  std::string path;

  explicit ScratchDatabase(const std::string& sql) {
    static int number = 0;
    path = (std::filesystem::temp_directory_path() / ("bfl_test_" + std::to_string(::getpid()) + "_" + std::to_string(++number) + ".db"))
               .string();
    remove();
    run(sql);
  }
  ScratchDatabase(const ScratchDatabase&) = delete;
  ScratchDatabase& operator=(const ScratchDatabase&) = delete;
  ~ScratchDatabase() { remove(); }

  void remove() const {
    for (const char* suffix : {"", "-wal", "-shm", "-journal"}) std::filesystem::remove(path + suffix);
  }
  void run(const std::string& sql) const {
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
    char* error = nullptr;
    const int code = sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &error);
    CHECK_MESSAGE(code == SQLITE_OK, (error ? error : ""));
    sqlite3_free(error);
    sqlite3_close(db);
  }
  std::unique_ptr<connect::Connector> open(connect::OpenOptions options = {}) const {
    auto connector = connect::open("sqlite:" + path, options);
    REQUIRE_MESSAGE(connector, (connector ? "" : connector.error().message));
    return std::move(*connector);
  }
};

}  // namespace bfl
