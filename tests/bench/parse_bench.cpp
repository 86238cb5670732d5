// parse_bench generate MEGABYTES > FILE   a script of about that size
// parse_bench measure FILE                the speed of the grammar alone and of parse() with tree, spans and comments
//
// The rounds alternate, so that a busy machine slows both; the medians are compared.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "grammar/bfl.h"
#include "interpreter/syntax/parse.h"

namespace {

void generate(double megabytes) {
  const auto wanted = static_cast<std::size_t>(megabytes * 1e6);
  std::size_t written = 0;
  const auto put = [&](const std::string& text) {
    written += text.size();
    std::fputs(text.c_str(), stdout);
  };
  put("job generated {\n  owner \"payments-data@example.com\"\n  why \"A script of many steps.\"\n}\n\nsource shop = "
      "sqlite(\"shop.db\")\n\n");
  for (int i = 0; written < wanted; ++i) {
    put(fmt::format(R"bfl(# The rows of shard {0} that are wrong.
let wrong_{0} = shop.orders
  where shard == {0} and created_at >= 2025-03-01 and created_at < 2025-03-10
  join one shop.customers as c on c.id == customer_id else skip "customer is gone"
  where total != subtotal + tax or not matches(code, r"^[A-Z]{{2}}-[0-9]+$")
  derive {{
    right = round(subtotal + tax * (1 + {1} / 100.0), 2)
    label = case c.country {{ "de", "at" => f"{{c.name}} ({{code}})", else => lower(trim(c.name ?? "unknown")) }}
  }}

check scope_{0} {{
  assert count(wrong_{0}) <= 50_000 "more rows than the incident explains"
}}

update fix_{0} of wrong_{0} chunk 5_000 by id expect changed <= 50_000 {{
  set total = right
  set note = label + " corrected"
}}

verify none_left_{0} {{
  assert count(wrong_{0}) == 0
  assert not exists(shop.lines as l where l.order_id in (id from wrong_{0}) and l.amount < 0)
}}

)bfl",
                    i, i % 30));
  }
}

double seconds(const auto& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

int measure(const char* path) {
  std::ifstream stream(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(stream)), {});
  const double megabytes = static_cast<double>(text.size()) / 1e6;
  bfl::Sources sources;
  const std::uint32_t source = sources.add(path, std::move(text));
  const std::string_view content = sources.file(source).text();
  std::vector<double> rules, whole;
  std::size_t nodes = 0, comments = 0;
  for (int round = 0; round < 7; ++round) {
    rules.push_back(seconds([&] {
      tao::pegtl::memory_input<tao::pegtl::tracking_mode::lazy, tao::pegtl::eol::lf_crlf, const char*> in(
          content.data(), content.data() + content.size(), "");
      if (!tao::pegtl::parse<bfl::grammar::file>(in)) std::abort();
    }));
    whole.push_back(seconds([&] {
      bfl::Diagnostics diagnostics;
      const bfl::ast::File file = bfl::syntax::parse(sources, source, diagnostics);
      if (diagnostics.has_errors()) {
        std::fputs(bfl::render(diagnostics, sources).c_str(), stderr);
        std::exit(1);
      }
      nodes = file.nodes.size();
      comments = file.comments.size();
    }));
  }
  const double rules_speed = megabytes / median(rules), whole_speed = megabytes / median(whole);
  fmt::print("grammar alone  {:7.1f} MB/s\nparse          {:7.1f} MB/s\nratio          {:7.2f}\n{} nodes, {} comments, {:.1f} MB\n",
             rules_speed, whole_speed, whole_speed / rules_speed, nodes, comments, megabytes);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "generate" && argc == 3) return generate(std::atof(argv[2])), 0;
  if (mode == "measure" && argc == 3) return measure(argv[2]);
  std::fputs("usage: parse_bench generate MEGABYTES > FILE | parse_bench measure FILE\n", stderr);
  return 2;
}
