"""Whatever stands in a spec: findings or a `Spec`, never another exception, never a hang."""

import json
import time
from copy import deepcopy

import hypothesis.strategies as st
from harness.from_schema import data
from harness.specs import INVALID, VALID, load
from hypothesis import HealthCheck, given, settings

from bench.errors import SpecError
from bench.records.spec import Spec
from bench.spec import schema
from bench.spec.diagnostics import render
from bench.spec.marked import Marked
from bench.spec.yaml_source import parse
from bench.spec.yaml_text import Unreadable

QUIET = settings(derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
SECONDS = 60  # one spec takes about 0.03 s; the bound is for a busy machine
SEEDS = [path.read_bytes() for path in (*VALID, *INVALID)]
TREES = [parse(path.read_bytes(), path.name)[0].data for path in VALID]

scalars = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20)
likely = st.sampled_from(
    ["1 s", "5 %", "${X}", "{{ x }}", "{% for", "..", "on", "p95", "external", "pypi:a==1/b", "https://u:p@h/", [], {}, [{}], [[]]]
)
values = st.recursive(
    scalars | likely, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=6
)


def survives(path, content):
    """Loading ends soon, in a spec or in findings that can be shown in every style."""
    path.write_bytes(content)
    start = time.perf_counter()
    outcome = attempt(path)
    if isinstance(outcome, SpecError):
        assert any(found.severity == "error" for found in outcome.diagnostics)
        assert all(render(outcome.diagnostics, outcome.sources, style) for style in ("text", "json", "github"))
    else:
        assert isinstance(outcome, Spec)
    assert time.perf_counter() - start < SECONDS


def attempt(path):
    """The spec, or the error that says what is wrong with it."""
    try:
        return load(path).spec
    except SpecError as error:
        return error


def places(data):
    """Every path in plain data."""
    found, waiting = [], [((), data)]
    while waiting:
        path, value = waiting.pop()
        found.append(path)
        pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        waiting.extend(((*path, key), child) for key, child in pairs)
    return found


@st.composite
def changed_data(draw):
    """A valid spec with a few values replaced, removed, renamed or repeated."""
    tree = deepcopy(draw(st.sampled_from(TREES)))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(tree)))
        holder = Marked(tree, {}).get(path[:-1]) if path else None
        match draw(st.sampled_from(["replace", "remove", "rename", "repeat"])) if holder is not None else "replace":
            case "remove":
                del holder[path[-1]]
            case "rename" if isinstance(holder, dict):
                holder[draw(st.text(max_size=8))] = holder.pop(path[-1])
            case "repeat" if isinstance(holder, list):
                holder.append(deepcopy(holder[path[-1]]))
            case _ if holder is None:
                tree = draw(values) if draw(st.booleans()) else tree
            case _:
                holder[path[-1]] = draw(values)
    return tree


@st.composite
def changed_bytes(draw):
    """A spec's text, good or broken, with pieces cut out, doubled or overwritten."""
    content = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        end = min(len(content), at + draw(st.integers(0, 40)))
        piece = draw(
            st.sampled_from(
                [
                    b"",
                    content[at:end] * 2,
                    b"\t",
                    b": ",
                    b"- ",
                    b"{",
                    b"]",
                    b"&a ",
                    b"*a",
                    b"!!x ",
                    b"'",
                    b'"',
                    b"|\n",
                    b"\x00",
                    b"\xff",
                    b"{{ ",
                    b"? ",
                ]
            )
        )
        content = content[:at] + piece + content[end:]
    return content


@settings(QUIET, max_examples=120)
@given(tree=changed_data())
def test_mutated_data_never_crashes(tree, tmp_path_factory):
    survives(tmp_path_factory.getbasetemp() / "data.yaml", json.dumps(tree, ensure_ascii=False).encode(errors="replace"))


@settings(QUIET, max_examples=30)
@given(drawn=st.data())
def test_data_made_from_the_schema_never_crashes(drawn, tmp_path_factory):
    made = data(drawn.draw, (schema.SPEC, schema.document(schema.SPEC)))
    survives(tmp_path_factory.getbasetemp() / "made.yaml", json.dumps(made).encode())


@settings(QUIET, max_examples=150)
@given(content=changed_bytes())
def test_mutated_text_never_crashes(content, tmp_path_factory):
    survives(tmp_path_factory.getbasetemp() / "text.yaml", content)


@settings(QUIET, max_examples=60)
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode(errors="surrogatepass")))
def test_anything_at_all_is_parsed_or_refused(content):
    try:
        tree, _ = parse(content, "any.yaml")
    except Unreadable as refused:
        places_of = [refused.found.position]
    else:
        places_of = [tree.marks[()].value]
    assert places_of[0] is not None
