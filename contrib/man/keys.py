"""keys.py SCHEMA PAGE: the page with the keys of the JSON Schema in the place of @KEYS@, as scdoc takes
them. So the manual has every key that the programs have."""

import json
import sys
import textwrap

WIDTH = 96


def escaped(text):
    for character in "\\_*`#~":
        text = text.replace(character, "\\" + character)
    return text


def value_words(value):
    return json.dumps(value, ensure_ascii=False)


def type_words(schema):
    if "enum" in schema:
        return "one of " + ", ".join(value_words(each) for each in schema["enum"])
    return {"boolean": "true or false", "integer": "a number", "string": "a text",
            "array": "a list", "object": "a table"}.get(schema.get("type"), "")


def entry(name, schema):
    text = schema.get("description", "").rstrip(".")
    words = type_words(schema)
    if words:
        text += f" ({words})" if text else words
    text += "."
    if "default" in schema:
        text += f" Default: {value_words(schema['default'])}."
    lines = textwrap.wrap(escaped(text), WIDTH, break_long_words=False, break_on_hyphens=False)
    return f"*{escaped(name)}*\n" + "".join(f"\t{line}\n" for line in lines) + "\n"


def is_list_of_tables(schema):
    return schema.get("type") == "array" and "properties" in schema.get("items", {})


def section(name, schema):
    """The keys of a table, then the tables in it."""
    heading = f"[[{name}]]" if is_list_of_tables(schema) else f"[{name}]"
    keys = schema["items"] if is_list_of_tables(schema) else schema
    out = ""
    if name:
        out = f"## {heading}\n\n" + escaped(schema.get("description", "")).rstrip(".") + ".\n\n"
    tables = []
    for key, value in keys["properties"].items():
        full = f"{name}.{key}" if name else key
        if value.get("type") == "object" and "properties" in value or is_list_of_tables(value):
            tables.append((full, value))
        else:
            out += entry(key, value)
    for full, value in tables:
        out += section(full, value)
    return out


def main(schema_path, page_path):
    with open(schema_path, encoding="utf-8") as file:
        schema = json.load(file)
    with open(page_path, encoding="utf-8") as file:
        page = file.read()
    assert page.count("@KEYS@") == 1, page_path
    sys.stdout.write(page.replace("@KEYS@\n", section("", schema)))


if __name__ == "__main__":
    main(*sys.argv[1:])
