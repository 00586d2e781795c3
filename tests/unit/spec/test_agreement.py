"""`check-jsonschema` with our schema and `bench validate` agree on every spec that is readable YAML."""

import json
import os
import subprocess
import sys

import pytest
from harness.specs import FOLDER, INVALID, VALID

from bench.resources import folder
from bench.spec import schema
from bench.spec.validate import validate
from bench.spec.yaml_source import parse
from bench.spec.yaml_text import Unreadable

# Numbers of an absurd size are found by a keyword of our own; the schema language cannot compute with units.
OURS_ALONE = {"quantities-beyond-measure.yaml"}
# The other tool's patterns match before a last line break; ours end where the text ends.
SETS = [FOLDER / "valid" / "prompts" / "meetings.yaml", *sorted((FOLDER / "invalid" / "sets").glob("*.yaml"))]


def ours(path, kind):
    """Whether the schema finds something wrong, None when the YAML is not ours to compare."""
    try:
        tree, found = parse(path.read_bytes(), path.name)
    except Unreadable:
        return None
    return None if found else bool(validate(tree, kind))


def theirs(paths, kind):
    """The files that check-jsonschema refuses."""
    command = [sys.executable, "-m", "check_jsonschema", "-o", "json", "--schemafile", str(folder("schemas") / kind), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"})
    answer = json.loads(done.stdout)
    assert not answer.get("parse_errors"), answer["parse_errors"]
    return {os.path.realpath(error["filename"]) for error in answer["errors"]}


@pytest.mark.parametrize(("kind", "paths"), [(schema.SPEC, [*VALID, *INVALID]), (schema.PROMPTS, SETS)], ids=["specs", "sets"])
def test_both_accept_and_refuse_the_same(kind, paths):
    comparable = {path: verdict for path in paths if (verdict := ours(path, kind)) is not None and path.name not in OURS_ALONE}
    assert len(comparable) >= (60 if kind == schema.SPEC else 3)
    refused = theirs(comparable, kind)
    disagreed = {path.name: verdict for path, verdict in comparable.items() if verdict != (os.path.realpath(path) in refused)}
    assert disagreed == {}
