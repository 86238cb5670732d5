#include "interpreter/eval/natives.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <sstream>

#include "interpreter/eval/patterns.h"

using namespace bfl;
using namespace bfl::eval;

namespace {

constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max(), smallest = std::numeric_limits<std::int64_t>::min();

Value text(std::string t) { return Value(std::move(t)); }
Value integer(std::int64_t i) { return Value(i); }
Value decimal(const char* t) { return Value(*Decimal::parse(t)); }
Value json(const char* t) { return Value(Json{t}); }
Value date(const char* t) { return Value(*parse_date(t)); }
Value timestamp(const char* t) { return Value(*parse_timestamp(t)); }

// `name(kind,…)` from the arguments themselves; a failure as `failed: message`.
std::string call(const std::string& name, const std::vector<Value>& args) {
  std::vector<Type> params;
  for (const Value& arg : args) params.push_back(arg.kind() == Kind::array ? array_of(Type{Kind::text}) : Type{arg.kind()});
  const std::string key = signature(name, params);
  const NativeFunction function = find_native(key);
  REQUIRE_MESSAGE(bool(function), key);
  const Outcome outcome = function(args);
  if (const auto* failed = std::get_if<Failure>(&outcome)) return "failed: " + failed->message;
  return to_display(std::get<Value>(outcome));
}
bool fails(const std::string& name, const std::vector<Value>& args) { return call(name, args).starts_with("failed: "); }

// The signatures that stdlib/*.bfl declares as native, by a plain scan of the lines.
std::set<std::string> declared() {
  std::set<std::string> all;
  for (const auto& entry : std::filesystem::directory_iterator(BFL_SOURCE_DIR "/stdlib")) {
    std::ifstream in(entry.path());
    for (std::string line; std::getline(in, line);) {
      const std::string head = "native fn ";
      if (!line.starts_with(head)) continue;
      const std::size_t open = line.find('('), close = line.find(')');
      std::string key = line.substr(head.size(), open - head.size()) + "(";
      std::stringstream params(line.substr(open + 1, close - open - 1));
      for (std::string param; std::getline(params, param, ',');) {
        std::string type = param.substr(param.find(": ") + 2);
        type.erase(std::remove(type.begin(), type.end(), '?'), type.end());
        key += (key.back() == '(' ? "" : ",") + type;
      }
      CHECK_MESSAGE(all.insert(key + ")").second, "declared twice: ", key);
    }
  }
  return all;
}

bool is_operator(std::string_view signature) {
  return signature.starts_with("negate(") || signature.starts_with("error(") ||
         std::string_view("+-*/").find(signature[0]) != std::string_view::npos;
}

}  // namespace

TEST_CASE("every declaration of the library has an implementation, and the reverse") {
  const auto library = declared();
  CHECK(library.size() > 150);
  for (const std::string& key : library) CHECK_MESSAGE(bool(find_native(key)), "declared only: ", key);
  std::string_view before;
  for (const std::string_view key : native_signatures()) {
    CHECK_MESSAGE(key != before, "twice in the table: ", std::string(key));
    before = key;
    if (!is_operator(key)) CHECK_MESSAGE(library.contains(std::string(key)), "implemented only: ", std::string(key));
  }
}

TEST_CASE("every function of the library has words and an example, and no module ends anything with a semicolon") {
  for (const auto& entry : std::filesystem::directory_iterator(BFL_SOURCE_DIR "/stdlib")) {
    std::ifstream in(entry.path());
    std::string before;
    for (std::string line; std::getline(in, line); before = line) {
      if (line.find_first_of("\"`") == std::string::npos) CHECK(line.find(';') == std::string::npos);
      if (line.starts_with("native fn ") || line.starts_with("fn ")) CHECK_MESSAGE(before.starts_with("# example: "), line);
    }
  }
}

