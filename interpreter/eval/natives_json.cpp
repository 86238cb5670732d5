// stdlib/json.bfl.
#include <algorithm>

#include "interpreter/base/json.h"
#include "interpreter/eval/json_value.h"
#include "interpreter/eval/native_rows.h"
#include "interpreter/eval/php_serialized.h"
#include "interpreter/eval/python_literal.h"

namespace bfl::eval {

namespace {

std::optional<JsonNode> document(std::string_view text, Outcome& failed) {
  auto read = read_json(text);
  if (auto* const node = std::get_if<JsonNode>(&read)) return std::move(*node);
  const auto& error = std::get<JsonError>(read);
  failed = Failure{shown(text) + " is not valid JSON: " + error.message + ", at byte " + std::to_string(error.offset)};
  return std::nullopt;
}

Outcome json_outcome(const JsonNode& node) {
  std::string text = write_json(node);
  if (text.size() > max_text_bytes) return text_too_long();
  return Value(Json{std::move(text)});
}

std::string_view type_name(JsonKind kind) {
  switch (kind) {
    case JsonKind::null: return "null";
    case JsonKind::boolean: return "bool";
    case JsonKind::number: return "number";
    case JsonKind::text: return "text";
    case JsonKind::array: return "array";
    case JsonKind::object: return "object";
  }
  return {};
}

JsonNode* member(JsonNode& object, std::string_view key) {
  if (object.kind != JsonKind::object) return nullptr;
  const auto found = std::find(object.keys.begin(), object.keys.end(), key);
  return found == object.keys.end() ? nullptr : &object.items[static_cast<std::size_t>(found - object.keys.begin())];
}

JsonNode* element(JsonNode& array, std::int64_t index) {
  if (array.kind != JsonKind::array) return nullptr;
  const auto size = static_cast<std::int64_t>(array.items.size());
  if (index < 0) index += size;
  return index < 0 || index >= size ? nullptr : &array.items[static_cast<std::size_t>(index)];
}

Value scalar_text(const JsonNode& node) {
  switch (node.kind) {
    case JsonKind::null: return {};
    case JsonKind::text: return node.text;
    default: return write_json(node);
  }
}

// What all functions on a part of a document do: read it, find the part, hand it on.
Outcome on_part(Args args, Outcome (*act)(const JsonNode&)) {
  Outcome failed;
  auto node = document(args[0].as<Json>().text, failed);
  if (!node) return failed;
  const JsonNode* const part = args[1].kind() == Kind::text ? member(*node, text_at(args, 1)) : element(*node, int_at(args, 1));
  return part == nullptr ? Outcome(Value()) : act(*part);
}

Outcome not_a(const JsonNode& found, const char* wanted) { return Failure{shown(write_json(found)) + " is not " + wanted}; }

Outcome as_int(const JsonNode& node) {
  if (node.kind == JsonKind::null) return Value();
  const auto number = node.kind == JsonKind::number ? Decimal::parse(node.text) : std::nullopt;
  const auto whole = number ? number->to_int64() : std::nullopt;
  return whole ? Outcome(Value(*whole)) : not_a(node, "a whole number of 64 bits");
}

Outcome as_decimal(const JsonNode& node) {
  if (node.kind == JsonKind::null) return Value();
  auto number = node.kind == JsonKind::number ? Decimal::parse(node.text) : std::nullopt;
  return number ? Outcome(Value(std::move(*number))) : not_a(node, "a number of at most 1000 digits");
}

Outcome as_bool(const JsonNode& node) {
  if (node.kind == JsonKind::null) return Value();
  return node.kind == JsonKind::boolean ? Outcome(Value(node.boolean)) : not_a(node, "true or false");
}

// The document, which must be an object.
std::optional<JsonNode> object_of(const Value& value, Outcome& failed) {
  auto node = document(value.as<Json>().text, failed);
  if (!node || node->kind == JsonKind::object) return node;
  failed = Failure{"an object was expected, found " + shown(write_json(*node))};
  return std::nullopt;
}

void set_member(JsonNode& object, const std::string& key, JsonNode value) {
  if (JsonNode* const old = member(object, key)) {
    *old = std::move(value);
  } else {
    object.keys.push_back(key);
    object.items.push_back(std::move(value));
  }
}

Outcome set(Args args) {
  Outcome failed;
  auto object = object_of(args[0], failed);
  if (!object) return failed;
  if (!valid_utf8(text_at(args, 1))) return Failure{"the key " + shown(text_at(args, 1)) + " is not valid UTF-8"};
  std::string text;
  append_json(text, args[2]);
  auto value = document(text, failed);
  if (!value) return failed;
  set_member(*object, text_at(args, 1), std::move(*value));
  return json_outcome(*object);
}

Outcome remove(Args args) {
  Outcome failed;
  auto object = object_of(args[0], failed);
  if (!object) return failed;
  const auto found = std::find(object->keys.begin(), object->keys.end(), text_at(args, 1));
  if (found != object->keys.end()) {
    object->items.erase(object->items.begin() + (found - object->keys.begin()));
    object->keys.erase(found);
  }
  return json_outcome(*object);
}

Outcome merge(Args args) {
  Outcome failed;
  auto first = object_of(args[0], failed);
  if (!first) return failed;
  auto second = object_of(args[1], failed);
  if (!second) return failed;
  // Written one behind the other and read again: the last of two equal keys counts.
  std::string both = write_json(*first), more = write_json(*second);
  if (second->keys.empty()) return json_outcome(*first);
  if (first->keys.empty()) return json_outcome(*second);
  both.back() = ',';
  auto merged = document(both.append(more, 1), failed);
  return merged ? json_outcome(*merged) : failed;
}

Outcome has(Args args) {
  Outcome failed;
  auto node = document(args[0].as<Json>().text, failed);
  return node ? Outcome(Value(member(*node, text_at(args, 1)) != nullptr)) : failed;
}

Outcome keys(Args args) {
  Outcome failed;
  auto object = object_of(args[0], failed);
  if (!object) return failed;
  return array_outcome(std::vector<Value>(object->keys.begin(), object->keys.end()));
}

Outcome length(Args args) {
  Outcome failed;
  auto node = document(args[0].as<Json>().text, failed);
  if (!node) return failed;
  if (node->kind != JsonKind::array && node->kind != JsonKind::object) return not_a(*node, "an array or object");
  return Value(static_cast<std::int64_t>(node->items.size()));
}

Outcome array_text(Args args) {
  Outcome failed;
  auto node = document(args[0].as<Json>().text, failed);
  if (!node) return failed;
  if (node->kind != JsonKind::array) return not_a(*node, "an array");
  std::vector<Value> parts;
  for (const JsonNode& item : node->items) parts.push_back(scalar_text(item));
  return array_outcome(std::move(parts));
}

Outcome elements(const JsonNode& node) {
  if (node.kind != JsonKind::array) return not_a(node, "an array");
  if (node.items.size() > max_items) return Failure{"the array has more than 1000000 elements"};
  std::vector<Value> parts;
  for (const JsonNode& item : node.items) parts.emplace_back(Json{write_json(item)});
  return array_outcome(std::move(parts));
}

Outcome bare_text(const JsonNode& node) { return node.kind == JsonKind::text ? Outcome(Value(node.text)) : not_a(node, "a text"); }

// What the whole document is. Null is a document like others, and none of these.
template <Outcome (*act)(const JsonNode&)>
Outcome whole(Args args) {
  Outcome failed;
  const auto node = document(args[0].as<Json>().text, failed);
  if (!node) return failed;
  return node->kind == JsonKind::null ? not_a(*node, "a value") : act(*node);
}

template <Outcome (*act)(const JsonNode&)>
Outcome try_whole(Args args) {
  Outcome result = whole<act>(args);
  return std::holds_alternative<Failure>(result) ? Outcome(Value()) : result;
}

Outcome parse(Args args) {
  Outcome failed;
  if (!document(text_at(args, 0), failed)) return failed;
  return Value(Json{text_at(args, 0)});
}

Outcome try_parse(Args args) {
  if (std::holds_alternative<JsonError>(read_json(text_at(args, 0)))) return Value();
  return Value(Json{text_at(args, 0)});
}

Outcome to_json(Args args) {
  std::string text;
  append_json(text, args[0]);
  if (!valid_utf8(text)) return Failure{shown(text) + " is not valid UTF-8"};
  return Value(Json{std::move(text)});
}

Outcome try_python(Args args) {
  const auto node = read_python_literal(text_at(args, 0));
  return node ? json_outcome(*node) : Outcome(Value());
}

Outcome get(Args args) { return on_part(args, json_outcome); }
Outcome get_text(Args args) {
  return on_part(args, [](const JsonNode& node) -> Outcome { return scalar_text(node); });
}

// One key for each value, in step.
Outcome object_from(Args args) {
  const auto items = [](const Value& array) -> std::span<const Value> {
    const auto& found = array.as<Array>().items;
    return found ? std::span<const Value>(*found) : std::span<const Value>();
  };
  const auto keys = items(args[0]), values = items(args[1]);
  if (keys.size() != values.size()) return Failure{std::to_string(keys.size()) + " keys for " + std::to_string(values.size()) + " values"};
  JsonNode object{.kind = JsonKind::object};
  for (std::size_t i = 0; i < keys.size(); ++i) {
    Outcome failed;
    std::string text;
    append_json(text, values[i]);
    auto value = document(text, failed);
    if (!value) return failed;
    const auto* const key = std::get_if<std::string>(&keys[i].data);
    if (key == nullptr) return Failure{"a key is null"};
    if (!valid_utf8(*key)) return Failure{"the key " + shown(*key) + " is not valid UTF-8"};
    object.keys.push_back(*key);
    object.items.push_back(std::move(*value));
  }
  Outcome failed;
  const auto read = document(write_json(object), failed);  // of two equal keys the last counts
  return read ? json_outcome(*read) : failed;
}

// The key keeps its place among the others.
Outcome rename(Args args) {
  Outcome failed;
  auto object = object_of(args[0], failed);
  if (!object) return failed;
  const std::string &from = text_at(args, 1), &to = text_at(args, 2);
  if (from == to || member(*object, from) == nullptr) return args[0];
  if (!valid_utf8(to)) return Failure{"the key " + shown(to) + " is not valid UTF-8"};
  if (member(*object, to) != nullptr) return Failure{"the object has a member " + shown(to) + " already"};
  std::replace(object->keys.begin(), object->keys.end(), from, to);
  return json_outcome(*object);
}

// RFC 6901: `/a/0/b`, `~1` for `/` and `~0` for `~` in a key.
std::optional<std::vector<std::string>> steps_of(const std::string& pointer, Outcome& failed) {
  std::vector<std::string> steps;
  if (pointer.empty()) return steps;
  if (pointer[0] != '/') {
    failed = Failure{shown(pointer) + " is no path: it begins with `/`"};
    return std::nullopt;
  }
  for (std::size_t at = 1; at <= pointer.size();) {
    const std::size_t end = std::min(pointer.find('/', at), pointer.size());
    std::string step;
    for (; at < end; ++at) {
      const bool tilde = pointer[at] == '~' && at + 1 < end && (pointer[at + 1] == '0' || pointer[at + 1] == '1');
      step += tilde ? (pointer[++at] == '0' ? '~' : '/') : pointer[at];
    }
    steps.push_back(std::move(step));
    at = end + 1;
  }
  return steps;
}

JsonNode* part_of(JsonNode& node, const std::string& step) {
  if (node.kind == JsonKind::object) return member(node, step);
  if (node.kind != JsonKind::array || step.empty() || step.size() > 9 || step.find_first_not_of("0123456789") != std::string::npos) return nullptr;
  const std::size_t number = std::stoul(step);
  return number < node.items.size() ? &node.items[number] : nullptr;
}

// The document and the way into it; no way: one of them cannot be read.
std::pair<std::optional<JsonNode>, std::optional<std::vector<std::string>>> located(Args args, Outcome& failed) {
  auto node = document(args[0].as<Json>().text, failed);
  auto steps = node ? steps_of(text_at(args, 1), failed) : std::nullopt;
  return {std::move(node), std::move(steps)};
}

Outcome at_path(Args args) {
  Outcome failed;
  auto [node, steps] = located(args, failed);
  if (!steps) return failed;
  JsonNode* part = &*node;
  for (const std::string& step : *steps)
    if ((part = part_of(*part, step)) == nullptr) return Value();
  return Value(Json{write_json(*part)});
}

// Objects on the way that are missing are made; elements of arrays are exchanged, never added.
Outcome put_at_path(Args args) {
  Outcome failed;
  auto [node, steps] = located(args, failed);
  if (!steps) return failed;
  auto value = document(args[2].as<Json>().text, failed);
  if (!value) return failed;
  JsonNode* part = &*node;
  for (const std::string& step : *steps) {
    JsonNode* next = part_of(*part, step);
    if (next == nullptr) {
      if (part->kind != JsonKind::object) return Failure{"there is no " + shown(text_at(args, 1)) + " in " + shown(write_json(*node))};
      if (!valid_utf8(step)) return Failure{"the key " + shown(step) + " is not valid UTF-8"};
      set_member(*part, step, JsonNode{.kind = JsonKind::object});
      next = member(*part, step);
    }
    part = next;
  }
  *part = std::move(*value);
  return json_outcome(*node);
}

Outcome remove_at_path(Args args) {
  Outcome failed;
  auto [node, steps] = located(args, failed);
  if (!steps) return failed;
  if (steps->empty()) return Failure{"the whole document cannot be removed from itself"};
  JsonNode* part = &*node;
  for (std::size_t i = 0; i + 1 < steps->size(); ++i)
    if ((part = part_of(*part, (*steps)[i])) == nullptr) return args[0];
  const JsonNode* const gone = part_of(*part, steps->back());
  if (gone == nullptr) return args[0];
  const auto place = gone - part->items.data();
  part->items.erase(part->items.begin() + place);
  if (part->kind == JsonKind::object) part->keys.erase(part->keys.begin() + place);
  return json_outcome(*node);
}

Outcome array_int(Args args) {
  Outcome failed;
  const auto node = document(args[0].as<Json>().text, failed);
  if (!node) return failed;
  if (node->kind != JsonKind::array) return not_a(*node, "an array");
  std::vector<Value> parts;
  for (const JsonNode& item : node->items) {
    Outcome part = as_int(item);
    if (std::holds_alternative<Failure>(part)) return part;
    parts.push_back(std::get<Value>(std::move(part)));
  }
  return array_outcome(std::move(parts));
}

Outcome try_php(Args args) {
  const auto node = read_php_serialized(text_at(args, 0));
  return node ? json_outcome(*node) : Outcome(Value());
}

Outcome to_php(Args args) {
  Outcome failed;
  const auto node = document(args[0].as<Json>().text, failed);
  if (!node) return failed;
  return text_outcome(write_php_serialized(*node));
}

constexpr NativeRow rows[] = {
    {"json_object([text],[text])", object_from},
    {"json_object([text],[int])", object_from},
    {"json_object([text],[decimal])", object_from},
    {"json_object([text],[bool])", object_from},
    {"json_object([text],[json])", object_from},
    {"json_rename(json,text,text)", rename},
    {"json_at(json,text)", at_path},
    {"json_put(json,text,json)", put_at_path},
    {"json_drop(json,text)", remove_at_path},
    {"json_array_int(json)", array_int},
    {"try_php_serialized(text)", try_php},
    {"to_php_serialized(json)", to_php},
    {"json_parse(text)", parse},
    {"try_json(text)", try_parse},
    {"to_json(text)", to_json},
    {"to_json(int)", to_json},
    {"to_json(decimal)", to_json},
    {"to_json(bool)", to_json},
    {"to_json([text])", to_json},
    {"to_json([int])", to_json},
    {"to_json([decimal])", to_json},
    {"to_json([bool])", to_json},
    {"to_json([json])", to_json},
    {"json_text(json)",
     [](Args a) -> Outcome {
       Outcome failed;
       const auto node = document(a[0].as<Json>().text, failed);
       return node ? text_outcome(canonical_json(*node)) : failed;
     }},
    {"json_type(json)",
     [](Args a) -> Outcome {
       Outcome failed;
       const auto node = document(a[0].as<Json>().text, failed);
       return node ? Outcome(Value(std::string(type_name(node->kind)))) : failed;
     }},
    {"json_get(json,text)", get},
    {"json_get(json,int)", get},
    {"json_get_text(json,text)", get_text},
    {"json_get_text(json,int)", get_text},
    {"json_get_int(json,text)", [](Args a) { return on_part(a, as_int); }},
    {"json_get_decimal(json,text)", [](Args a) { return on_part(a, as_decimal); }},
    {"json_get_bool(json,text)", [](Args a) { return on_part(a, as_bool); }},
    {"json_has(json,text)", has},
    {"json_set(json,text,json)", set},
    {"json_set(json,text,text)", set},
    {"json_set(json,text,int)", set},
    {"json_set(json,text,decimal)", set},
    {"json_set(json,text,bool)", set},
    {"json_remove(json,text)", remove},
    {"json_merge(json,json)", merge},
    {"json_keys(json)", keys},
    {"json_length(json)", length},
    {"json_array_text(json)", array_text},
    {"json_elements(json)", whole<elements>},
    {"try_json_elements(json)", try_whole<elements>},
    {"json_string(json)", whole<bare_text>},
    {"try_json_string(json)", try_whole<bare_text>},
    {"json_int(json)", whole<as_int>},
    {"try_json_int(json)", try_whole<as_int>},
    {"json_decimal(json)", whole<as_decimal>},
    {"try_json_decimal(json)", try_whole<as_decimal>},
    {"try_python_literal(text)", try_python},
};

}  // namespace

std::span<const NativeRow> json_rows() { return rows; }

}  // namespace bfl::eval
