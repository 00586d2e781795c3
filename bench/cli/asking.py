"""Asks a person, item by item, in the terminal. Each item is kept as soon as its last question is answered, so that nothing is lost by stopping."""

from collections.abc import Callable, Sequence
from typing import Protocol

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from bench.annotate.answers import Labelled, number, word
from bench.annotate.items import OVERALL
from bench.cli.console import plain
from bench.errors import UsageError
from bench.records.annotation import AnnotationItem, AnnotationQuestion

_MOST_TASK = 3000  # characters shown at first; `m` shows all
_ASKS = {"expect": "Does the answer fulfil this?", "forbid": "Does the answer do this (it should not)?", "question": "", "overall": ""}
HELP = "y yes · n no · u unsure · s skip this item · m show the whole task · q stop (go on later with the same command)"


class Reader(Protocol):
    """Where the person's words come from; raises EOFError when there are no more."""

    def __call__(self, prompt: str, /) -> str:
        """One line."""


class Stopped(Exception):
    """The person wants to stop."""


class _Skipped(Exception):
    pass


def ask_all(items: Sequence[AnnotationItem], read: Reader, console: Console, keep: Callable[[AnnotationItem, dict[str, Labelled]], None]) -> int:
    """Ask about every item in turn; `keep` gets each item's answers. Returns how many were kept; ends early when the person stops."""
    kept = 0
    console.print(Text(HELP, style="dim"))
    for place, item in enumerate(items, start=1):
        try:
            given = _ask(item, f"answer {place} of {len(items)}", read, console)
        except _Skipped:
            continue
        except Stopped:
            break
        keep(item, given)
        kept += 1
    return kept


def _ask(item: AnnotationItem, title: str, read: Reader, console: Console) -> dict[str, Labelled]:
    _show(item, title, console, most=_MOST_TASK)
    given: dict[str, Labelled] = {}
    for question in item.questions:
        said = ", ".join(f"{label} × {n}" for label, n in question.said)
        console.print(Text.assemble((plain(question.text), "bold"), f"  {_ASKS[question.kind]}" + (f"  said so far: {said}" if said else "")))
        label = _label(item, question, read, console)
        if label:
            given[question.id] = Labelled(item.item_id, question.id, label, "", "your answer", item.drawn)
    return given


def _label(item: AnnotationItem, question: AnnotationQuestion, read: Reader, console: Console) -> str:
    """An answer that is allowed; empty where it may be left out."""
    while True:
        try:
            typed = read(f"  [{_allowed(question)}] > ").strip()
        except EOFError as error:
            raise Stopped from error
        match typed.casefold():
            case "q":
                raise Stopped
            case "s":
                raise _Skipped
            case "m":
                _show(item, "the whole task", console, most=None)
            case "" if question.id == OVERALL:
                return ""
            case _:
                try:
                    each = Labelled(item.item_id, question.id, typed, "", "your answer")
                    return str(word(each)) if question.scale is None else f"{number(question, each):g}"
                except UsageError as error:
                    console.print(Text(plain(error.message), style="yellow"))


def _show(item: AnnotationItem, title: str, console: Console, *, most: int | None) -> None:
    task = plain(item.task)
    cut = most is not None and len(task) > most
    console.rule(plain(title))
    console.print(Panel(Text(f"{task[:most]} … [m shows the rest]" if cut else task), title="task", title_align="left"))
    if item.reference:
        console.print(Panel(Text(plain(item.reference)), title="a reference answer", title_align="left"))
    console.print(Panel(Text(plain(item.answer) or "(an empty answer)"), title="the answer", title_align="left", border_style="bold"))


def _allowed(question: AnnotationQuestion) -> str:
    if question.scale is None:
        return "y/n/u"
    anchors = "".join(f", {score} {plain(meaning)}" for score, meaning in question.anchors)
    return f"{question.scale[0]}–{question.scale[1]}{anchors}" + (", Enter: none" if question.kind == "overall" else "")