TEST_CASE("no function crashes on any mixture of hostile values") {
  std::map<std::string, std::vector<Value>> hostile = {
      {"int",
       {integer(0), integer(1), integer(-1), integer(63), integer(64), integer(largest), integer(smallest), integer(1'000'000'000'000)}},
      {"decimal",
       {decimal("0"), decimal("-1.5"), decimal("1e999"), decimal("-1e-999"), decimal("9223372036854775808"),
        decimal(std::string(1000, '9').c_str())}},
      {"float", {0.0, -0.0, 1e308, -5e-324, double{INFINITY}, -double{INFINITY}, std::nan("")}},
      {"bool", {true, false}},
      {"text",
       {text(""), text(" "), text("a"), text("(a|b)*\\1["), text("\xff\xfe"), text("é\xcc\x81ß"), text(std::string("\0x", 2)), text("%"),
        text("%Y%m%d"), text("Europe/London"), text("{\"a\": [1]}"), text("\xf0\x9f\x98\x80"), text(std::string(5000, 'a')), text("2025-02-30"),
        text("\\0\\9\\")}},
      {"bytes", {Bytes{""}, Bytes{std::string("\0\xff", 2)}}},
      {"date", {Date{min_date_days}, Date{max_date_days}, Date{0}, Date{-1}}},
      {"timestamp", {Timestamp{min_timestamp_micros}, Timestamp{max_timestamp_micros}, Timestamp{-1}, Timestamp{0}}},
      {"duration", {Duration{smallest}, Duration{largest}, Duration{0}, Duration{-1}, Duration{micros_per_day}}},
      {"uuid", {Uuid{}}},
      {"json", {json("{}"), json("[1,null]"), json("1e400"), json("\"\\u0000\""), json("broken"), json("{\"a\":{\"a\":1}}")}},
      {"[text]", {Array{}, Array{std::make_shared<std::vector<Value>>(std::vector<Value>{text("a"), Value(), text("\xff")})}}},
  };
  for (const char* element : {"int", "decimal", "float", "bool", "date", "timestamp", "duration", "uuid", "json"}) {
    std::vector<Value> items = hostile.at(element);
    items.emplace_back();
    hostile["[" + std::string(element) + "]"] = {Array{}, Array{std::make_shared<std::vector<Value>>(std::move(items))}};
  }
  std::mt19937 random(7);
  for (const std::string_view key : native_signatures()) {
    const NativeFunction function = find_native(key);
    const std::size_t open = key.find('(');
    std::stringstream kinds(std::string(key.substr(open + 1, key.size() - open - 2)));
    std::vector<const std::vector<Value>*> pools;
    for (std::string kind; std::getline(kinds, kind, ',');) pools.push_back(&hostile.at(kind));
    for (int round = 0; round < 400; ++round) {
      std::vector<Value> args;
      for (const auto* pool : pools) args.push_back((*pool)[random() % pool->size()]);
      const Outcome first = function(args), again = function(args);
      REQUIRE_MESSAGE(first.index() == again.index(), std::string(key));
      if (const auto* failed = std::get_if<Failure>(&first)) {
        REQUIRE_MESSAGE(!failed->message.empty(), std::string(key));
      } else {
        REQUIRE_MESSAGE(equal(std::get<Value>(first), std::get<Value>(again)), std::string(key));
      }
    }
  }
}

