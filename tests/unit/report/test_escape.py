import re
from html.parser import HTMLParser

import pytest
from harness.report_run import HOSTILE, HOSTILE_LINE
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bench.report import escape

GITHUB = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
WORDS = st.sampled_from(
    ["<script>", "</details>", "<!--", "![x](http://e.example/x)", "[a](b)", "[a]: b", "[^1]", "|", "`", "``", "```", "~~~", "~~", "**", "_", "* ",
     "- ",
     "+ ", "1. ", "1) ", "# ", "## ", "---", "===", "> ", "    ", "\t", "\n", "\n\n", "\\", "&lt;", "&#60;", "<http://e.example>",
     "http://e.example/|", "www.e.example",
     "me@e.example", "@octocat", "#123", "GH-1", "$x$", "\x1b[2J", "\u202e", "\u2028", "\x00", "\x85", "word", "1.5", "[1.0–2.0]", "(x)",
     "!", "<", ">", "&", "é"]
)  # fmt: skip
TEXTS = st.one_of(st.lists(WORDS, max_size=8).map("".join), st.text(max_size=40))


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen, self.text = set(), ""

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        assert not attrs or (tag, attrs) == ("code", [("class", "language-text")])

    def handle_comment(self, data):
        self.seen.add(f"!{data}")

    def handle_data(self, data):
        self.text += data


def rendered(markdown):
    tags = Tags()
    tags.feed(GITHUB.render(markdown))
    tags.close()
    return tags


def bare(text):
    return re.sub(r"[\s`\u200b]", "", text)


@given(TEXTS)
@example(HOSTILE)
@example(HOSTILE_LINE)
@example("`a` `b")
@example("1. one")
@example("http://e.example`<script>`")
def test_escaped_text_renders_as_the_words_themselves_and_nothing_else(text):
    tags = rendered(str(escape.markdown(text)))
    assert tags.seen <= {"p", "code"}
    assert bare(tags.text) == bare(escape.visible(text))


@given(TEXTS)
@example("a\\|b")
@example("`|`")
def test_escaped_text_stays_in_its_table_cell(text):
    tags = rendered(f"| a | b |\n| --- | --- |\n| {escape.markdown(text)} | {escape.markdown_code(text)} |\n")
    assert tags.seen <= {"table", "thead", "tbody", "tr", "th", "td", "code"}
    assert bare(tags.text) == bare(f"ab{escape.visible(text)}{escape.visible(text)}")


@given(TEXTS)
@example(HOSTILE)
def test_nothing_leaves_a_fenced_block(text):
    tags = rendered(f"before\n\n{escape.markdown_block(text)}\n\nafter\n")
    assert re.sub(r"\s", "", tags.text) == re.sub(r"\s", "", f"before{escape.visible(text)}after")
    assert GITHUB.render(str(escape.markdown_block(text))).startswith('<pre><code class="language-text">')


def test_a_mention_an_issue_and_an_address_are_no_links_on_github():
    assert escape.markdown("@octocat fixed #123 and GH-7") == "@&#8203;octocat fixed #&#8203;123 and GH-&#8203;7"
    assert escape.markdown("see http://e.example/a?b=1&c=2, or www.e.example.") == "see `http://e.example/a?b=1&c=2`, or `www.e.example`."
    assert escape.markdown("mail me@e.example") == "mail me@&#8203;e.example"


def test_numbers_stay_readable_in_the_source():
    assert escape.markdown("1.24 s [1.18–1.31]") == "1.24 s [1.18–1.31]"
    assert escape.markdown("[1.18–1.31](http://e.example)") != "[1.18–1.31](http://e.example)"


def test_terminal_commands_and_direction_overrides_are_shown_instead_of_obeyed():
    assert escape.visible("\x1b[31mred\x07 \u202egnp.exe \x9b1m \x7f\r\nnext\rline") == "␛[31mred␇ ⟨U+202E⟩gnp.exe ⟨U+009B⟩1m ␡\nnext␍line"
    assert escape.visible("\udc80\U000e0041\ufeff") == "\ufffd⟨U+E0041⟩⟨U+FEFF⟩"
    assert escape.visible("naïve 👩\u200d🚀 مرحبا\tok\n") == "naïve 👩\u200d🚀 مرحبا\tok\n"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\r\n=1", "＝1"])
def test_no_csv_field_starts_a_formula(text):
    assert escape.spreadsheet(text).startswith("'")


def test_plain_words_in_a_csv_field_stay_as_they_are():
    assert escape.spreadsheet("smollm2-135m = fine\nnext") == "smollm2-135m = fine next"


def test_html_prose_sets_code_and_escapes_the_rest():
    assert escape.html_prose("run `a <b>` & \x1b <i>`open") == "run <code>a &lt;b&gt;</code> &amp; ␛ &lt;i&gt;`open"


def test_a_cut_is_marked():
    assert escape.short("word " * 100, 9) == "word word…"
    assert escape.cut("abc", 3) == ("abc", False)


def test_of_a_long_text_whose_end_says_most_both_ends_are_kept():
    text = "last lines of a.log:\n" + "File deep in a library\n" * 40 + "OSError: no such folder"
    assert escape.ends(text, 80) == "last lines of a.log: … in a library File deep in a library OSError: no such folder"
    assert escape.ends("a  b\nc", 80) == "a b c"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("m [default] a_b", "m [default] a_b"),
        ("<b>&\"'</summary>\n@octocat #1", "&lt;b&gt;&amp;&#34;&#39;&lt;/summary&gt; @\u200boctocat #\u200b1"),
    ],
)
def test_a_line_of_html_shows_no_backslash_and_does_nothing(text, shown):
    assert str(escape.html_line(text)) == shown
