#include "interpreter/base/value.h"

#include <doctest/doctest.h>

#include <cmath>

#include "interpreter/base/json.h"

using namespace bfl;

namespace {
Value text(const char* t) { return std::string(t); }
std::string at(const char* t) {
  const auto parsed = parse_timestamp(t);
  return parsed ? format_timestamp(*parsed) : "none";
}
}  // namespace

TEST_CASE("null equals null and nothing else") {
  CHECK(equal(Value(), Value()));
  CHECK(!equal(Value(), std::int64_t{0}));
  CHECK(!equal(text(""), Value()));
}

TEST_CASE("NaN equals itself and sorts after infinity; minus zero is zero") {
  CHECK(equal(std::nan(""), std::nan("")));
  CHECK(order(std::nan(""), double{INFINITY}) > 0);
  CHECK(equal(-0.0, 0.0));
}

TEST_CASE("nulls sort last and text by code point") {
  CHECK(order(Value(), std::int64_t{5}) > 0);
  CHECK(order(text("Z"), text("a")) < 0);
  CHECK(order(text("z"), text("é")) < 0);
  CHECK(order(text("\xef\xbf\xbd"), text("\xf0\x9f\x98\x80")) < 0);  // UTF-16 would have it the other way round
  CHECK(order(text("a"), text("ab")) < 0);
}

TEST_CASE("json is equal by content, not by spelling") {
  const auto same = [](const char* a, const char* b) { return equal(Value(Json{a}), Value(Json{b})); };
  CHECK(same(R"({"a": 1, "b": [1.0]})", R"({"b":[1],"a":1e0})"));
  CHECK(same(R"("\u00e9\/")", "\"é/\""));
  CHECK(same("1e30000", "10e29999"));
  CHECK(same(R"({"a": 1, "a": 2})", R"({"a": 2})"));
  CHECK(!same("[1, 2]", "[2, 1]"));
  CHECK(!same("9007199254740993", "9007199254740992"));
  CHECK(canonical_json(std::string_view("[1500e-1, -0.0, 0.001, 1e100]")) == "[150,0,0.001,1e100]");
}

TEST_CASE("json that is not strict is refused with the place") {
  for (const char* bad : {"", "{", "[1,]", "01", "1.", "+1", "nul", "'a'", "{a:1}", "[1] 2", R"("\ud800")", R"("\x")", "\"\n\"", "\"\xff\"",
                          "1e9999999999", "NaN"})
    CHECK_MESSAGE(std::holds_alternative<JsonError>(read_json(bad)), bad);
  CHECK(std::holds_alternative<JsonError>(read_json(std::string(100000, '['))));
  CHECK(std::get<JsonError>(read_json("[1, x]")).offset == 4);
}

TEST_CASE("dates are checked against the calendar") {
  CHECK(format_date(*parse_date("2024-02-29")) == "2024-02-29");
  CHECK(parse_date("0001-01-01")->days == min_date_days);
  CHECK(parse_date("9999-12-31")->days == max_date_days);
  CHECK(parse_date("1970-01-01")->days == 0);
  for (const char* bad : {"2025-02-29", "2025-13-01", "2025-00-10", "0000-01-01", "2025-1-1", "2025-01-01 ", "25-01-01", "2025/01/01", "",
                          "10000-01-01", "-001-01-01"})
    CHECK_MESSAGE(!parse_date(bad), bad);
}

TEST_CASE("timestamps are read with and without zone and kept in UTC") {
  CHECK(at("2025-03-01T10:00:00Z") == "2025-03-01T10:00:00Z");
  CHECK(at("2025-03-01 10:00") == "2025-03-01T10:00:00Z");
  CHECK(at("2025-03-01 10:00:00.5+02:00") == "2025-03-01T08:00:00.5Z");
  CHECK(at("2025-03-01 01:00:00+0200") == "2025-02-28T23:00:00Z");
  CHECK(at("2025-03-01 01:00:00-05") == "2025-03-01T06:00:00Z");
  CHECK(at("1969-12-31T23:59:59.999999Z") == "1969-12-31T23:59:59.999999Z");
  CHECK(at("9999-12-31T23:59:59.999999Z") == "9999-12-31T23:59:59.999999Z");
  CHECK(format_timestamp(*parse_timestamp("2025-03-01T10:00:00Z"), ' ', "+00:00") == "2025-03-01 10:00:00+00:00");
  for (const char* bad : {"2025-03-01", "2025-03-01T24:00:00", "2025-03-01T10:60", "2025-03-01T10:00:60", "2025-03-01T10:00:00.1234567",
                          "2025-03-01T10:00:00.", "2025-03-01T10", "2025-03-01T10:00:00X", "2025-03-01T10:00:00Z ", "2025-03-01t10:00:00",
                          "9999-12-31T23:00:00-02:00", "0001-01-01T00:00:00+01:00", "2025-03-01T10:00+2"})
    CHECK_MESSAGE(!parse_timestamp(bad), bad);
}

TEST_CASE("uuids are read in the usual form only and written in lower case") {
  CHECK(format_uuid(*parse_uuid("58DC0F06-936c-43b3-93bb-71693f1b6570")) == "58dc0f06-936c-43b3-93bb-71693f1b6570");
  for (const char* bad :
       {"", "58dc0f06936c43b393bb71693f1b6570", "58dc0f06-936c-43b3-93bb-71693f1b657g", "58dc0f06-936c-43b3-93bb71693f1b65700-"})
    CHECK(!parse_uuid(bad));
}

TEST_CASE("overlong forms, surrogates and cut sequences are no UTF-8") {
  for (const char* good : {"", "abc", "é", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"}) CHECK(valid_utf8(good));
  for (const char* bad : {"\x80", "\xc0\x80", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff", "\xf0\x9f\x98", "a\xc3("})
    CHECK(!valid_utf8(bad));
}

TEST_CASE("values are written as a script would write them") {
  CHECK(to_literal(text("a\"b\\\n")) == R"("a\"b\\\n")");
  CHECK(to_literal(*Decimal::parse("12")) == "12.0");
  CHECK(to_literal(Duration{90'000'000}) == "90s");
  CHECK(to_literal(Duration{7'200'000'000}) == "2h");
  CHECK(to_literal(Array{std::make_shared<std::vector<Value>>(std::vector<Value>{std::int64_t{1}, Value()})}) == "[1, null]");
  CHECK(to_display(0.1) == "0.1");
  CHECK(to_display(Value()) == "null");
}

TEST_CASE("canonical forms of different values differ") {
  const std::vector<Value> values = {Value(),
                                     true,
                                     false,
                                     std::int64_t{1},
                                     *Decimal::parse("1"),
                                     1.0,
                                     text("1"),
                                     Bytes{"1"},
                                     Date{1},
                                     Timestamp{1},
                                     Duration{1},
                                     Json{"1"},
                                     text(""),
                                     text("t0:"),
                                     Array{},
                                     Array{std::make_shared<std::vector<Value>>(std::vector<Value>{Value()})}};
  for (std::size_t i = 0; i < values.size(); ++i)
    for (std::size_t k = 0; k < i; ++k) CHECK(to_canonical(values[i]) != to_canonical(values[k]));
}

TEST_CASE("a signature names kinds, not nullability") {
  const Type text_type{Kind::text};
  CHECK(signature("join", {array_of(text_type.with_null()).with_null(), text_type}) == "join([text],text)");
  CHECK(to_string(array_of(Type{Kind::integer, true})) == "[int?]");
}
