"""`sentences`: how many sentences the answer has."""

import re
from collections.abc import Iterator
from typing import Any

from bench.judge.checks import argument as read
from bench.judge.checks.reading import EMPTY
from bench.protocols import Verdict

SCHEMA: dict[str, Any] = {
    "description": "How many sentences: a number for exactly that many, or a mapping with `min`, `max` or both.",
    "anyOf": [
        {"type": "integer", "minimum": 1},
        {
            "type": "object",
            "properties": {
                "min": {**read.COUNT_SCHEMA, "description": "The fewest sentences; 1 if not given."},
                "max": {**read.COUNT_SCHEMA, "description": "The most sentences."},
            },
            "additionalProperties": False,
            "minProperties": 1,
        },
    ],
}

# English abbreviations that stand before a word of the same sentence …
_NEVER_LAST = frozenset({
    "e.g", "i.e", "cf", "vs", "viz", "mr", "mrs", "ms", "dr", "prof", "st", "fig", "figs", "eq", "no", "nos", "vol", "pp", "approx", "ca",
    "resp", "dept", "gen", "rep", "sen", "rev", "hon", "incl", "max", "min",
})  # fmt: skip
# … and those that may also stand at its end, where a capital letter then follows.
_MAY_BE_LAST = frozenset({
    "etc", "a.m", "p.m", "inc", "ltd", "co", "corp", "jr", "sr", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct",
    "nov", "dec", "mon", "tue", "wed", "thu", "fri", "u.s", "u.k", "e.u", "u.n", "ph.d", "d.c",
})  # fmt: skip
# A capital after an initial starts a sentence when it belongs to one of these words (`plan B. The team …`), a name otherwise (`J. Smith`).
_OPENERS = frozenset({
    "the", "a", "an", "this", "that", "these", "those", "it", "he", "she", "they", "we", "i", "you", "in", "on", "at", "to", "for", "as",
    "if", "and", "but", "so", "then", "there", "all", "no", "after",
})  # fmt: skip

_END = re.compile(r"(?<![.!?\u2026])[.!?\u2026]++[\"')\]\u2019\u201d\u00bb*_]*+(?=\s|$)|[\u3002\uff01\uff1f]+[\u300d\u300f\u201d\uff09]*")
_MARKER = re.compile(r"(?:[-*+\u2022\u2023\u25e6\u2013\u2014>]|\(?\d{1,3}[.)]|\(?[A-Za-z][)])\s+")
_HEADING = re.compile(r"#{1,6}\s|[-=*_`~|:\s]+$")
_LAST_WORD = re.compile(r"[^\s(\[\"'\u2018\u201c*_]{1,40}$")
_NEXT_WORD = re.compile(r"\s*[\"'(\[\u2018\u201c*_]*(\w+)")


class Sentences:
    """Passes when the number of sentences lies in the range.

    A sentence ends at `.`, `!`, `?` or `…` before white space, and at the end of a line, list item or the answer, even without a full stop. These are
    no end: the points of decimals, addresses, initials and common English abbreviations; a line that ends in `:` or `,`, or goes on in lower case.
    Headings and lines without a letter or digit are no sentences. An empty answer has none, and does not pass unless `min: 0` is written.
    """

    def __init__(self, argument: Any) -> None:
        """Read the argument. Raises: ValueError when it makes no sense."""
        if isinstance(argument, dict):
            self._range = read.bounds(read.options(argument, ("min", "max"), "sentences: {max: 2}"), lowest=1)
        else:
            n = read.count(argument, "the argument of sentences")
            if n == 0:
                raise ValueError("sentences is 0; write a whole number from 1, or a range such as {max: 2}")
            self._range = read.Range(low=n, high=n)

    def decide(self, text: str) -> Verdict:
        """Whether the count lies in the range; the detail says the count."""
        n = count_sentences(text)
        if n == 0 and not self._range.holds(0):
            return Verdict(passed=False, detail=EMPTY)
        return Verdict(passed=self._range.holds(n), detail=f"{n} sentence{'s' * (n != 1)}, {self._range} asked")


def count_sentences(text: str) -> int:
    """How many sentences the text has."""
    return sum(_in_paragraph(paragraph) for paragraph in _paragraphs(text))


