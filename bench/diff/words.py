"""Two texts compared word by word."""

import re
from difflib import SequenceMatcher

from bench.records.diff import Piece

_WORD = re.compile(r"\s+|[^\W_]+|.", re.DOTALL)
MOST_STEPS = 4_000_000  # words of one text times words of the other: about a second of matching


def pieces(before: str, after: str) -> tuple[Piece, ...]:
    """The stretches that stayed, went and came, in order: those not removed make `after`, those not added make `before`.

    What two long texts begin and end with alike is found at once; a middle that is too long to match word by word went and came as a whole.
    """
    old, new = _WORD.findall(before), _WORD.findall(after)
    shorter = min(len(old), len(new))
    head = next((place for place in range(shorter) if old[place] != new[place]), shorter)
    tail = next((place for place in range(shorter - head) if old[-1 - place] != new[-1 - place]), shorter - head)
    found = [("same", old[:head])]
    old_middle, new_middle = old[head : len(old) - tail], new[head : len(new) - tail]
    if len(old_middle) * len(new_middle) > MOST_STEPS:
        found += [("removed", old_middle), ("added", new_middle)]
    else:
        found += _matched(old_middle, new_middle)
    found.append(("same", old[len(old) - tail :]))
    return _joined(found)


def _matched(old: list[str], new: list[str]) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    for what, start, end, new_start, new_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            # a space between two changed words belongs to the change: one stretch is easier to read than three
            found += [("same", old[start:end])] if "".join(old[start:end]).strip() else [("removed", old[start:end]), ("added", old[start:end])]
            continue
        found += [("removed", old[start:end]), ("added", new[new_start:new_end])]
    return found


def _joined(found: list[tuple[str, list[str]]]) -> tuple[Piece, ...]:
    """Without empty stretches, and with what went before what came."""
    made: list[Piece] = []
    gone, come = "", ""

    def change() -> None:
        nonlocal gone, come
        made.extend([Piece(kind="removed", text=gone)] if gone else [])
        made.extend([Piece(kind="added", text=come)] if come else [])
        gone, come = "", ""

    for kind, words in found:
        text = "".join(words)
        if kind == "removed":
            gone += text
        elif kind == "added":
            come += text
        elif text:
            change()
            if made and made[-1].kind == "same":
                made[-1] = Piece(kind="same", text=made[-1].text + text)
            else:
                made.append(Piece(kind="same", text=text))
    change()
    return tuple(made)
