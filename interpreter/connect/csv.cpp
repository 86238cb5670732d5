#include "interpreter/connect/csv.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <set>

#include "interpreter/base/digest.h"
#include "interpreter/connect/csv_reader.h"

namespace bfl::connect::csv {
namespace {

using Class = RawValue::Class;

struct Format {
  char delimiter = ',';
  bool header = true;
  std::string null;  // an unquoted field that is spelt so
};

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

// By what a file is known to be as it was.
struct Look {
  std::int64_t size = 0, seconds = 0, nanos = 0;
  friend bool operator==(const Look&, const Look&) = default;
};

std::optional<Look> look_at(std::FILE* file) {
  struct stat about {};
  if (fstat(fileno(file), &about) != 0) return std::nullopt;
  return Look{about.st_size, about.st_mtim.tv_sec, about.st_mtim.tv_nsec};
}

template <class T>
std::optional<T> number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  T value{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<bool> truth(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
  if (lower == "true" || lower == "t" || lower == "1") return true;
  if (lower == "false" || lower == "f" || lower == "0") return false;
  return std::nullopt;
}

class CsvFile final : public Connector {
 public:
  CsvFile(File file, std::string path, Format format) : file_(std::move(file)), path_(std::move(path)), format_(std::move(format)) {}

  // Looks the file through: its columns, its rows, its digest.
  Result<void> look_through() {
    looked_ = look_at(file_.get()).value_or(Look{});
    Hasher hasher;
    Reader reader(file_.get(), format_.delimiter, &hasher);
    auto first = reader.next();
    if (!first) return named(first.error());
    if (!*first) return named({ErrorClass::data, "the file is empty", {}, format_.header ? "its first line names the columns" : ""});
    std::set<std::string> seen;
    for (std::size_t i = 0; i < reader.fields().size(); ++i) {
      Column column;
      column.name = format_.header ? std::string(reader.fields()[i].text) : "";
      if (column.name.empty()) column.name = fmt::format("c{}", i + 1);
      column.type = Type{Kind::text, true};
      if (!seen.insert(column.name).second)
        return named({ErrorClass::data, fmt::format("line {}: two columns are called `{}`", reader.line(), column.name), {}, "give each column a name of its own"});
      table_.columns.push_back(std::move(column));
    }
    table_.name = table_name;
    std::int64_t rows = format_.header ? 0 : 1;
    for (;;) {
      auto more = reader.next();
      if (!more) return named(more.error());
      if (!*more) break;
      if (reader.fields().size() != table_.columns.size())
        return named({ErrorClass::data,
                      fmt::format("line {}: {} field{}, expected {}", reader.line(), reader.fields().size(), reader.fields().size() == 1 ? "" : "s",
                                  table_.columns.size()),
                      {},
                      "a field that holds the delimiter is written in quotes"});
      ++rows;
    }
    table_.estimated_rows = rows;
    digest_ = hex(hasher.finish());
    return {};
  }

  std::string engine() const override { return "csv"; }
  bool has_sql() const override { return false; }
  Result<Catalogue> catalogue() override {
    Catalogue result;
    result.engine = "csv";
    result.read_only = true;
    result.tables.push_back(table_);
    return result;
  }
  Result<std::int64_t> schema_version() override { return 0; }
  std::optional<std::string> content_digest() override {
    return fmt::format("{} {} {} {}", digest_, format_.delimiter, format_.header, format_.null);
  }

  Result<void> scan(const Table&, std::span<const int> columns, const RowCallback& row) override {
    if (auto same = unchanged(); !same) return same;
    std::rewind(file_.get());
    Reader reader(file_.get(), format_.delimiter, nullptr);
    std::vector<RawValue> values(columns.size());
    for (bool head = format_.header;; head = false) {
      auto more = reader.next();
      if (!more) return named(more.error());
      if (!*more) return unchanged();
      if (head) continue;
      line_ = reader.line();
      for (std::size_t i = 0; i < columns.size(); ++i) {
        const auto at = static_cast<std::size_t>(columns[i]);
        if (at >= reader.fields().size()) return altered();
        const Field& field = reader.fields()[at];
        const bool null = !field.quoted && field.text == format_.null;
        values[i] = null ? RawValue{} : RawValue{.kind = Class::text, .bytes = field.text};
      }
      if (!row(values)) return {};
    }
  }

  // Fields are texts; a column's declared type says how they are read.
  Result<Value> decode(RawValue raw, const lower::Wire& wire) override {
    if (raw.kind == Class::null) {
      if (wire.type.nullable) return Value();
      return misfit("an empty field", wire.type);
    }
    const auto take = [&](auto parsed) -> Result<Value> {
      if (!parsed) return misfit(fmt::format("`{}`", raw.bytes), wire.type);
      Value value;
      value.data = *parsed;
      return value;
    };
    switch (wire.type.kind) {
      case Kind::integer: return take(number<std::int64_t>(raw.bytes));
      case Kind::decimal: return take(Decimal::parse(raw.bytes));
      case Kind::floating: return take(number<double>(raw.bytes));
      case Kind::boolean: return take(truth(raw.bytes));
      case Kind::date: return take(parse_date(raw.bytes));
      case Kind::timestamp: return take(parse_timestamp(raw.bytes));
      case Kind::uuid: return take(parse_uuid(raw.bytes));
      case Kind::json: return take(std::optional<Json>(Json{std::string(raw.bytes)}));
      default: return take(std::optional<std::string>(raw.bytes));
    }
  }

  Result<void> begin_read() override {
    reading_ = true;
    return unchanged();
  }
  void rollback() override { reading_ = false; }
  bool in_transaction() const override { return reading_; }
  void stop_observing() override {}
  void interrupt() override {}

  // It takes no statements and no rows: check/ lets no step change one, and run/ asks it for rows alone.
  Result<std::unique_ptr<Prepared>> prepare(const lower::Statement&, const eval::Context&) override { return only_read(); }
  Result<std::unique_ptr<Prepared>> prepare(std::string_view) override { return only_read(); }
  Result<void> execute(std::string_view) override { return only_read(); }
  Result<RawValue> encode(const Value&, const lower::Wire&, std::string&) override { return only_read(); }
  Result<void> begin_write(WriteKind) override { return only_read(); }
  Result<void> commit() override { return only_read(); }
  void observe(ChangeObserver, std::string_view, std::vector<int>) override {}

 private:
  Error only_read() const { return {ErrorClass::permission, fmt::format("`{}` is a CSV file: it can only be read", path_)}; }
  Error named(Error error) const {
    error.message = fmt::format("`{}`: {}", path_, error.message);
    return error;
  }
  Error altered() const {
    return {ErrorClass::stale_schema, fmt::format("`{}` was altered while the job was running", path_), {}, "run the job again when the file is complete"};
  }
  Result<void> unchanged() const {
    const auto now = look_at(file_.get());
    if (!now || !(*now == looked_)) return altered();
    return {};
  }
  Error misfit(const std::string& found, const Type& type) const {
    return {ErrorClass::data, fmt::format("`{}` line {}: {} is stored where {} is expected", path_, line_, found, to_string(type.with_null(false))), {},
            "mend the line, or declare the column as `text?` and convert it in the job"};
  }

  File file_;
  std::string path_, digest_;
  Format format_;
  Table table_;
  Look looked_;
  std::int64_t line_ = 0;  // of the row that is shown
  bool reading_ = false;
};

}  // namespace

Result<std::unique_ptr<Connector>> open(const std::string& path, const OpenOptions& options) {
  Format format;
  for (const auto& [name, value] : options.settings) {
    if (name == "delimiter") format.delimiter = value[0];
    if (name == "header") format.header = value == "true";
    if (name == "nulls") format.null = value;
  }
  struct stat about {};
  if (stat(path.c_str(), &about) != 0)
    return Error{ErrorClass::fatal, fmt::format("cannot open `{}`: {}", path, std::strerror(errno)), {}, "check the path of the source"};
  if (!S_ISREG(about.st_mode)) return Error{ErrorClass::fatal, fmt::format("`{}` is no regular file", path), {}, "check the path of the source"};
  File file(std::fopen(path.c_str(), "rb"));
  if (!file) return Error{ErrorClass::permission, fmt::format("cannot open `{}`: {}", path, std::strerror(errno)), {}, {}};
  auto made = std::make_unique<CsvFile>(std::move(file), path, std::move(format));
  if (auto looked = made->look_through(); !looked) return looked.error();
  return std::unique_ptr<Connector>(std::move(made));
}

}  // namespace bfl::connect::csv
