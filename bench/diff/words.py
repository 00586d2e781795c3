"""Two texts compared word by word."""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from bench.records.diff import Piece

_WORD = re.compile(r"(\s*)([^\W_]+|\S)")
_ENDS_SENTENCE = frozenset(".!?;:")
MOST_STEPS = 1_000_000  # words of one text times words of the other that are matched: about a second


class _Word(NamedTuple):
    """A word, or a mark, with the space before it."""

    space: str
    word: str


_Found = tuple[str, str]  # a kind of `Piece` and its text


def pieces(before: str, after: str) -> tuple[Piece, ...]:
    """The stretches that stayed, went and came, in order: those not removed make `after`, those not added make `before`.

    What both begin and end with is found at once. Where the rest is long, sentences are matched first, and words only in those that changed; a
    stretch that is still too long went and came as a whole.
    """
    old, new = _words(before), _words(after)
    shorter = min(len(old), len(new))
    head = next((place for place in range(shorter) if old[place] != new[place]), shorter)
    tail = next((place for place in range(shorter - head) if old[-1 - place] != new[-1 - place]), shorter - head)
    middle = _Matching().matched(old[head : len(old) - tail], new[head : len(new) - tail])
    return _joined([("same", _text(old[:head])), *middle, ("same", _text(old[len(old) - tail :]))])


def _words(text: str) -> list[_Word]:
    found = [_Word(space, word) for space, word in _WORD.findall(text)]
    rest = text[len(text.rstrip()) :]
    return [*found, _Word(rest, "")] if rest else found


def _text(words: Sequence[_Word]) -> str:
    return "".join(space + word for space, word in words)


class _Matching:
    """Matches within a bound of steps."""

    def __init__(self) -> None:
        self._left = MOST_STEPS

    def matched(self, old: list[_Word], new: list[_Word]) -> Iterator[_Found]:
        """Word by word where that is affordable, else sentence by sentence first."""
        if self._affords(old, new):
            yield from _by_word(old, new)
            return
        old_sentences, new_sentences = _sentences(old), _sentences(new)
        if not self._affords(old_sentences, new_sentences):
            yield from _whole(old, new)
            return
        for what, start, end, new_start, new_end in SequenceMatcher(None, old_sentences, new_sentences, autojunk=False).get_opcodes():
            here = [word for sentence in old_sentences[start:end] for word in sentence]
            there = [word for sentence in new_sentences[new_start:new_end] for word in sentence]
            if what == "equal":
                yield "same", _text(here)
            else:
                yield from _by_word(here, there) if self._affords(here, there) else _whole(here, there)

    def _affords(self, old: Sequence[object], new: Sequence[object]) -> bool:
        if len(old) * len(new) > self._left:
            return False
        self._left -= len(old) * len(new)
        return True


def _whole(old: list[_Word], new: list[_Word]) -> Iterator[_Found]:
    yield "removed", _text(old)
    yield "added", _text(new)


def _by_word(old: list[_Word], new: list[_Word]) -> Iterator[_Found]:
    """Words are the same whatever space stands before them: another space is a change of its own."""
    matcher = SequenceMatcher(None, [one.word for one in old], [one.word for one in new], autojunk=False)
    for what, start, end, new_start, new_end in matcher.get_opcodes():
        if what != "equal":
            yield from _whole(old[start:end], new[new_start:new_end])
            continue
        for one, other in zip(old[start:end], new[new_start:new_end], strict=True):
            if one.space != other.space:
                yield "removed", one.space
                yield "added", other.space
                yield "same", one.word
            else:
                yield "same", one.space + one.word


def _sentences(words: list[_Word]) -> list[tuple[_Word, ...]]:
    """Words up to the end of a sentence or a line."""
    found: list[tuple[_Word, ...]] = []
    start = 0
    for place, one in enumerate(words):
        if place > start and ("\n" in one.space or words[place - 1].word in _ENDS_SENTENCE):
            found.append(tuple(words[start:place]))
            start = place
    return [*found, tuple(words[start:])] if words else []


def _joined(found: list[_Found]) -> tuple[Piece, ...]:
    """Without empty stretches, and with what went before what came."""
    made: list[Piece] = []
    same: list[str] = []
    change: dict[str, list[str]] = {"removed": [], "added": []}

    def end_same() -> None:
        if same:
            made.append(Piece(kind="same", text="".join(same)))
            same.clear()

    def end_change() -> None:
        gone, come = "".join(change["removed"]), "".join(change["added"])
        if (
            come and (space := gone[: len(gone) - len(gone.lstrip())]) and come.startswith(space)
        ):  # it reads better before the change than twice in it
            made[-1:] = [Piece(kind="same", text=(made[-1].text if made else "") + space)]
            gone, come = gone.removeprefix(space), come.removeprefix(space)
        made.extend(Piece(kind="removed", text=text) for text in [gone] if text)
        made.extend(Piece(kind="added", text=text) for text in [come] if text)
        change["removed"].clear()
        change["added"].clear()

    for kind, text in found:
        if not text:
            continue
        if kind == "same":
            end_change()
            same.append(text)
        else:
            end_same()
            change[kind].append(text)
    end_change()
    end_same()
    return tuple(made)