def _paragraphs(text: str) -> Iterator[str]:
    """Runs of lines that read on: a line goes on after `:` or `,`, or where the next begins in lower case."""
    held: list[str] = []
    for line in text.splitlines():
        bare = line.strip()
        if _HEADING.match(bare):
            continue
        marked = _MARKER.match(bare)
        item = bare[marked.end() :] if marked else bare
        if not item:
            continue
        goes_on = bool(held) and (held[-1].rstrip("*_ ")[-1:] in {":", ","} or (not marked and item[0].islower()))
        if held and not goes_on:
            yield " ".join(held)
            held.clear()
        held.append(item)
    if held:
        yield " ".join(held)


def _in_paragraph(paragraph: str) -> int:
    n = start = 0
    for end in _END.finditer(paragraph):
        if _ends_here(paragraph, start, end):
            n += _says_something(paragraph, start, end.end())
            start = end.end()
    return n + _says_something(paragraph, start, len(paragraph))


def _says_something(paragraph: str, start: int, end: int) -> bool:
    return any(map(str.isalnum, paragraph[start:end]))


def _ends_here(paragraph: str, start: int, end: re.Match[str]) -> bool:
    """Whether this mark ends a sentence, judged by the word before and the word after it."""
    mark = end.group()
    following = _NEXT_WORD.match(paragraph, end.end())
    if following is None or mark[0] in "\u3002\uff01\uff1f":
        return True
    next_word = following.group(1)
    if mark.startswith((".", "\u2026")) and len(mark.rstrip("\"')]\u2019\u201d\u00bb*_")) == 1 and mark[0] == ".":
        before = _LAST_WORD.search(paragraph, max(start, end.start() - 40), end.start())
        return before is None or not _is_abbreviation(paragraph[max(start, before.start() - 60) : before.start()], before.group(), next_word)
    goes_on_low = next_word[0].islower()
    if mark.startswith(("..", "\u2026")):
        return not goes_on_low
    return not (goes_on_low and mark[-1] in "\"')\u2019\u201d\u00bb")  # “Why?” she asked.


def _is_abbreviation(before: str, word: str, next_word: str) -> bool:
    low = word.lower()
    if low in _NEVER_LAST:
        # `No.` and `max.` are abbreviations only before a number.
        return low not in {"no", "nos", "max", "min"} or next_word[0].isdigit()
    if low in _MAY_BE_LAST:
        return not next_word[0].isupper()
    if len(word) == 1 and word.isalpha() and word.isupper():
        named = not before.strip() or before.rsplit(maxsplit=1)[-1][0].isupper()
        return named and word != "I" and next_word.lower() not in _OPENERS
    return False


EXAMPLES = (
    (2, "RAG retrieves passages. It then answers from them.", True),
    ({"max": 2}, "One. Two. Three.", False),
    ({"max": 1}, "Use a retriever, e.g. BM25, i.e. a sparse one, vs. a dense one.", True),
    (1, "Revenue rose 3.5 % to $1.2 billion.", True),
    (1, "See https://example.org/a.b?c=d. ", True),
    (2, "We meet at 3 p.m. Maria leads.", True),
    (1, "We meet at 3 p.m. on Friday.", True),
    (1, "Dr. J. Smith met Mr. O. Twist.", True),
    (2, "They chose plan B. The team agreed.", True),
    (2, "Bring pens, paper, etc. Then we start.", True),
    (3, "Decisions:\n- ship on Friday\n- hire Ana\n- call No. 5", True),
    (3, "1. Ship on Friday.\n2. Hire Ana.\n3. Call Bo.", True),
    (1, "The launch\nmoves to Friday.", True),
    (2, "Launch: Friday\nOwner: Maria", True),
    (1, "# Summary\n\nThe launch moves to Friday.", True),
    (2, "\u201cWhy?\u201d she asked. Nobody knew.", True),
    (2, "Really?! Yes \u2026 maybe \u2026 no", True),
    (1, "Wait... what", True),
    (2, "\u4f1a\u8bae\u5ef6\u671f\u3002\u5468\u4e94\u53d1\u5e03\u3002", True),
    (1, "No full stop at the end", True),
    (2, "He said no. Then he left.", True),
    ({"max": 2}, "", False),
    ({"min": 0, "max": 2}, "", True),
    ({"min": 2}, "One only.", False),
    (1, "**Bold move.** ", True),
    ({"max": 1}, "...", False),
)
