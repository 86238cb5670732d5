"""Holds a document against a JSON schema: the words of draft 2020-12 that the schemas of this repository use, and no others."""

KINDS = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
WORDS = {"$schema", "title", "description", "type", "properties", "required", "additionalProperties", "items", "enum", "const", "minimum"}


def of_kind(value, kind):
    if kind == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, KINDS[kind])


def misfits(value, schema, place="document"):
    """What does not fit, each with its place."""
    unknown = set(schema) - WORDS
    if unknown:
        return [f"the schema itself has {unknown} at {place}"]
    found = []
    kinds = schema.get("type")
    if kinds and not any(of_kind(value, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds)):
        return [f"{place} is {value!r}, expected {kinds}"]
    if "const" in schema and value != schema["const"]:
        found.append(f"{place} is {value!r}, expected {schema['const']!r}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{place} is {value!r}, expected one of {schema['enum']}")
    if "minimum" in schema and value < schema["minimum"]:
        found.append(f"{place} is {value}")
    if isinstance(value, dict):
        known = schema.get("properties", {})
        found += [f"{place} lacks {name}" for name in schema.get("required", []) if name not in value]
        for name, member in value.items():
            rest = schema.get("additionalProperties", True)
            if name in known:
                found += misfits(member, known[name], f"{place}.{name}")
            elif rest is False:
                found.append(f"{place} has {name}, which the schema does not know")
            elif isinstance(rest, dict):
                found += misfits(member, rest, f"{place}.{name}")
    if isinstance(value, list) and "items" in schema:
        for i, item in enumerate(value):
            found += misfits(item, schema["items"], f"{place}[{i}]")
    return found


def members(schema, place=""):
    """Every member that the schema names: `steps[].sql`."""
    for name, part in schema.get("properties", {}).items():
        yield place + name
        yield from members(part, f"{place}{name}.")
    if isinstance(schema.get("items"), dict):
        yield from members(schema["items"], place[:-1] + "[].")


def met(value, place=""):
    """Every member that the document has, named alike."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield place + name
            yield from met(member, f"{place}{name}.")
    if isinstance(value, list):
        for item in value:
            yield from met(item, place[:-1] + "[].")
