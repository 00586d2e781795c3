"""Whatever stands in a configuration, an import ends in a spec that is valid, or in words."""

import json
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.catalog import REGISTRY
from bench.errors import SpecError, UsageError
from bench.interchange.promptfoo.importing import import_config
from bench.interchange.yaml_writer import Block, Named, Remarked, to_yaml
from bench.spec.load import load_spec
from bench.spec.yaml_source import parse

TEXTS = st.sampled_from([
    "", "a", "{{ x }}", "{{ x", "{% if x %}y{% endif %}", "a, b", "file://a.txt", "file://../b", "file://c.js", "#/x", "[1",
    "é 😀", "\x85", "\\d+(",
    "echo", "openai:chat:m", "ollama:m", "python:x.py", "http://h/v1/chat/completions", "no", "1e3", "a\n b\n", " a", "x: y # z", "- a", "\ttab\n\n",
])  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers(-3, 9) | st.floats(-1, 3) | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS | st.sampled_from(["x", "min", "max"]), inner, max_size=3)
)
TYPES = st.sampled_from([
    "contains", "icontains", "equals", "regex", "not-regex", "is-json", "contains-json", "word-count", "not-word-count", "starts-with",
    "contains-any", "not-contains-all", "llm-rubric", "not-llm-rubric", "factuality", "javascript", "latency", "cost", "assert-set", "not-equals",
    "similar", "?",
])  # fmt: skip


def mapping(**of):
    """A mapping with some of these keys, each with the value that belongs there or with anything."""
    return st.fixed_dictionaries({}, optional={key: value | VALUES if value is not VALUES else VALUES for key, value in of.items()})


ASSERTION = mapping(type=TYPES, value=VALUES, threshold=VALUES, weight=VALUES, metric=TEXTS, provider=VALUES, config=VALUES, **{"$ref": TEXTS})
GROUP = st.fixed_dictionaries({"type": st.just("assert-set"), "assert": st.lists(ASSERTION, max_size=2)}, optional={"threshold": VALUES})
OPTIONS = mapping(prefix=TEXTS, suffix=TEXTS, provider=TEXTS, disableDefaultAsserts=st.booleans(), transform=TEXTS)
TEST = mapping(
    vars=st.dictionaries(st.sampled_from(["x", "y", "_z", "é"]), VALUES, max_size=3),
    **{"assert": st.lists(ASSERTION | GROUP, max_size=3)},
    threshold=st.floats(0, 1),
    description=TEXTS,
    metadata=VALUES,
    options=OPTIONS,
)
CONFIG = st.fixed_dictionaries(
    {"prompts": st.lists(TEXTS | mapping(raw=TEXTS, id=TEXTS, label=TEXTS), max_size=3) | VALUES},
    optional={
        "providers": st.lists(TEXTS | mapping(id=TEXTS, label=TEXTS, config=VALUES), max_size=3) | VALUES,
        "tests": st.lists(TEST, max_size=3) | VALUES,
        "defaultTest": TEST | VALUES,
        "scenarios": st.lists(mapping(config=st.lists(TEST, max_size=2), tests=st.lists(TEST, max_size=2)), max_size=2) | VALUES,
        "description": VALUES,
        "evaluateOptions": mapping(maxConcurrency=SCALARS, repeat=SCALARS, timeoutMs=SCALARS, delay=SCALARS),
        "env": VALUES,
    },
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(CONFIG)
def test_any_configuration_becomes_a_valid_spec_or_is_refused_in_words(config):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "c.json")
        path.write_text(json.dumps(config), encoding="utf-8")
        try:
            imported = import_config(path, REGISTRY)
        except (SpecError, UsageError):
            return
        made = Path(folder, "spec.yaml")
        made.write_text(imported.text, encoding="utf-8")
        load_spec(made, extensions=REGISTRY, environ={})


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\ufeff"), max_size=40) | TEXTS
DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT.filter(lambda key: key != "<<"), inner, max_size=4),
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "b", "é é", "x-y"]), DATA, min_size=1), st.lists(TEXT, max_size=3))
def test_written_yaml_is_read_back_as_it_was(document, comments):
    remarked = {
        key: Remarked(Block(value) if isinstance(value, dict | list) and value else value, tuple(comments)) for key, value in document.items()
    }
    read, found = parse(to_yaml(remarked, comments).encode(), "made.yaml")
    assert (read.data, found) == (document, ())
    plain, found = parse(to_yaml(document).encode(), "made.yaml")
    assert (plain.data, found) == (document, ())


@given(TEXT)
def test_named_text_is_read_back_as_it_was(text):
    read, found = parse(to_yaml({"a": [Named("n", text), 1], "b": Named("m", text)}).encode(), "made.yaml")
    assert (read.data, found) == ({"a": [text, 1], "b": text}, ())