TEST_CASE("arithmetic that does not fit fails and says what was asked") {
  CHECK(call("+", {integer(largest), integer(1)}) == "failed: `9223372036854775807 + 1` does not fit an int");
  CHECK(fails("-", {integer(smallest), integer(1)}));
  CHECK(fails("*", {integer(largest), integer(2)}));
  CHECK(fails("negate", {integer(smallest)}));
  CHECK(fails("abs", {integer(smallest)}));
  CHECK(fails("div", {integer(smallest), integer(-1)}));
  CHECK(call("mod", {integer(smallest), integer(-1)}) == "0");
  CHECK(call("/", {integer(1), integer(0)}) == "failed: division by zero");
  CHECK(call("/", {integer(5), integer(2)}) == "2.5");
  CHECK(call("/", {decimal("1"), decimal("3")}) == "0.33333333333333333333");
  CHECK(fails("*", {Value(1e308), Value(10.0)}));
  CHECK(fails("/", {Value(1.0), Value(-0.0)}));
  CHECK(fails("power", {integer(10), integer(19)}));
  CHECK(call("power", {integer(-1), integer(largest)}) == "-1");
  CHECK(fails("power", {decimal("1.1"), integer(largest)}));
  CHECK(call("power", {Value(2.0), Value(-2.0)}) == "0.25");
  CHECK(fails("power", {Value(0.0), Value(-1.0)}));
  CHECK(fails("power", {Value(-8.0), Value(0.5)}));
  CHECK(fails("power", {Value(1e200), Value(2.0)}));
  CHECK(call("exp", {Value(-1000.0)}) == "0.0");
  CHECK(fails("exp", {Value(1000.0)}));
  CHECK(call("ln", {Value(std::numeric_limits<double>::infinity())}) == to_display(Value(std::numeric_limits<double>::infinity())));
  CHECK(call("ln", {Value(0.0)}) == "failed: the number 0.0, which is not above 0, has no logarithm");
  CHECK(call("log10", {Value(0.001)}) == "-3.0");
  CHECK(fails("log10", {Value(-1.0)}));
  CHECK(fails("shift_left", {integer(1), integer(63)}));
  CHECK(call("shift_left", {integer(-1), integer(63)}) == std::to_string(smallest));
  CHECK(fails("round", {decimal(std::string(1000, '9').c_str()), integer(-1)}));
  CHECK(fails("clamp", {integer(1), integer(5), integer(2)}));
}

