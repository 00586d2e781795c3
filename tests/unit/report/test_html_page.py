import base64
import hashlib
import re
from html.parser import HTMLParser

from harness.golden import assert_golden
from harness.report_run import view

from bench.report.html_page import HtmlPage

VOID = {"meta", "line", "circle"}
ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3", "p", "aside", "ul", "li", "section", "div", "table", "thead", "tbody",
    "tr", "th", "td", "span", "code", "pre", "details", "summary", "figure", "figcaption", "svg", "line", "text", "g", "circle", "strong",
}  # fmt: skip


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.ids, self.rows = [], set(), [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append(0)
        if tag in {"td", "th"}:
            self.rows[-1] += 1

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


def test_page_is_the_golden_one():
    assert_golden("report.html", HtmlPage().render(view(), None))


def test_every_tag_is_closed_where_it_was_opened_and_is_one_of_ours():
    page = Page(HtmlPage().render(view(), None))
    assert page.open == []
    assert page.tags <= ALLOWED
    assert len(page.ids) == len(set(page.ids))


def test_every_row_has_its_columns():
    shown = view()
    tables = [table for section in shown.sections for table in section.tables] + [shown.definitions]
    expected = [width for table in tables for width in [len(table.columns)] * (1 + len(table.rows))]
    assert sorted(Page(HtmlPage().render(shown, None)).rows) == sorted(expected)


def test_page_loads_nothing_and_runs_nothing():
    names = {name for _, name, _ in Page(HtmlPage().render(view(), None)).attributes}
    assert not names & {"src", "href", "srcset", "style", "action", "data", "poster"}
    assert not [name for name in names if name.startswith("on")]


def test_policy_allows_this_style_and_nothing_else():
    text = HtmlPage().render(view(), None)
    policy = next(value for _, name, value in Page(text).attributes if name == "content" and "default-src" in value)
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def test_pictures_say_in_words_what_they_show():
    text = HtmlPage().render(view(), None)
    labels = re.findall(r'<svg [^>]*aria-label="([^"]*)"', text)
    assert "Time to first token (p50): smollm2-135m: 142 ms [131–155]; gemma-3-270m: 312 ms [293–334]" in labels
    assert any(label.startswith("Checks met against latency: ") for label in labels)
