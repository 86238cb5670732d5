// What a script may cost before it is refused, however short it is.
#include <doctest/doctest.h>

#include <fmt/format.h>

#include "tests/unit/shop.h"

using namespace bfl;
using test::check_job;

TEST_CASE("expansion is limited, whatever grows") {
  std::string doubling = "fn f0(n: int) -> int = n + n\n", lets = "let l0 = shop.orders where exists(shop.lines)\n", chain = "let c0 = shop.orders\n", derives;
  for (int i = 1; i < 40; ++i) doubling += fmt::format("fn f{}(n: int) -> int = f{}(n) + f{}(n + 1)\n", i, i - 1, i - 1);
  for (int i = 1; i < 40; ++i) lets += fmt::format("let l{} = l{} where exists(l{}) and exists(l{})\n", i, i - 1, i - 1, i - 1);
  for (int i = 1; i < 400; ++i) chain += fmt::format("let c{} = c{} where id > {}\n", i, i - 1, i);
  for (int i = 1; i < 60; ++i) derives += fmt::format("d{} = d{} + d{} ", i, i - 1, i - 1);
  CHECK(check_job(doubling + "verify v { assert f39(1) == 1 }")->has(Code::expansion_too_large));
  CHECK(check_job(lets + "verify v { assert exists(l39) }")->has(Code::expansion_too_large));
  CHECK(check_job(chain + "verify v { assert exists(c399) }")->has(Code::expansion_too_large));
  CHECK(check_job("update u of shop.orders derive { d0 = id " + derives + "} { set line_count = d59 }")->has(Code::expansion_too_large));
}

TEST_CASE("what a short text may cost is limited, whatever it is made of") {
  // Each of these took seconds and gigabytes when only the nodes of one item were counted.
  const auto chain = [](int levels, std::string_view level) {
    std::string text = "let a0 = shop.orders\n";
    for (int i = 1; i < levels; ++i) text += fmt::format("let a{} = {}\n", i, fmt::format(fmt::runtime(level), fmt::arg("a", fmt::format("a{}", i - 1))));
    return text;
  };
  const auto repeated = [](int times, std::string_view step) {
    std::string text;
    for (int i = 0; i < times; ++i) text += fmt::format("check c{} {{ assert {} }}\n", i, step);
    return text;
  };
  std::string doubling = "fn f0(n: int) -> int = n + n\n", derives = "d0 = id";
  for (int i = 1; i < 14; ++i) doubling += fmt::format("fn f{}(n: int) -> int = f{}(n) + f{}(n + 1)\n", i, i - 1, i - 1);
  for (int i = 1; i < 15; ++i) derives += fmt::format(" d{} = d{} + d{}", i, i - 1, i - 1);
  const std::string derived = "let a = shop.orders as o derive { " + derives + " }\n";
  CHECK(check_job(chain(40, "shop.orders derive {{ d = count({a}) + count({a}) }}") + "verify v { assert exists(a39) }")->has(Code::expansion_too_large));
  CHECK(check_job(doubling + repeated(400, "f13(1) == 0"))->has(Code::expansion_too_large));
  CHECK(check_job(chain(14, "shop.orders where exists({a}) or exists({a})") + repeated(400, "exists(a13)"))->has(Code::expansion_too_large));
  CHECK(check_job(derived + repeated(400, "exists(a where d14 == 1)"))->has(Code::expansion_too_large));
  std::string joins = derived + "let b = a\n";
  for (int i = 0; i < 50; ++i) joins += fmt::format("join many shop.orders as x{} on x{}.id == d14\n", i, i);
  CHECK(check_job(joins + "verify v { assert exists(b) }")->has(Code::expansion_too_large));
  std::string queries = "fn f(x: int) -> int = x + x + case { exists(shop.orders) => 1, else => x }\nverify v { assert 1 == ";
  for (int i = 0; i < 30; ++i) queries += "f(";
  CHECK(check_job(queries + "1 + 1" + std::string(30, ')') + " }")->has(Code::expansion_too_large));
  // What is printed for people ends somewhere, too.
  std::string nested = "fn f(x: int) -> int = x + x\nupdate u of shop.orders { set line_count = ";
  for (int i = 0; i < 30; ++i) nested += "f(";
  const auto printed = check_job(nested + "order_count_of(id)" + std::string(30, ')') + " }\nfn order_count_of(n: int) -> int = n * n");
  REQUIRE_MESSAGE(!printed->diagnostics.has_errors(), printed->drawn());
  CHECK(program::to_string(*printed->step(0).assignments.at(0).value, printed->program).size() < 200'000);
  // Blocks within blocks, each using the one below twice: nothing expands, and what a value reads is looked up once.
  std::string blocks = "let b0 = shop.orders as o derive { p0 = id }\n";
  for (int i = 1; i < 38; ++i) blocks += fmt::format("let b{} = b{} derive {{ p{} = p{} + p{} }} order by id limit {}\n", i, i - 1, i, i - 1, i - 1, 1000 - i);
  CHECK(check_job(blocks + "update u of b37 { set line_count = p37 }")->drawn() == "");
}
