// What the names of a script stand for, for whoever shows a script to people: a plain table that the check fills as it resolves them.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "interpreter/base/span.h"

namespace bfl::check {

enum class SymbolKind : std::uint8_t { parameter, source, table, relation, step, function, argument, column, value, alias };

struct Symbol {
  SymbolKind kind{};
  std::string name;
  std::string type{};       // of what has one: `decimal?`; of functions their signature
  std::string detail{};     // of columns and tables where they are: `shop.orders`; as the database declares them
  Span definition{};        // the name where it is introduced; empty when that is no text: a database, the library
};

struct SymbolUse {
  Span span{};              // the name as it stands there
  std::uint32_t symbol = 0;
};

class Symbols {
 public:
  // The number of the symbol of this identity, made when it is first met. What was not known of it then is taken from later ones.
  std::uint32_t add(const std::string& identity, Symbol symbol);
  void use(Span span, std::uint32_t symbol);
  void sort();  // uses by position, each place once

  const std::vector<Symbol>& all() const { return all_; }
  const std::vector<SymbolUse>& uses() const { return uses_; }  // the definitions in the text among them
  const SymbolUse* at(std::uint32_t offset, std::uint32_t file) const;  // after sort(); the use that covers the place, or ends there

 private:
  std::vector<Symbol> all_;
  std::vector<SymbolUse> uses_;
  std::unordered_map<std::string, std::uint32_t> known_;
};

}  // namespace bfl::check
