"""Templates that only put texts in place come out as Jinja would have them; all others are left to Jinja."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.spec.rendering import MAX_TOTAL_STEPS, filled
from bench.spec.sandbox import Budget, TemplateProblem, render

VARIABLES = {"a": "one\ntwo", "b": "{{ a }} {% x", "c_1": "", "n": 3, "true": "yes", "range": "r"}
PIECES = ("{{ a }}", "{{a}}", "{{ b}}", "{{ c_1 }}", "{{ n }}", "{{ true }}", "{{ range }}", "{{ unknown }}", "{", "}", "}}", "{{", "{%", "{#",
          "{{- a }}", "{{  a }}", "{{ a | upper }}", "text", "\n", " ", "\r\n", "é", "%}", "#}", "-")  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=6).map("".join))
def test_whatever_is_filled_in_without_jinja_is_what_jinja_makes_of_it(text):
    plain = filled(text, VARIABLES)
    if plain is not None and "{" in text:
        try:
            made = render(text, VARIABLES, Budget(MAX_TOTAL_STEPS))
        except TemplateProblem as problem:
            pytest.fail(f"{text!r} is no template to Jinja: {problem.message}")
        assert plain == made


@pytest.mark.parametrize("text", ["{{ a }}", "x {{ a }}\n", "{{a}}{{ b }}}"])
def test_a_text_put_in_place_needs_no_jinja(text):
    assert filled(text, VARIABLES) is not None


@pytest.mark.parametrize("text", ["{{ n }}", "{{ true }}", "{{ unknown }}", "{{ a|upper }}", "{% if a %}{% endif %}", "{{{ a }}", "{{ a }}\r\n"])
def test_anything_else_is_left_to_jinja(text):
    assert filled(text, VARIABLES) is None


def test_what_comes_out_too_large_is_left_to_the_sandbox():
    assert filled("{{ a }}{{ a }}", {"a": "x" * 10_000}) is None
