"""How checks read an answer: what counts as the same text, as a word, and as blank."""

import re
import unicodedata

# Typographic forms of one character, as keyboards and models mix them.
_SAME = {
    **dict.fromkeys(map(ord, "\u2018\u2019\u201a\u201b\u2032\u00b4\u02bc"), "'"),
    **dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb"), '"'),
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-"),
    **dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"), None),  # soft hyphen, zero-width characters
}
# Scripts that set no spaces between words: each character counts as one word, as word processors do.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}\u2014]+")
EMPTY = "the answer is empty"


def same(text: str, *, ignore_case: bool = True) -> str:
    """The text in a form in which equal readings are equal strings.

    Compatibility characters (NFKC), quotation marks, apostrophes and dashes in one form, invisible characters gone, runs of white space as one
    space, none at the ends; case folded if asked.
    """
    plain = " ".join(unicodedata.normalize("NFKC", text.translate(_SAME)).translate(_SAME).split())
    return unicodedata.normalize("NFKC", plain.casefold()) if ignore_case else plain


def words(text: str) -> int:
    """How many words the text has: runs without white space that hold a letter or digit, so that lone bullets and dashes do not count."""
    return sum(run[0].isalnum() or any(map(str.isalnum, run)) for run in _WORD.findall(text))  # nearly every word begins with a letter


def shown(text: str, limit: int = 60) -> str:
    """The start of a text as one quoted line, for a verdict's detail."""
    line = " ".join(text.split())
    return repr(line if len(line) <= limit else line[: limit - 1] + "…")


def as_code(pattern: str, limit: int = 60) -> str:
    """The start of a pattern as it was written, between backticks, which a report sets as code; quoted where it holds one itself."""
    line = " ".join(pattern.split())
    return shown(pattern, limit) if "`" in line or not line.isprintable() else f"`{line if len(line) <= limit else line[: limit - 1] + '…'}`"
