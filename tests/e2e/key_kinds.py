"""What may be a key: types of columns, each with values that are awkward to write, to compare or to sort."""


class Kind:
    """A table `t_NAME` whose key `k` is declared so; of several columns: their names and declarations. Values as SQL writes them.

    `beyond`: values that bfl's own types do not hold. Rows with them are found and changed as others are, and no expression reads them."""

    def __init__(self, name, declared, values, typed="k", beyond=(), before="", walked=True, ranged=True, text=False, options="", read=""):
        self.name, self.values, self.beyond = name, list(values), list(beyond)
        self.columns = declared if isinstance(declared, dict) else {"k": declared}
        self.typed = typed        # the key as people type it, in SQL; empty: they cannot
        self.before = before      # made before the table
        self.walked = walked      # whether a walk goes along it; else: rows are found again one by one
        self.ranged = ranged and len(self.columns) == 1  # whether `--keys FROM..TO` is for it
        self.text = text          # `k` is a text to the language
        self.options = options    # of the table
        self.read = read          # what the source says that `k` is: bfl does not know the type by itself
        self.table = "t_" + name

    def all(self):
        return self.values + self.beyond

    def made(self, table=None):
        """The table with all of its rows."""
        columns = ", ".join(f"{name} {declared} NOT NULL" for name, declared in self.columns.items())
        rows = ", ".join(f"({value}, {i}, NULL)" for i, value in enumerate(self.all()))
        return (f"CREATE TABLE {table or self.table} ({columns}, n BIGINT NOT NULL CHECK (n <> 666), note TEXT, PRIMARY KEY ({', '.join(self.columns)})) {self.options};"
                f"INSERT INTO {table or self.table} VALUES {rows};")


def quoted(*texts):
    return ["'" + text.replace("'", "''") + "'" for text in texts]


