import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bench.store.resolved import to_yaml

# Every sign that means something to YAML, breaks a line, or is not ASCII; drawing from all of Unicode would only take longer.
SIGNS = "ab01.eE+-_ \n\t\r\x00\x1b\x85\xa0\u2028\u2029\ufeffä漢😀:#,?!&*[]{}|>%@`'\"\\~=<x"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(SIGNS, max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc_", min_size=1), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text("abc_", min_size=1), VALUES, max_size=4))
def test_what_is_written_reads_back_the_same(value):
    assert yaml.safe_load(to_yaml(value)) == value


@pytest.mark.parametrize("text", ["1e3", "0o17", "+.5", ".5e1", "5.", "0x1F", "true", "NULL", "~", ".inf", ".NaN", "1", "-1.5"])
def test_text_that_looks_like_a_number_in_any_yaml_is_quoted(text):
    assert to_yaml({"a": text}).decode().strip() in {f'a: "{text}"', f"a: '{text}'"}


@pytest.mark.parametrize("text", ["no", "12:30", "2026-11-22", "=", "<<", "on"])
def test_text_that_an_old_yaml_misreads_is_quoted(text):
    assert to_yaml({"a": text}).decode().strip() == f"a: '{text}'"


def test_long_text_stays_readable():
    assert to_yaml({"user": "Line one\nLine two\n"}).decode() == "user: |\n  Line one\n  Line two\n"


def test_repeated_values_are_written_out():
    shared = [1]
    assert b"&" not in to_yaml({"a": shared, "b": shared})