TEST_CASE("dates and durations keep to whole days and to the calendar") {
  const Value day{Duration{micros_per_day}}, hour{Duration{3'600'000'000}};
  CHECK(call("+", {date("2024-02-28"), day}) == "2024-02-29");
  CHECK(call("+", {date("2024-02-28"), hour}) == "failed: a date moves by whole days only, not by 1h");
  CHECK(call("-", {date("2025-03-01"), date("2025-02-28")}) == "1d");
  CHECK(fails("+", {date("9999-12-31"), day}));
  CHECK(fails("-", {Value(Timestamp{min_timestamp_micros}), hour}));
  CHECK(call("-", {timestamp("2025-03-01T00:00:00Z"), hour}) == "2025-02-28T23:00:00Z");
  CHECK(call("add_months", {date("2025-01-31"), integer(1)}) == "2025-02-28");
  CHECK(call("add_months", {date("2024-12-31"), integer(-12 * 2023)}) == "0001-12-31");
  CHECK(fails("add_months", {date("2025-01-31"), integer(largest)}));
  CHECK(fails("add_years", {date("2025-01-31"), integer(largest)}));
  CHECK(call("date_of", {timestamp("1969-12-31T23:59:59.999999Z")}) == "1969-12-31");
  CHECK(call("hour", {timestamp("1969-12-31T23:59:59Z")}) == "23");
  CHECK(call("weekday", {date("0001-01-01")}) == "1");
  CHECK(call("weekday", {date("1969-12-28")}) == "7");
  CHECK(call("truncate_to", {text("quarter"), timestamp("2025-05-31T10:00:00Z")}) == "2025-04-01T00:00:00Z");
  CHECK(call("truncate_to", {text("hour"), timestamp("1969-12-31T23:30:00Z")}) == "1969-12-31T23:00:00Z");
  CHECK(fails("truncate_to", {text("century"), timestamp("2025-05-31T10:00:00Z")}));
  CHECK(call("epoch_seconds", {timestamp("1969-12-31T23:59:59.5Z")}) == "-1");
  CHECK(fails("from_epoch_seconds", {integer(largest)}));
  CHECK(fails("from_epoch_seconds", {decimal("0.0000001")}));
  CHECK(fails("date", {integer(2025), integer(2), integer(29)}));
}

TEST_CASE("a pattern for dates is judged before the text") {
  CHECK(call("parse_date", {text("20250301"), text("%Y%m%d")}) == "2025-03-01");
  CHECK(call("parse_date", {text("Mar 1, 2025"), text("%b %d, %Y")}) == "2025-03-01");
  CHECK(fails("parse_date", {text("2025131"), text("%Y%m%d")}));
  CHECK(fails("try_parse_date", {text("2025-03"), text("%Y-%m")}));
  CHECK(fails("try_parse_date", {text("x"), text("%Y-%m-%d %H")}));
  CHECK(fails("format_date", {date("2025-03-01"), text("%H")}));
  CHECK(fails("format_time", {timestamp("2025-03-01T00:00:00Z"), text("100%")}));
  CHECK(call("try_parse_date", {text("31.02.2025"), text("%d.%m.%Y")}) == "null");
  CHECK(call("format_time", {timestamp("0001-01-01T00:00:00.000001Z"), text("%A %j %f %%")}) == "Monday 001 000001 %");
}

TEST_CASE("texts count code points and keep bytes that are no UTF-8") {
  CHECK(call("length", {text("\xf0\x9f\x98\x80é\xff")}) == "3");
  CHECK(call("reverse", {text("a\xff\xc3\xa9")}) ==
        "\xc3\xa9\xff"
        "a");
  CHECK(call("upper", {text("\xff"
                            "a")}) ==
        "\xff"
        "A");
  CHECK(call("right", {text("añb"), integer(2)}) == "ñb");
  CHECK(call("substring", {text("añb"), integer(smallest), integer(largest)}) == "");
  CHECK(call("substring", {text("añb"), integer(2), integer(largest)}) == "ñb");
  CHECK(call("trim", {text("\xc2\xa0 x\xe3\x80\x80")}) == "x");
  CHECK(call("trim", {text("ééxé"), text("é")}) == "x");
  CHECK(call("pad_start", {text("ü"), integer(3), text("ab")}) == "abü");
  CHECK(fails("pad_start", {text("x"), integer(3), text("")}));
  CHECK(fails("repeat", {text("ab"), integer(largest)}));
  CHECK(fails("pad_end", {text("ab"), integer(largest), text("é")}));
  CHECK(call("replace", {text("aaa"), text("aa"), text("b")}) == "ba");
  CHECK(call("replace", {text("abc"), text(""), text("x")}) == "abc");
  CHECK(call("split", {text(""), text(",")}) == "[]");
  CHECK(call("concat_with", {Value(Array{}), text(",")}) == "");
  CHECK(fails("nfc", {text("\xff")}));
  CHECK(call("slug", {text("Straße Łódź — Ærø!")}) == "strasse-lodz-aero");
  CHECK(call("slug", {text("!!!")}) == "");
  CHECK(call("letters", {integer(703)}) == "aaa");
}

TEST_CASE("an invalid pattern is a failure and its reason can be asked for") {
  CHECK(!pattern_error("a+").has_value());
  CHECK(pattern_error("(").has_value());
  CHECK(pattern_error(R"((a)\1)").has_value());
  CHECK(pattern_error(std::string(20'000, 'a')).has_value());
  CHECK(fails("matches", {text("a"), text("(")}));
  CHECK(fails("find_group", {text("a"), text("(a)"), integer(2)}));
  CHECK(call("find_group", {text("b"), text("(a)|b"), integer(1)}) == "null");
  CHECK(call("find_group", {text("b"), text("b*"), integer(0)}) == "b");
  CHECK(call("replace_all", {text("abc"), text(""), text("-")}) == "-a-b-c-");
  CHECK(call("replace_all", {text("aab"), text("a*"), text("x")}) == "xbx");
  CHECK(fails("replace_all", {text("a"), text("a"), text(R"(\1)")}));
  CHECK(call("split_match", {text("abc"), text("")}) == "[abc]");
  CHECK(call("count_matches", {text("\xf0\x9f\x98\x80\xff"), text(".")}) == "1");
  CHECK(fails("replace_all", {text(std::string(100'000, 'a')), text(".+"),
                              text(std::string(2000, 'x') + R"(\0\0\0\0\0\0\0\0\0\0)" + std::string(70'000'000, 'y'))}));
}

TEST_CASE("conversions read all of the text or fail") {
  CHECK(call("to_int", {text("+7")}) == "7");
  for (const char* bad : {"", " ", "1.0", "0x1", "1e3", "9223372036854775808", "1 2", "+-1", "--1", "١"})
    CHECK_MESSAGE(call("try_int", {text(bad)}) == "null", bad);
  for (const char* bad : {"", "1,5", ".5", "nan", "1e"}) CHECK_MESSAGE(call("try_decimal", {text(bad)}) == "null", bad);
  for (const char* bad : {"", "x", "0x10", "infinity", "1e400", "+-1", "1e"}) CHECK_MESSAGE(call("try_float", {text(bad)}) == "null", bad);
  CHECK(call("to_float", {text("1e-400")}) == "0.0");
  CHECK(call("to_int", {text("twelve")}) == "failed: \"twelve\" is not a whole number of 64 bits");
  CHECK(call("to_int", {decimal("1.5")}) == "failed: `1.5` is not a whole number");
  CHECK(fails("to_int", {Value(1e30)}));
  CHECK(fails("to_int", {Value(std::nan(""))}));
  CHECK(fails("to_decimal", {Value(double{INFINITY})}));
  CHECK(fails("to_float", {decimal("1e999")}));
  CHECK(fails("to_bool", {integer(2)}));
  CHECK(fails("to_text", {Value(Bytes{"\xff"})}));
  CHECK(call("to_timestamp", {text("2025-03-01 10:00")}) == "2025-03-01T10:00:00Z");
}

TEST_CASE("json keeps numbers as written and answers null for what is not there") {
  CHECK(call("json_get", {json("{\"a\":12345678901234567890.10}"), text("a")}) == "12345678901234567890.10");
  CHECK(call("json_get", {json("[1]"), text("a")}) == "null");
  CHECK(call("json_get", {json("[1,2,3]"), integer(-3)}) == "1");
  CHECK(call("json_get", {json("[1]"), integer(smallest)}) == "null");
  CHECK(call("json_get_text", {json("{\"a\":[1, 2]}"), text("a")}) == "[1,2]");
  CHECK(fails("json_get_int", {json("{\"a\":1.5}"), text("a")}));
  CHECK(call("json_get_int", {json("{\"a\":1e2}"), text("a")}) == "100");
  CHECK(fails("json_get_bool", {json("{\"a\":\"true\"}"), text("a")}));
  CHECK(fails("json_set", {json("[]"), text("a"), integer(1)}));
  CHECK(call("json_set", {json("{\"b\":1}"), text("a\""), json("null")}) == "{\"b\":1,\"a\\\"\":null}");
  CHECK(call("json_merge", {json("{\"a\":1,\"b\":2}"), json("{\"b\":3}")}) == "{\"a\":1,\"b\":3}");
  CHECK(call("json_merge", {json("{}"), json("{}")}) == "{}");
  CHECK(call("json_keys", {json("{\"b\":1,\"a\":2,\"b\":3}")}) == "[a, b]");
  CHECK(call("json_array_text", {json("[\"x\",null,1.50,{}]")}) == "[x, null, 1.50, {}]");
  CHECK(call("json_parse", {text("{")}).find("is not valid JSON") != std::string::npos);
  CHECK(call("try_json", {text("nope")}) == "null");
}

TEST_CASE("Python literals become JSON or null") {
  CHECK(call("try_python_literal", {text("{'a': (1, None), 2: [True, 'it\\'s', \"q\"], 'f': -1.5e-05}")}) ==
        R"({"a":[1,null],"2":[true,"it's","q"],"f":-1.5e-05})");
  CHECK(call("try_python_literal", {text("(1,)")}) == "[1]");
  CHECK(call("try_python_literal", {text("(1)")}) == "1");
  CHECK(call("try_python_literal", {text("()")}) == "[]");
  CHECK(call("try_python_literal", {text("'\\xe9\\U0001f600'")}) == "\"é\xf0\x9f\x98\x80\"");
  for (const char* bad :
       {"", "{1, 2}", "b'x'", "Decimal('1')", "[1 2]", "[,]", "{'a'}", "'\\ud800'", "nan", "1 if x else 2", "{'a': 1", "'a\nb'"})
    CHECK_MESSAGE(call("try_python_literal", {text(bad)}) == "null", bad);
  CHECK(call("try_python_literal", {text(std::string(10'000, '['))}) == "null");
}