TEXTS = quoted("", "a", "a ", " a", "A", "b'c", 'q"', "x,y", "ä", "漢字", "a\tb", "-1")
# No two of these differ by blanks at their ends alone.
PADDED = quoted("", "a", "a b", " a", "A", "b'c", "x,y", "漢字", "a\tb", "a\x01b", "-1", "abcde")
DAYS = quoted("2025-03-01", "0001-01-01", "9999-12-31", "1969-12-31")
STAMPS = quoted("2025-03-01 10:00:00", "2025-03-01 10:00:00.25", "2025-03-01 10:00:00.000001", "1969-12-31 23:59:59.999999", "0001-01-01 00:00:00", "9999-12-31 23:59:59")
ISO = "to_char(k, 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
UUIDS = quoted("00000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "ffffffff-ffff-ffff-ffff-fffffffffff0")
BYTES = ("", "00", "ff", "0aff00", "6120")

POSTGRES = [
    Kind("int2", "smallint", ["-32768", "-1", "0", "7", "32767"]),
    Kind("int4", "integer", ["-2147483648", "-1", "0", "7", "2147483647"]),
    Kind("int8", "bigint", ["-9223372036854775808", "-1", "0", "7", "9007199254740993", "9223372036854775807"]),
    Kind("numeric", "numeric", ["-1.5", "0", "0.10", "1.50", "12", "0.00000000000000000000000000001", "123456789012345678901234567890.5"], beyond=["'NaN'"], walked=False, ranged=False),
    Kind("numeric_scaled", "numeric(10,2)", ["-1.5", "0", "0.1", "1.50", "12", "99999999.99"], walked=False, ranged=False),
    Kind("text", "text", TEXTS, text=True),
    Kind("varchar", "varchar(7)", TEXTS, text=True),
    Kind("char", "char(5)", PADDED, text=True),
    Kind("char_one", "char", quoted("a", "A", "", "ä"), text=True),
    Kind("bpchar", "bpchar", PADDED, text=True),
    Kind("name", "name", quoted("", "a", "A", "a b", "pg_class"), text=True),
    Kind("uuid", "uuid", UUIDS),
    Kind("date", "date", DAYS, beyond=quoted("infinity", "-infinity", "0044-03-15 BC", "5874897-12-31")),
    Kind("timestamp", "timestamp", STAMPS, typed=ISO, beyond=quoted("infinity", "-infinity", "0044-03-15 10:00:00 BC", "294276-12-31 23:59:59")),
    Kind("timestamptz", "timestamptz", [f"{value[:-1]}+02'" for value in STAMPS[:4]], typed=ISO.replace("(k", "(k AT TIME ZONE 'UTC'"), beyond=quoted("infinity", "-infinity", "294276-12-31 23:59:59Z")),
    Kind("bool", "boolean", ["true", "false"]),
    Kind("enum", "mood", quoted("sad", "ok", "Happy ", "a'b", ""), before="CREATE TYPE mood AS ENUM ('sad', 'ok', 'Happy ', 'a''b', '');", walked=False, text=True),
    Kind("bytea", "bytea", [f"'\\x{digits}'" for digits in BYTES]),
    Kind("float8", "double precision", ["0.1", "'-0'", "1e300", "-2.5", "5e-324"], beyond=quoted("NaN", "Infinity", "-Infinity"), walked=False),
    Kind("float4", "real", ["0.1", "'-0'", "1e30", "-2.5"], beyond=quoted("NaN", "Infinity"), walked=False),
    Kind("domain_text", "label", quoted("a", "a ", "A", "ä"), before="CREATE DOMAIN label AS text CHECK (length(VALUE) < 9);", text=True),
    Kind("domain_char", "code", quoted("a", "A", "", "abc"), before="CREATE DOMAIN code AS char(3);", text=True),
    Kind("domain_int", "positive", ["1", "7", "2147483647"], before="CREATE DOMAIN positive AS integer CHECK (VALUE > 0);"),
    Kind("domain_of_domain", "narrow", quoted("a", "A ", "x,y"), before="CREATE DOMAIN wide AS varchar(9); CREATE DOMAIN narrow AS wide CHECK (VALUE <> 'no');", text=True),
    Kind("german", 'text COLLATE "de-x-icu"', TEXTS, walked=False, text=True),
    Kind("german_char", 'char(5) COLLATE "de-x-icu"', [value for value in PADDED if "\x01" not in value], walked=False, text=True),
    Kind("jsonb", "jsonb", quoted('{"a": 1}', '{"b": [1, 2.50]}', '"a"', "null", "[]"), walked=False),
    Kind("array", "integer[]", quoted("{}", "{1,2}", "{10}", "{2}"), typed="", walked=False),
    Kind("inet", "inet", quoted("10.0.0.1", "10.0.0.1/8", "9.0.0.1", "::1"), read="text", walked=False),
    Kind("interval", "interval", quoted("1 day", "23:59:59", "-1 mon", "1 year 00:00:00.000001"), read="text", walked=False),
    Kind("citext", "citext", quoted("a", "B", "", "ä", "a "), before="CREATE EXTENSION citext;", read="text", walked=False),
    Kind("nocase", "text COLLATE nocase", quoted("a", "B", "", "ä", "a "), before="CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);", read="text", walked=False),
    Kind("pair", {"k": "char(4)", "l": "integer"}, ["'a', 1", "'a', -1", "'', 1", "'A b', 1"], typed="k || ',' || l", text=True),
    Kind("many", {"k": "text", "l": "char(3)", "m": "timestamptz", "o": "numeric(6,2)"}, ["'a ', 'b', '2025-03-01 10:00:00+02', 1.5", "'a ', 'b', '2025-03-01 10:00:00+02', 1.6", "'a', 'b', '2025-03-01', 1.5"],
         typed="k || ',' || l || ',' || " + ISO.replace("(k", "(m AT TIME ZONE 'UTC'") + " || ',' || o", walked=False, text=True),
]

SQLITE = [
    Kind("rowid", "INTEGER", ["-9223372036854775808", "-1", "0", "7", "9007199254740993", "9223372036854775807"]),
    Kind("bigint", "BIGINT", ["-9223372036854775808", "-1", "0", "7", "9223372036854775807"]),
    Kind("text", "TEXT", TEXTS, text=True),
    Kind("char", "CHAR(5)", TEXTS, text=True),
    Kind("without_rowid", "VARCHAR(9)", TEXTS, options="WITHOUT ROWID", text=True),
    Kind("blob", "BLOB", [f"x'{digits}'" for digits in BYTES], typed="lower(hex(k))"),
    Kind("date", "DATE", DAYS),
    Kind("timestamp", "TIMESTAMP", STAMPS, typed="replace(k, ' ', 'T') || 'Z'"),
    Kind("zoned", "DATETIME", [f"{value[:-1]}Z'" for value in STAMPS], typed="replace(k, ' ', 'T')"),
    Kind("uuid", "UUID", UUIDS),
    Kind("uuid_upper", "UUID", [value.upper() for value in UUIDS[1:]], ranged=False),
    Kind("uuid_blob", "UUID", [f"x'{value.strip(chr(39)).replace('-', '')}'" for value in UUIDS],
         typed=" || '-' || ".join(f"substr(lower(hex(k)), {start}, {length})" for start, length in ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12)))),
    Kind("pair", {"k": "CHAR(4)", "l": "INTEGER"}, ["'a', 1", "'a', -1", "'a ', 1", "'', 1"], typed="k || ',' || l", text=True),
]
# Only within one transaction: what these are compared by is not what they hold.
SQLITE_ATOMIC = [
    Kind("real", "REAL", ["0.1", "-0.0", "1e300", "-2.5", "5e-324", "3"], walked=False),
    Kind("numeric", "NUMERIC", ["0.1", "1.50", "12", "-2.5", "9007199254740993"], walked=False),
    Kind("decimal", "DECIMAL(10,2)", ["0.1", "1.50", "12", "-2.5"], walked=False),
    Kind("bool", "BOOLEAN", ["0", "1"], typed="CASE k WHEN 0 THEN 'false' ELSE 'true' END", walked=False),
    Kind("nocase", "TEXT COLLATE NOCASE", quoted("", "a", "a ", "B", "ä", "Ä"), walked=False, text=True),
]

# More rows than one connection takes alone.
CREW = [
    Kind("crew_char", "char(6)", quoted(*(f"{i:x}" for i in range(150)), *(f"{i:x}\x01" for i in range(50)), *(f"{i:x} x" for i in range(50)))),
    Kind("crew_pair", {"k": "char(3)", "l": "timestamptz"}, [f"'{'abc'[:i % 4]}', '2025-03-01'::timestamptz + {i} * interval '1.000001 hours'" for i in range(200)]),
]
