#!/usr/bin/env python3
"""What editors know of the words of the language, made from grammar/keywords.def and interpreter/base/type.cpp.

`generate.py` writes vscode/syntaxes/bfl.tmLanguage.json and the marked parts of vim/syntax/bfl.vim and emacs/bfl-mode.el;
`generate.py --check` says what is not as it would write it, and exits 1.
"""
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent

# Words that are also functions of that name: `first(x order by y)`, `error("why")`.
CALLED = {"first", "last", "error", "env"}
# Clauses that end what stands before a comma or a parenthesis: elsewhere a word that stands there is a name.
CLOSING = {"asc", "desc", "running", "distinct", "others", "skip", "error", "null", "true", "false"}
NAME = r"(?:[A-Za-z_$][A-Za-z0-9_$]*|`[^`\n]*`)"


def keywords():
    """Role -> words, as in keywords.def."""
    roles = {}
    text = (ROOT / "grammar/keywords.def").read_text()
    for word, role in re.findall(r'^BFL_KEYWORD\(\w+,\s*"(\w+)",\s*(\w+)\)', text, re.M):
        roles.setdefault(role, []).append(word)
    return roles


def types():
    text = (ROOT / "interpreter/base/type.cpp").read_text()
    names = re.search(r"names = \{([^}]*)\}", text).group(1)
    return [name for name in re.findall(r'"(\w+)"', names) if name not in ("null", "array")] + ["table", "column"]


def one_of(words):
    return "(?:" + "|".join(sorted(words)) + ")"


def textmate(roles):
    literal_words = ["true", "false", "null"]
    operator_words = ["and", "or", "not", "in"]
    clause = [w for role in ("relation_clause", "step_clause", "statement", "inner") for w in roles[role]]
    # A word that is compared, called, listed, assigned or looked into is a name, whatever it is elsewhere.
    before, behind = r"(?<![A-Za-z0-9_.$`])", r"(?![A-Za-z0-9_$])"
    not_a_name = r"(?!\s*(?:[<>!]?=(?!>)|[<>*/+.:,)?]))"
    follows = rf"(?=\s*(?:\{{|$|#|(?:{'|'.join(sorted(roles['step_clause'] + roles['relation_clause']))})\b))"
    string_rules = [{"name": "constant.character.escape.bfl", "match": r"\\(?:[nrt\\\"]|u\{[0-9A-Fa-f]+\}|.)"}]

    def text_rule(begin, end, name, inner):
        mark = {"0": {"name": "punctuation.definition.string.bfl"}}
        return {"name": name, "begin": begin, "end": end, "beginCaptures": mark, "endCaptures": mark, "patterns": inner}

    def declaration(words, scope, name_scope, tail):
        return {
            "match": rf"{before}({one_of(words)})\s+(?!others\b)({NAME})(?={tail})",
            "captures": {"1": {"name": scope}, "2": {"name": name_scope}},
        }

    return {
        "$schema": "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
        "name": "bfl",
        "scopeName": "source.bfl",
        "fileTypes": ["bfl"],
        "patterns": [{"include": "#expression"}],
        "repository": {
            "expression": {
                "patterns": [
                    {"include": f"#{part}"}
                    for part in ("comment", "text", "literal", "quoted", "declaration", "type", "call", "keyword", "placeholder", "name", "operator")
                ]
            },
            "comment": {"match": r"#.*$", "name": "comment.line.number-sign.bfl"},
            "text": {
                "patterns": [
                    text_rule('r"""', '"""', "string.quoted.triple.raw.bfl", []),
                    text_rule('r"', '"|$', "string.quoted.double.raw.bfl", []),
                    text_rule('f"', '"|$', "string.interpolated.bfl", string_rules + [
                        {"name": "constant.character.escape.bfl", "match": r"\{\{|\}\}"},
                        {
                            "begin": r"\{", "end": r"\}|$", "name": "meta.embedded.expression.bfl",
                            "beginCaptures": {"0": {"name": "punctuation.section.embedded.begin.bfl"}},
                            "endCaptures": {"0": {"name": "punctuation.section.embedded.end.bfl"}},
                            "patterns": [{"include": "#expression"}],
                        },
                    ]),
                    text_rule('"""', '"""', "string.quoted.triple.bfl", string_rules),
                    text_rule('"', '"|$', "string.quoted.double.bfl", string_rules),
                ]
            },
            "literal": {
                "patterns": [
                    {"name": "constant.numeric.date.bfl",
                     "match": r"\b\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})?)?\b"},
                    {"name": "constant.numeric.duration.bfl", "match": r"\b\d[\d_]*(?:us|ms|s|m|h|d|w)\b"},
                    {"name": "constant.numeric.bfl", "match": r"\b\d[\d_]*(?:\.\d[\d_]*)?(?:%|(?:[KMGT]i?)?B\b|\b)"},
                    {"name": "constant.language.bfl", "match": rf"{before}{one_of(literal_words)}{behind}"},
                ]
            },
            "quoted": {"match": r"`[^`\n]*`", "name": "variable.other.quoted.bfl"},
            "declaration": {
                "patterns": [
                    declaration(["job"], "storage.type.bfl", "entity.name.type.job.bfl", r"\s*(?:\{|$)"),
                    declaration(["fn", "recipe"], "storage.type.bfl", "entity.name.function.bfl", r"\s*\("),
                    declaration(["let", "source"], "storage.type.bfl", "entity.name.type.relation.bfl", r"\s*="),
                    declaration(["snapshot"], "keyword.control.step.bfl", "entity.name.type.relation.bfl", r"\s*="),
                    declaration(["param"], "storage.type.bfl", "variable.parameter.bfl", r"\s*:"),
                    declaration([w for w in roles["step"] if w != "snapshot"], "keyword.control.step.bfl", "entity.name.function.step.bfl",
                                follows[3:-1]),
                    {"match": rf"{before}(use)\s+((?:[A-Za-z_]\w*)(?:\.\w+)*)",
                     "captures": {"1": {"name": "storage.type.bfl"}, "2": {"name": "entity.name.namespace.bfl"}}},
                    {"match": rf"{before}(apply)\s+({NAME})(?=\s*\()",
                     "captures": {"1": {"name": "storage.type.bfl"}, "2": {"name": "entity.name.function.bfl"}}},
                ]
            },
            "type": {
                "match": rf"(?<=[:>])\s*((?:secret\s+)?\[?{one_of(types())}\??\]?\??)(?=\s*(?:[,)={{}}]|$|#))",
                "captures": {"1": {"name": "support.type.bfl"}},
            },
            "call": {"match": rf"(?<![A-Za-z0-9_$`])(?!{one_of((set(sum(roles.values(), [])) - CALLED))}\b)([A-Za-z_][A-Za-z0-9_]*)(?=\()",
                     "name": "support.function.bfl"},
            "keyword": {
                "patterns": [
                    {"name": "keyword.operator.word.bfl", "match": rf"{before}{one_of(operator_words)}{behind}"},
                    {"name": "keyword.control.case.bfl", "match": rf"{before}case{behind}"},
                    {"name": "keyword.other.clause.bfl", "match": rf"{before}{one_of(set(clause) & CLOSING)}{behind}(?!\s*(?:[<>!]?=(?!>)|[.:(]))"},
                    {"name": "keyword.other.clause.bfl", "match": rf"{before}{one_of(set(clause) - CLOSING)}{behind}{not_a_name}"},
                    {"name": "keyword.control.step.bfl", "match": rf"{before}{one_of(roles['step'])}{behind}{not_a_name}"},
                    {"name": "storage.type.bfl", "match": rf"{before}{one_of(roles['item'])}{behind}{not_a_name}"},
                ]
            },
            "placeholder": {"match": r"\$[A-Za-z0-9_]+", "name": "variable.parameter.bfl"},
            "name": {"match": r"[A-Za-z_][A-Za-z0-9_$]*", "name": "variable.other.bfl"},
            "operator": {"match": r"=>|->|\?\?|[=!<>]=|[-+*/<>=?]", "name": "keyword.operator.bfl"},
        },
    }


