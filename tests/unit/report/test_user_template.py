import pytest
from harness.report_run import view
from msgspec.structs import replace

from bench.errors import Exit
from bench.report import isolated, template
from bench.report.html_page import HtmlPage
from bench.report.markdown import Markdown


def problem(source, shown=None):
    with pytest.raises(template.ReportTemplateError) as caught:
        template.render(source, "mine.md.j2", "markdown", shown or view())
    return caught.value


def test_a_users_template_sees_the_view_and_its_output_is_escaped():
    source = "# {{ view.title }}\n{% for answer in view.answers if answer.failure is none %}{{ answer.text }}\n{% endfor %}"
    text = Markdown().render(view(), source)
    assert text.startswith("# summarizer 1.0.0\n")
    assert "&lt;script&gt;" in text
    assert "<script>" not in text


def test_a_users_html_template_is_escaped_for_html():
    text = HtmlPage().render(view(), "<style>{{ css }}</style>{% for answer in view.answers %}<p>{{ answer.text }}</p>{% endfor %}")
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert '"Segoe UI"' in text


def test_an_unknown_name_is_an_error_with_name_line_and_what_to_do():
    found = problem("first\n{{ view.titel }}\n")
    assert found.message.startswith("mine.md.j2:2: ")
    assert "titel" in found.message
    assert "View" in found.hint
    assert found.code == Exit.USAGE


@pytest.mark.parametrize(
    ("source", "start"),
    [
        ("a\n{% if %}", "mine.md.j2:2: "),
        ("a\nb\n{{ 1 / 0 }}", "mine.md.j2:3: division by zero"),
        ("{{ view | nosuchfilter }}", "mine.md.j2:1: "),
        ("{% include 'other' %}", "mine.md.j2:1: "),
        ("{{ view.__class__.__mro__ }}", "mine.md.j2:1: "),
        ("\n{{ [] + 1 }}", "mine.md.j2:2: "),
    ],
)
def test_every_mistake_has_its_line_and_none_is_a_traceback(source, start):
    found = problem(source)
    assert found.message.startswith(start)
    assert "Traceback" not in found.message


def test_output_without_end_is_an_error():
    assert "grew beyond" in problem("{{ 'a' * 25000000 }}").message


def test_a_mistake_in_its_own_process_reaches_the_caller_with_the_specs_name_for_it():
    shown = replace(view(), spec={"report": {"template": "mine.md.j2"}})
    with pytest.raises(template.ReportTemplateError, match=r"^mine\.md\.j2:1: "):
        isolated.render("{{ nothing }}", "markdown", shown)
    with pytest.raises(template.ReportTemplateError, match=r"^other\.j2:1: "):
        isolated.render("{{ nothing }}", "markdown", replace(shown, template_name="other.j2"))


def test_a_template_that_never_ends_is_ended():
    endless = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    with pytest.raises(template.ReportTemplateError, match=r"not rendered within 0\.5 s"):
        isolated.render(endless, "markdown", view(), timeout_s=0.5)


def test_a_template_that_takes_all_memory_is_ended():
    hungry = "{% set ns = namespace(s='x' * 8000000000) %}{{ ns.s | length }}"
    with pytest.raises(template.ReportTemplateError, match="needs more memory"):
        isolated.render(hungry, "markdown", view())
