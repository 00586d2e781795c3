import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from bench.spec.marked import Marked
from bench.spec.rendering import filled, render_prompts
from bench.spec.sandbox import Budget, TemplateProblem, render

PIECES = [
    "{{ a }}",
    "{{b}}",
    "{{ a}}",
    "{{ none }}",
    "{{ n }}",
    "{{",
    "}}",
    "{",
    "}",
    "{% raw %}",
    "{% endraw %}",
    "{#",
    "#}",
    "{{-a}}",
    " ",
    "\n",
    "é",
    "a",
    "{{  a }}",
]
VARIABLES = {"a": "x{{ b }}y", "b": "", "none": "text", "n": 1}


@settings(derandomize=True, deadline=None, database=None, max_examples=300)
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=6))
def test_short_way_writes_what_jinja_writes(pieces):
    text = "".join(pieces)
    if (written := filled(text, VARIABLES)) is not None:
        assert written == render(text, VARIABLES, Budget(100))


@pytest.mark.parametrize(
    "text", ["{{ nope }}", "{{ none }}", "{{ n }}", "{{ a", "{% raw %}{{ a }}{% endraw %}", "{{ a | upper }}", "{{ a }}{# b #}", "{{ a }}\r"]
)
def test_anything_else_is_left_to_jinja(text):
    assert filled(text, VARIABLES) is None


def testfilled_templates_and_plain_texts_take_the_short_way():
    assert filled("no { template }", {}) == "no { template }"
    assert filled("{{ a }} and {{b}}.\n", VARIABLES) == "x{{ b }}y and .\n"


def test_all_messages_together_are_bounded(monkeypatch):
    monkeypatch.setattr("bench.spec.rendering.MAX_TOTAL", 100)
    prompts = [{"id": str(number), "user": "{{ a }}", "vars": {"a": "x" * 60}} for number in range(3)]
    assert [found.code for found in render_prompts(Marked({"prompts": prompts}, {}))[1]] == ["template-limit"]


def test_an_empty_message_is_found_on_the_short_way_too():
    prompts = [{"id": "a", "user": "{{ a }}", "vars": {"a": " "}}]
    assert [found.code for found in render_prompts(Marked({"prompts": prompts}, {}))[1]] == ["template-empty"]
    with pytest.raises(TemplateProblem):
        render("{{ b }}", {}, Budget(1))
