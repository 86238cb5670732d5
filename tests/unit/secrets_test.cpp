#include "interpreter/base/secrets.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using namespace bfl;

TEST_CASE("a secret is hidden in every form in which texts hold it") {
  const std::string secret = "it's \"a\"\\\tkey\nof two lines, \xc3\xa9";
  CHECK(without_secrets(secret) == secret);
  remember_secret(secret);
  remember_secret("0123456789abcdef");
  remember_secret("0123456789");
  CHECK(without_secrets(secret) == "***");
  CHECK(without_secrets("before " + secret + " behind") == "before *** behind");
  CHECK(without_secrets(nlohmann::json{{"a", secret}}.dump()) == R"({"a":"***"})");
  CHECK(without_secrets("= 'it''s \"a\"\\\tkey\nof two lines, \xc3\xa9'") == "= '***'");
  CHECK(without_secrets("cut off: it's \"a\"\\\tk…") == "cut off: ***…");
  CHECK(without_secrets("of a line\n   of two lines, \xc3\xa9\n") == "of a line\n   ***\n");
  CHECK(without_secrets("0123456789abcdef 0123456789ab 01234567") == "*** *** ***");
  CHECK(without_secrets("0123456 and ***") == "0123456 and ***");
  CHECK(without_secrets("") == "");
}

TEST_CASE("a digest stands for a secret and is not a plain one") {
  CHECK(secret_digest("a long secret") == secret_digest("a long secret"));
  CHECK(secret_digest("a long secret") != secret_digest("a long Secret"));
  CHECK(secret_digest("a long secret").size() == 64);
}
