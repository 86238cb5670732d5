#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "interpreter/base/variable.h"
#include "interpreter/cli/same_place.h"
#include "interpreter/connect/postgres_address.h"

using bfl::Variable;
using bfl::cli::same_place;

namespace {

// The environment of libpq as the test has it.
struct Alone {
  Variable host{"PGHOST", nullptr}, address{"PGHOSTADDR", nullptr}, port{"PGPORT", nullptr}, user{"PGUSER", nullptr}, database{"PGDATABASE", nullptr}, service{"PGSERVICE", nullptr},
      file{"PGSERVICEFILE", nullptr}, system{"PGSYSCONFDIR", "/nowhere"};
};

bool has_libpq() {
  if (bfl::connect::postgres::words_of("postgres://h/d")) return true;
  MESSAGE("libpq is not installed: not tried");
  return false;
}

}  // namespace

TEST_CASE("a file, and anything that is no server, is where its text says") {
  CHECK(same_place("sqlite:a.db", "sqlite:a.db"));
  CHECK(!same_place("sqlite:a.db", "sqlite:./a.db"));
  CHECK(!same_place("sqlite:shop", "postgres:dbname=shop"));
}

TEST_CASE("a server is host, port and database, however the address is spelled") {
  if (!has_libpq()) return;
  const Alone alone;
  const std::string shop = "postgres://db.example.com/shop";
  for (const char* same : {"postgresql://db.example.com/shop", "postgres://app:s3cret@db.example.com:5432/shop", "postgres://DB.Example.COM/shop", "postgres://db.example.com:/shop",
                           "postgres://db.example.com/%73hop", "postgres://d%62.example.com/shop", "postgres:///shop?host=db.example.com", "postgres://db.example.com/?dbname=shop",
                           "postgres://db.example.com/shop?sslmode=verify-full&application_name=x&connect_timeout=3", "postgres:host=db.example.com dbname=shop",
                           "postgresql: dbname = 'shop'  host = 'db.example.com' port=5432 user=other", "postgres://shop@db.example.com"})
    CHECK_MESSAGE(same_place(shop, same), same);
  for (const char* other : {"postgres://db.example.com/shop2", "postgres://db.example.com:5433/shop", "postgres://db2.example.com/shop", "postgres://db.example.com/Shop", "postgres://db.example.com",
                            "postgres://db.example.com,db2.example.com/shop", "postgres://db.example.com/shop/", "postgres://db.example.com/%zz", "postgres:host", "postgres://app@/shop",
                            "postgres:host=db.example.com port=5432,5433 dbname=shop"})
    CHECK_MESSAGE(!same_place(shop, other), other);
}

TEST_CASE("several servers, addresses, sockets") {
  if (!has_libpq()) return;
  const Alone alone;
  CHECK(same_place("postgres://a,b/shop", "postgres:host=a,b port=5432 dbname=shop"));
  CHECK(same_place("postgres://a:5432,b:5433/shop", "postgres:host=A,B port=,5433 dbname=shop"));
  CHECK(same_place("postgres://a,b:5433/shop", "postgres:host=a,b port=5432,5433 dbname=shop"));
  CHECK(!same_place("postgres://a:5433,b:5433/shop", "postgres://a,b:5433/shop"));
  CHECK(!same_place("postgres://a,b/shop", "postgres://b,a/shop"));  // the first that answers is taken
  CHECK(same_place("postgres://[::1]/shop", "postgres:host=::1 dbname=shop"));
  CHECK(same_place("postgres://[::1]:5433/shop", "postgres:hostaddr=::1 host=db port=5433 dbname=shop"));
  CHECK(same_place("postgres://%2Fvar%2Frun%2Fpg/shop", "postgres:host=/var/run/pg dbname=shop"));
  CHECK(!same_place("postgres:host=/var/run/PG dbname=shop", "postgres:host=/var/run/pg dbname=shop"));
  CHECK(same_place("postgres:host=a,b hostaddr=10.0.0.1, dbname=shop", "postgres://10.0.0.1,b/shop"));
  CHECK(!same_place("postgres:host=a,b hostaddr=10.0.0.1 dbname=shop", "postgres:host=a,b hostaddr=10.0.0.1 dbname=shop port=5432"));  // libpq takes neither
  CHECK(same_place(R"(postgres:dbname='my \'shop\'' host=h)", "postgres://h/my%20'shop'"));
}

TEST_CASE("what an address leaves open comes from the environment, and is what it is when it is said") {
  if (!has_libpq()) return;
  const Alone alone;
  const Variable host("PGHOST", "db.example.com"), port("PGPORT", "6432"), database("PGDATABASE", "shop");
  CHECK(same_place("postgres://", "postgres://db.example.com:6432/shop"));
  CHECK(same_place("postgres:", "postgres://db.example.com:6432/shop"));
  CHECK(same_place("postgres://db.example.com/shop", "postgres:port=6432"));
  CHECK(!same_place("postgres://", "postgres://db.example.com:5432/shop"));
  // What is said to be empty is not open.
  CHECK(!same_place("postgres:host=''", "postgres://db.example.com:6432/shop"));
  CHECK(same_place("postgres:host='' port=''", "postgres:host='' port=5432 dbname=shop"));
  CHECK(same_place("postgres:dbname='' user=x", "postgres://db.example.com:6432/x"));
  {
    const Variable none("PGDATABASE", nullptr), user("PGUSER", "app");
    CHECK(same_place("postgres://", "postgres://db.example.com:6432/app"));
    CHECK(same_place("postgres://x@", "postgres://db.example.com/x"));
  }
}

TEST_CASE("a service says what the address does not, and goes before the environment") {
  if (!has_libpq()) return;
  const Alone alone;
  const auto file = std::filesystem::temp_directory_path() / ("bfl-services-" + std::to_string(getpid()));
  std::ofstream(file) << "[staging]\nhost=staging.example.com\nport=5433\ndbname=shop\n[production]\nhost=db.example.com\ndbname=shop\n";
  const Variable services("PGSERVICEFILE", file.c_str()), host("PGHOST", "elsewhere");
  CHECK(same_place("postgres:service=staging", "postgres://staging.example.com:5433/shop"));
  CHECK(same_place("postgres:///?service=production", "postgres://db.example.com/shop"));
  CHECK(same_place("postgres:service=staging dbname=other", "postgres://staging.example.com:5433/other"));
  CHECK(!same_place("postgres:service=staging", "postgres:service=production"));
  CHECK(same_place("postgres://elsewhere/shop", "postgres:///shop"));
  // What no file knows leads nowhere, and not to where the environment does.
  CHECK(!same_place("postgres:service=stagin dbname=shop", "postgres:dbname=shop"));
  CHECK(!same_place("postgres:service=stagin dbname=shop", "postgres:service=stagin dbname=shop user=x"));
  {
    const Variable named("PGSERVICE", "staging");
    CHECK(same_place("postgres:", "postgres://staging.example.com:5433/shop"));
    CHECK(same_place("postgres:service=production", "postgres://db.example.com:5432/shop"));
    CHECK(std::string(std::getenv("PGSERVICE")) == "staging");
  }
  CHECK(std::getenv("PGSERVICE") == nullptr);
  std::filesystem::remove(file);
}