def vim_words(roles):
    groups = {"item": "bflItem", "step": "bflStep"}
    lines = []
    for role, words in roles.items():
        if role == "reserved":
            lines.append("syn keyword bflConstant true false null")
            lines.append("syn keyword bflOperatorWord and or not in case")
        else:
            # Matches, not keywords: those would go before every other match.
            lines.append(f"syn match {groups.get(role, 'bflClause')} \"\\<\\%(" + "\\|".join(sorted(words)) + ")\\>\"".replace(")", "\\)", 1))
    lines.append(f"syn keyword bflType contained {' '.join(types())}")
    return lines


def emacs_words(roles):
    def constant(name, doc, words):
        listed = "\n    ".join(" ".join(f'"{w}"' for w in sorted(words)[i:i + 8]) for i in range(0, len(words), 8))
        return f"(defconst {name}\n  '({listed})\n  \"{doc}\")"
    return "\n".join([
        constant("bfl-mode--items", "Words that begin an item.", roles["item"]),
        constant("bfl-mode--steps", "Words that begin a step.", roles["step"]),
        constant("bfl-mode--relation-clauses", "Words of clauses of relations.", roles["relation_clause"]),
        constant("bfl-mode--step-clauses", "Words of clauses of steps.", roles["step_clause"]),
        constant("bfl-mode--statements", "Words of statements, and words within clauses.", roles["statement"] + roles["inner"]),
        constant("bfl-mode--types", "The types.", types()),
    ]).split("\n")


def indent_words(roles):
    headers = roles["item"] + roles["step"]
    clauses = roles["relation_clause"] + roles["step_clause"]
    return [f"let s:{name} = '^\\s*\\%(" + "\\|".join(sorted(words)) + "\\)\\>'" for name, words in (("headers", headers), ("clauses", clauses))]


def with_part(path, lines, comment):
    begin, end = f"{comment} words: begin (editors/generate.py)", f"{comment} words: end"
    text = path.read_text()
    head, rest = text.split(begin + "\n", 1)
    tail = rest.split(end + "\n", 1)[1]
    return head + begin + "\n" + "\n".join(lines) + "\n" + end + "\n" + tail


def main():
    roles = keywords()
    wanted = {
        HERE / "vscode/syntaxes/bfl.tmLanguage.json": json.dumps(textmate(roles), indent=2, ensure_ascii=False) + "\n",
        HERE / "vim/syntax/bfl.vim": with_part(HERE / "vim/syntax/bfl.vim", vim_words(roles), '"'),
        HERE / "vim/indent/bfl.vim": with_part(HERE / "vim/indent/bfl.vim", indent_words(roles), '"'),
        HERE / "emacs/bfl-mode.el": with_part(HERE / "emacs/bfl-mode.el", emacs_words(roles), ";;"),
    }
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.relative_to(ROOT)}: not as grammar/keywords.def has it; run editors/generate.py")
        print(f"{len(wanted) - len(stale)} of {len(wanted)} files are as they should be")
        return 1 if stale else 0
    for path in stale:
        path.write_text(wanted[path])
    return 0


if __name__ == "__main__":
    sys.exit(main())
