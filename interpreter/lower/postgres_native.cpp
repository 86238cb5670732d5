// The functions of the library that PostgreSQL computes exactly as the evaluator does. What hangs on a locale (cases of
// letters), on the engine's own reading of texts, or on its rounding is not here.
#include <fmt/format.h>

#include <algorithm>

#include "interpreter/lower/postgres_writer.h"

namespace bfl::lower::postgres {
namespace {

#define BFL_SPACES "U&'\\0009\\000A\\000B\\000C\\000D\\0020\\0085\\00A0\\1680\\2000\\2001\\2002\\2003\\2004\\2005\\2006\\2007\\2008\\2009\\200A\\2028\\2029\\202F\\205F\\3000'"
// Both arguments are evaluated, as everywhere: one that fails is no less wrong beside a null.
#define BFL_EITHER(name) "(CASE WHEN num_nulls(%1, %2) > 0 THEN NULL ELSE " name "(%1, %2) END)"
#define BFL_EITHER_TEXT(name) "(CASE WHEN num_nulls(%1, %2) > 0 THEN NULL ELSE " name "(%1 COLLATE \"C\", %2 COLLATE \"C\") END)"

constexpr NativeSql rows[] = {
    {"+(int,int)", "(%1 + %2)", true},
    {"-(int,int)", "(%1 - %2)", true},
    {"*(int,int)", "(%1 * %2)", true},
    {"negate(int)", "(- %1)", true},
    {"+(decimal,decimal)", "(%1 + %2)"},
    {"-(decimal,decimal)", "(%1 - %2)"},
    {"*(decimal,decimal)", "(%1 * %2)"},
    {"negate(decimal)", "(- %1)"},
    {"+(float,float)", "(%1 + %2)", true},
    {"-(float,float)", "(%1 - %2)", true},
    {"negate(float)", "(- %1)"},
    {"+(text,text)", "(%1 || %2)"},
    {"+(duration,duration)", "(%1 + %2)", true},
    {"-(duration,duration)", "(%1 - %2)", true},
    {"negate(duration)", "(- %1)", true},
    {"*(duration,int)", "(%1 * %2)", true},
    {"*(int,duration)", "(%1 * %2)", true},
    {"-(timestamp,timestamp)", "(extract(epoch FROM %1 - %2) * 1000000)::bigint"},
    {"-(date,date)", "((%1 - %2)::bigint * 86400000000)"},

    {"abs(int)", "abs(%1)", true},
    {"abs(decimal)", "abs(%1)"},
    {"abs(float)", "abs(%1)"},
    {"sign(int)", "sign(%1::numeric)::bigint"},
    {"sign(decimal)", "sign(%1)::bigint"},
    {"round(decimal)", "round(%1)"},
    {"round(decimal,int)", "round(%1, #2)"},
    {"floor(decimal)", "floor(%1)"},
    {"floor(float)", "floor(%1)"},
    {"ceil(decimal)", "ceil(%1)"},
    {"ceil(float)", "ceil(%1)"},
    {"trunc(decimal)", "trunc(%1)"},
    {"trunc(decimal,int)", "trunc(%1, #2)"},
    {"trunc(float)", "trunc(%1)"},
    {"div(int,int)", "(%1 / %2)", true},
    {"mod(int,int)", "(%1 % %2)", true},
    {"mod(decimal,decimal)", "mod(%1, %2)", true},
    {"is_nan(float)", "(%1 = 'NaN'::double precision)"},
    {"is_finite(float)", "(%1 NOT IN ('NaN'::double precision, 'Infinity', '-Infinity'))"},
    {"bit_and(int,int)", "(%1 & %2)"},
    {"bit_or(int,int)", "(%1 | %2)"},
    {"bit_xor(int,int)", "(%1 # %2)"},
    {"bit_not(int)", "(~ %1)"},

    {"greatest(int,int)", BFL_EITHER("GREATEST")},
    {"greatest(decimal,decimal)", BFL_EITHER("GREATEST")},
    {"greatest(float,float)", BFL_EITHER("GREATEST")},
    {"greatest(text,text)", BFL_EITHER_TEXT("GREATEST")},
    {"greatest(date,date)", BFL_EITHER("GREATEST")},
    {"greatest(timestamp,timestamp)", BFL_EITHER("GREATEST")},
    {"greatest(duration,duration)", BFL_EITHER("GREATEST")},
    {"least(int,int)", BFL_EITHER("LEAST")},
    {"least(decimal,decimal)", BFL_EITHER("LEAST")},
    {"least(float,float)", BFL_EITHER("LEAST")},
    {"least(text,text)", BFL_EITHER_TEXT("LEAST")},
    {"least(date,date)", BFL_EITHER("LEAST")},
    {"least(timestamp,timestamp)", BFL_EITHER("LEAST")},
    {"least(duration,duration)", BFL_EITHER("LEAST")},

    {"to_text(int)", "%1::text"},
    {"to_text(decimal)", "trim_scale(%1)::text"},
    {"to_text(bool)", "%1::text"},
    {"to_text(text)", "%1"},
    {"to_text(date)", "to_char(%1, 'YYYY-MM-DD')"},
    {"to_text(uuid)", "%1::text"},
    {"text(int)", "%1::text"},
    {"text(decimal)", "trim_scale(%1)::text"},
    {"text(bool)", "%1::text"},
    {"text(date)", "to_char(%1, 'YYYY-MM-DD')"},
    {"text(uuid)", "%1::text"},
    {"to_int(bool)", "%1::int::bigint"},
    {"to_decimal(int)", "%1::numeric"},
    {"to_float(int)", "%1::double precision"},
    {"to_bytes(text)", "convert_to(%1, 'UTF8')"},

    {"length(text)", "char_length(%1)::bigint"},
    {"byte_length(text)", "octet_length(%1)::bigint"},
    {"substring(text,int)", "substr(%1, #2)"},
    {"substring(text,int,int)", "substr(%1, #2, #3)"},
    {"left(text,int)", "left(%1, #2)"},
    {"right(text,int)", "right(%1, #2)"},
    {"reverse(text)", "reverse(%1)"},
    {"starts_with(text,text)", "starts_with(%1, %2)"},
    {"ends_with(text,text)", "(right(%1, char_length(%2)) = %2 COLLATE \"C\")"},
    {"contains(text,text)", "(strpos(%1, %2) > 0)"},
    {"position(text,text)", "strpos(%1, %2)::bigint"},
    {"replace(text,text,text)", "replace(%1, %2, %3)"},
    {"trim(text)", "btrim(%1, " BFL_SPACES ")"},
    {"trim_start(text)", "ltrim(%1, " BFL_SPACES ")"},
    {"trim_end(text)", "rtrim(%1, " BFL_SPACES ")"},
    {"trim(text,text)", "btrim(%1, %2)"},
    {"trim_start(text,text)", "ltrim(%1, %2)"},
    {"trim_end(text,text)", "rtrim(%1, %2)"},

    {"year(date)", "extract(year FROM %1)::bigint"},
    {"year(timestamp)", "extract(year FROM %1)::bigint"},
    {"month(date)", "extract(month FROM %1)::bigint"},
    {"month(timestamp)", "extract(month FROM %1)::bigint"},
    {"day(date)", "extract(day FROM %1)::bigint"},
    {"day(timestamp)", "extract(day FROM %1)::bigint"},
    {"hour(timestamp)", "extract(hour FROM %1)::bigint"},
    {"minute(timestamp)", "extract(minute FROM %1)::bigint"},
    {"second(timestamp)", "floor(extract(second FROM %1))::bigint"},
    {"weekday(date)", "extract(isodow FROM %1)::bigint"},
    {"weekday(timestamp)", "extract(isodow FROM %1)::bigint"},
    {"day_of_year(date)", "extract(doy FROM %1)::bigint"},
    {"date_of(timestamp)", "(%1)::date"},
    {"at_midnight(date)", "(%1)::timestamp"},
    {"days_between(date,date)", "(%2 - %1)::bigint"},
    {"start_of_month(date)", "date_trunc('month', (%1)::timestamp)::date"},
    {"start_of_month(timestamp)", "date_trunc('month', %1)"},
    {"start_of_year(date)", "date_trunc('year', (%1)::timestamp)::date"},
    {"start_of_week(date)", "date_trunc('week', (%1)::timestamp)::date"},
    {"start_of_day(timestamp)", "date_trunc('day', %1)"},
    {"epoch_seconds(timestamp)", "floor(extract(epoch FROM %1))::bigint"},
    {"epoch_millis(timestamp)", "floor(extract(epoch FROM %1) * 1000)::bigint"},
};

}  // namespace

const NativeSql* native_sql(std::string_view signature) {
  const auto* const found = std::find_if(std::begin(rows), std::end(rows), [&](const NativeSql& row) { return row.signature == signature; });
  return found == std::end(rows) ? nullptr : found;
}

// Twenty digits behind the point, half to even: the whole quotient of the shifted dividend, and a look at what is left.
std::string division(const std::string& a, const std::string& b) {
  return fmt::format(
      "(SELECT (q + CASE WHEN 2 * abs(n - q * d) > abs(d) OR (2 * abs(n - q * d) = abs(d) AND mod(q, 2) <> 0) THEN sign(n) * sign(d) ELSE 0 "
      "END) * 0.00000000000000000001 FROM (SELECT n, d, div(n, d) AS q FROM (SELECT {} * 100000000000000000000::numeric AS n, {} AS d OFFSET 0) "
      "AS x OFFSET 0) AS y)",
      a, b);
}

// The same without a subquery of its own, where aggregates stand that would move into it.
std::string quotient(const std::string& a, const std::string& b) {
  const std::string n = fmt::format("({} * 100000000000000000000::numeric)", a), d = fmt::format("({})::numeric", b), q = fmt::format("div({}, {})", n, d),
                    left = fmt::format("abs({} - {} * {})", n, q, d);
  return fmt::format(
      "(({0} + CASE WHEN 2 * {1} > abs({2}) OR (2 * {1} = abs({2}) AND mod({0}, 2) <> 0) THEN sign({3}) ELSE 0 END) * 0.00000000000000000001)", q, left,
      d, n);
}

// A text that is no number, as a number. The empty text in front keeps the planner from finding that out beforehand.
std::string raised(const std::string& message_sql, std::string_view type) {
  return fmt::format("('bfl: ' || left(clock_timestamp()::text, 0) || {})::numeric::text::{}", message_sql, type);
}

}  // namespace bfl::lower::postgres
