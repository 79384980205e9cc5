"""The JSON Schema for editors and the parser agree on what a configuration may be.

good/           both accept
bad/            both refuse; NAME.expected is what the parser says
bad-semantics/  only the parser can know

Usage: schema_test.py CONF-CHECK SCHEMA SAMPLE
"""

import json
import os
import pathlib
import subprocess
import sys
import tomllib

SKIP = 77

try:
    import jsonschema
except ImportError:
    print("SKIP: python3-jsonschema is not installed")
    sys.exit(SKIP)

FOLDER = pathlib.Path(__file__).resolve().parent


def parser_says(program, path):
    """(exit status, message) of the parser; the file is named without its folder."""
    done = subprocess.run([program, path.name], cwd=path.parent, capture_output=True, text=True)
    return done.returncode, done.stdout


def schema_accepts(validator, path):
    try:
        document = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError:
        return False
    return validator.is_valid(document)


def uncommented(sample, folder):
    """The sample with every default that is not written, written."""
    lines = []
    for line in sample.read_text().splitlines():
        is_key = line.startswith("#") and not line.startswith("# ") and line != "#"
        lines.append(line[1:] if is_key else line)
    path = folder / "everything.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


def expect(condition, path, what, failures):
    if not condition:
        failures.append(f"{path.parent.name}/{path.name}: {what}")


def main():
    program, schema, sample = (pathlib.Path(word).resolve() for word in sys.argv[1:4])
    validator = jsonschema.Draft202012Validator(json.loads(schema.read_text()))
    jsonschema.Draft202012Validator.check_schema(validator.schema)
    failures, files = [], 0

    everything = uncommented(sample, pathlib.Path(os.environ.get("TMPDIR", "/tmp")))
    for path in [sample, everything, *sorted((FOLDER / "good").glob("*.toml"))]:
        files += 1
        status, message = parser_says(program, path)
        expect(status == 0, path, f"the parser refuses it: {message}", failures)
        expect(schema_accepts(validator, path), path, "the schema refuses it", failures)
    everything.unlink()

    for kind in ("bad", "bad-semantics"):
        for path in sorted((FOLDER / kind).glob("*.toml")):
            files += 1
            status, message = parser_says(program, path)
            expected = path.with_suffix(".expected").read_text()
            expect(status == 65, path, f"the parser ended with {status}", failures)
            expect(message == expected, path, f"the parser said {message!r}", failures)
            if kind == "bad":
                expect(not schema_accepts(validator, path), path, "the schema accepts it", failures)

    print("\n".join(failures) or f"{files} files agree")
    return 1 if failures else 0


sys.exit(main())
