#include "interpreter/base/decimal.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using bfl::Decimal;
using bfl::Rounding;

namespace {
Decimal dec(const std::string& text) {
  const auto parsed = Decimal::parse(text);
  REQUIRE_MESSAGE(parsed, text);
  return *parsed;
}
std::string shown(const std::optional<Decimal>& d) { return d ? d->to_string() : "none"; }
}  // namespace

TEST_CASE("a decimal is read exactly and written plainly") {
  CHECK(dec("0").to_string() == "0");
  CHECK(dec("-0").to_string() == "0");
  CHECK(dec("-0.00").to_string() == "0");
  CHECK(dec("1.50").to_string() == "1.5");
  CHECK(dec("1.5").to_string(2) == "1.50");
  CHECK(dec("-0.05").to_string() == "-0.05");
  CHECK(dec("100").to_string() == "100");
  CHECK(dec("1e3").to_string() == "1000");
  CHECK(dec("1E-3").to_string() == "0.001");
  CHECK(dec("+7").to_string(2) == "7.00");
  CHECK(dec("0e999999999999999999999").to_string() == "0");
  CHECK(dec("9223372036854775807").to_string() == "9223372036854775807");
  CHECK(dec("9223372036854775808").to_string() == "9223372036854775808");
  CHECK(dec("-9223372036854775808").to_int64() == std::numeric_limits<std::int64_t>::min());
  CHECK(dec("0.000000000000000000000000000001").scale() == 30);
}

TEST_CASE("what is no decimal is refused") {
  for (const char* text :
       {"", "+", "-", ".", "1.", ".5", "1e", "1e+", "1..2", "1 ", " 1", "1_000", "0x10", "nan", "inf", "--1", "1e5.0", "١"})
    CHECK_MESSAGE(!Decimal::parse(text), text);
  CHECK(!Decimal::parse("1e1000"));
  CHECK(!Decimal::parse("1e-1001"));
  CHECK(!Decimal::parse("1e99999999999999999999999"));
  CHECK(!Decimal::parse(std::string(1001, '9')));
  CHECK(Decimal::parse(std::string(100000, '0') + "1"));
}

TEST_CASE("arithmetic is exact beyond 64 bits") {
  CHECK(shown(add(dec("9223372036854775807"), dec("1"))) == "9223372036854775808");
  CHECK(shown(subtract(dec("-9223372036854775808"), dec("0.1"))) == "-9223372036854775808.1");
  CHECK(shown(add(dec("0.1"), dec("0.2"))) == "0.3");
  CHECK(shown(add(dec("1e30"), dec("1e-30"))) == "1000000000000000000000000000000.000000000000000000000000000001");
  CHECK(shown(multiply(dec("99999999999.99"), dec("99999999999.99"))) == "9999999999998000000000.0001");
  CHECK(shown(multiply(dec("1.5"), dec("-2"))) == "-3");
  CHECK(shown(subtract(dec("10000000000000000000000"), dec("9999999999999999999999"))) == "1");
  CHECK(shown(dec("-9223372036854775808").negated()) == "9223372036854775808");
  CHECK(dec("9223372036854775808").negated() == dec("-9223372036854775808"));
}

TEST_CASE("a quotient has twenty digits, the last rounded half to even") {
  CHECK(shown(divide(dec("1"), dec("3"))) == "0.33333333333333333333");
  CHECK(shown(divide(dec("2"), dec("3"))) == "0.66666666666666666667");
  CHECK(shown(divide(dec("-2"), dec("3"))) == "-0.66666666666666666667");
  CHECK(shown(divide(dec("1"), dec("4"))) == "0.25");
  CHECK(shown(divide(dec("1e-20"), dec("2"))) == "0");
  CHECK(shown(divide(dec("3e-20"), dec("2"))) == "0.00000000000000000002");
  CHECK(shown(divide(dec("10000000000000000000000"), dec("0.0001"))) == "100000000000000000000000000");
  CHECK(!divide(dec("1"), dec("0")));
  CHECK(!remainder(dec("1"), dec("0.0")));
  CHECK(shown(remainder(dec("-7"), dec("3"))) == "-1");
  CHECK(shown(remainder(dec("7.5"), dec("-2"))) == "1.5");
}

TEST_CASE("a result of more than a thousand digits is refused") {
  const Decimal nines = dec(std::string(1000, '9'));
  CHECK(!add(nines, dec("1")));
  CHECK(!multiply(nines, dec("10")));
  CHECK(!multiply(dec("1e-600"), dec("1e-600")));
  CHECK(add(nines, dec("0")));
}

TEST_CASE("rounding modes differ at the half and by sign") {
  const auto at = [](const char* text, int digits, Rounding mode) { return dec(text).rounded(digits, mode).to_string(); };
  CHECK(at("2.5", 0, Rounding::half_up) == "3");
  CHECK(at("-2.5", 0, Rounding::half_up) == "-3");
  CHECK(at("2.5", 0, Rounding::half_even) == "2");
  CHECK(at("3.5", 0, Rounding::half_even) == "4");
  CHECK(at("-2.1", 0, Rounding::floor) == "-3");
  CHECK(at("-2.9", 0, Rounding::ceiling) == "-2");
  CHECK(at("-2.9", 0, Rounding::down) == "-2");
  CHECK(at("2.1", 0, Rounding::up) == "3");
  CHECK(at("1250", -2, Rounding::half_even) == "1200");
  CHECK(at("1250", -2, Rounding::half_up) == "1300");
  CHECK(at("5", -1, Rounding::half_up) == "10");
  CHECK(at("4", -5000, Rounding::half_up) == "0");
  CHECK(at("1.005", 2, Rounding::half_up) == "1.01");
  CHECK(at("1.5", 10, Rounding::down) == "1.5");
  CHECK(at("99999999999999999999.995", 2, Rounding::half_up) == "100000000000000000000");
}

TEST_CASE("decimals order by value whatever their scale") {
  CHECK(dec("1.50") == dec("1.5"));
  CHECK(dec("1e25").compare(dec("1e24")) > 0);
  CHECK(dec("-1e25").compare(dec("1")) < 0);
  CHECK(dec("0.1").compare(dec("0.10000000000000000000000000000001")) < 0);
}

TEST_CASE("a float becomes the shortest decimal that reads back as it") {
  CHECK(shown(Decimal::from_double(0.1)) == "0.1");
  CHECK(shown(Decimal::from_double(-0.0)) == "0");
  CHECK(shown(Decimal::from_double(1e22)) == "10000000000000000000000");
  CHECK(Decimal::from_double(5e-324)->to_double() == 5e-324);
  CHECK(Decimal::from_double(1.7976931348623157e308)->to_double() == 1.7976931348623157e308);
  CHECK(!Decimal::from_double(std::nan("")));
  CHECK(!Decimal::from_double(INFINITY));
  CHECK(dec("0.1").to_double() == 0.1);
  CHECK(dec("9007199254740993").to_double() == 9007199254740992.0);
  CHECK(std::isinf(dec("1e400").to_double()));
  CHECK(dec("1e-400").to_double() == 0.0);
  CHECK(!dec("1.5").to_int64());
  CHECK(!dec("9223372036854775808").to_int64());
}
