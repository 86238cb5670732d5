// A database of its own on the server that tests/postgres.sh has started; BFL_POSTGRES names its folder. Without one the test
// program ends with 77: skipped.
#pragma once
#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>

#include "interpreter/connect/connector.h"

namespace bfl {

class PostgresDatabase {
 public:
  PostgresDatabase() {
    const char* folder = std::getenv("BFL_POSTGRES");
    std::ifstream file(std::string(folder ? folder : "/nonexistent") + "/url");
    if (!std::getline(file, server_)) std::exit(77);
    static int number = 0;
    name_ = "w_" + std::to_string(::getpid()) + "_" + std::to_string(++number);
    run("CREATE DATABASE " + name_);
  }
  ~PostgresDatabase() { run("DROP DATABASE " + name_ + " WITH (FORCE)"); }
  std::unique_ptr<connect::Connector> open() const { return opened(server_.substr(0, server_.rfind('/') + 1) + name_); }

 private:
  static std::unique_ptr<connect::Connector> opened(const std::string& url) {
    auto connector = connect::open(url, {});
    REQUIRE_MESSAGE(connector, (connector ? "" : connector.error().message + " " + connector.error().detail));
    return std::move(*connector);
  }
  void run(const std::string& sql) const {
    auto done = opened(server_)->execute(sql);
    CHECK_MESSAGE(done, (done ? "" : done.error().message));
  }
  std::string server_, name_;
};

}  // namespace bfl
