"""Untrusted text made harmless: nothing a spec, a model or a server says may become markup, a link, a formula or a terminal command."""

import re
import textwrap
from functools import lru_cache

from markupsafe import Markup, escape

# Bidirectional controls (Unicode UAX #9), invisible separators, tag characters and line separators: shown as code points.
_INVISIBLE = re.compile("[\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# An address without the punctuation that a sentence puts behind it.
_URL = re.compile(r"(?:[a-z][a-z0-9+.-]{0,30}://|www\.|mailto:)[^\s<>`|]*[^\s<>`|.,;:!?'\")\]]", re.IGNORECASE | re.ASCII)
_URL_OR_CODE = re.compile(rf"{_URL.pattern}|`[^`|]+`", re.IGNORECASE | re.ASCII)
_NUMBER_IN_BRACKETS = re.compile(r"\[[0-9−][0-9.,– to−]*\](?![(\[:])", re.ASCII)
# What would start a list, a heading or a rule at the start of a line (CommonMark 0.31, §4 and §5).
_LINE_START = re.compile(r"[-+](?=\s|$)|[-=]+\s*$|#{1,6}(?=\s|$)|\d{1,9}[.)](?=\s|$)", re.ASCII)
_REFERENCE = re.compile(r"(@)(?=\w)|(#)(?=\d)|(?<![A-Za-z])(GH-)(?=\d)", re.IGNORECASE)
_SPECIAL = str.maketrans({**{mark: f"\\{mark}" for mark in "\\`*[|~$"}, "&": "&amp;", "<": "&lt;", ">": "&gt;"})
_CODE = re.compile(r"`([^`\n]+)`")
_DASH_BETWEEN = re.compile(r"(?<=\d)–(?=\d)", re.ASCII)
_UNDERSCORE = re.compile(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def visible(text: str) -> str:
    """The text with control characters, ANSI escapes and direction overrides shown instead of obeyed; line breaks and tabs stay."""
    if text.isprintable():  # none of what is shown instead is printable
        return text
    text = _SURROGATE.sub("\ufffd", text.replace("\r\n", "\n"))
    text = _INVISIBLE.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text)
    return _CONTROL.sub(_picture, text)


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    return chr(0x2400 + code) if code < 0x20 else "␡" if code == 0x7F else f"⟨U+{code:04X}⟩"


def one_line(text: str) -> str:
    """The visible text with every run of white space as one space."""
    return " ".join(visible(text).split())


def cut(text: str, most: int) -> tuple[str, bool]:
    """At most so many characters, and whether something was cut."""
    return (text, False) if len(text) <= most else (text[:most].rstrip(), True)


def short(text: str, most: int = 300) -> str:
    """One line of at most so many characters; a cut is marked by `…`."""
    line, is_cut = cut(one_line(text), most)
    return f"{line}…" if is_cut else line


def ends(text: str, most: int = 400) -> str:
    """One line of about so many characters, of which the first quarter and the end are kept: the end of a log says most."""
    line = one_line(text)
    return line if len(line) <= most else f"{line[: most // 4].rstrip()} … {line[-(most - most // 4) :].lstrip()}"


@lru_cache(maxsize=2048)
def markdown(text: str) -> Markup:
    """Text for one line of GitHub-flavoured Markdown, also inside a table cell: no markup, HTML, link, image, mention or issue reference.

    Addresses become code spans, which are neither links nor lost to the reader; what stands between two backticks stays one.
    """
    line = one_line(text)
    parts, end = [], 0
    for found in _URL_OR_CODE.finditer(line):
        parts += [_markdown_words(line[end : found.start()]), markdown_code(found[0].strip("`"))]
        end = found.end()
    escaped = "".join((*parts, _markdown_words(line[end:])))
    if start := _LINE_START.match(line):
        escaped = f"{escaped[: start.end() - 1]}\\{escaped[start.end() - 1 :]}" if line[0].isdigit() else f"\\{escaped}"
    return Markup(escaped)  # noqa: S704 - this is the escaping


def _markdown_words(text: str) -> str:
    parts, end = [], 0
    for found in _NUMBER_IN_BRACKETS.finditer(text):  # an interval is no link: nothing defines such a reference
        parts += [_markdown_marks(text[end : found.start()]), found[0]]
        end = found.end()
    return "".join((*parts, _markdown_marks(text[end:])))


def _markdown_marks(text: str) -> str:
    escaped = _UNDERSCORE.sub(r"\\_", text.translate(_SPECIAL))
    # A zero-width space keeps @name and #1 from notifying people or linking issues; a backslash would not.
    return _REFERENCE.sub(lambda found: f"{found[0]}&#8203;", escaped)


@lru_cache(maxsize=2048)
def markdown_tight(text: str) -> Markup:
    """A number with its unit, or an interval, that a narrow table cell does not break: no-break spaces, and a word joiner after the dash."""
    return Markup(_DASH_BETWEEN.sub("–\u2060", markdown(text).replace(" ", "\u00a0")))  # noqa: S704 - escaped above


def markdown_code(text: str, *, in_table: bool = True) -> Markup:
    """A code span that ends where it should; inside a table, GitHub wants a pipe with a backslash even in code."""
    line = one_line(text)
    if not line:
        return Markup("")
    ticks = "`" * (_longest_run(line) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    span = f"{ticks}{pad}{line}{pad}{ticks}"
    return Markup(span.replace("|", "\\|") if in_table else span)  # noqa: S704 - this is the escaping


def markdown_block(text: str, language: str = "text", *, width: int = 110) -> Markup:
    """A fenced block whose fence is longer than any run of backticks inside. Long lines are wrapped at spaces; width 0 keeps them."""
    shown = visible(text).strip("\n").expandtabs(4)
    if width:
        lines = shown.split("\n")
        shown = "\n".join(
            textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False, drop_whitespace=True) if len(line) > width else line
            for line in lines
        )
    fence = "`" * max(3, _longest_run(shown) + 1)
    return Markup(f"{fence}{language}\n{shown}\n{fence}")  # noqa: S704 - this is the escaping


def html_line(text: str) -> Markup:
    """One line of text for a block of HTML inside Markdown, such as a `<summary>`: Markdown's backslashes would be shown there, HTML would act."""
    return escape(_REFERENCE.sub(lambda found: f"{found[0]}\u200b", one_line(text)))


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def html_prose(text: str) -> Markup:
    """Text for HTML; what stands between two backticks is set as code."""
    parts, end = [], 0
    for found in _CODE.finditer(shown := visible(text)):
        parts += [escape(shown[end : found.start()]), Markup("<code>{}</code>").format(found[1])]
        end = found.end()
    return Markup("").join((*parts, escape(shown[end:])))


def spreadsheet(text: str) -> str:
    """Text for a CSV field: visible, on one line, and never the start of a formula (OWASP, CSV injection: an apostrophe goes first)."""
    line = one_line(text)
    return f"'{line}" if line.startswith(_FORMULA) else line


def spreadsheet_block(text: str) -> str:
    """The same with its line breaks, for fields in which people read whole answers."""
    shown = visible(text)
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) or shown.startswith(_FORMULA) else shown
