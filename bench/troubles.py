"""What third parties' extensions broke, told where it belongs. Part of the program (`pipeline.py`).

What broke on a model, a request, an answer or a check stands in its own line; here is told what else there is, and the traceback of each is kept in
the run's `logs/extensions.log`.
"""

from collections.abc import Callable, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING

from msgspec.structs import replace

from bench.errors import Exit
from bench.outcome import Reason
from bench.records.estimate import Summary
from bench.records.spec import Spec
from bench.registry import Registry
from bench.store.layout import RunLayout

if TYPE_CHECKING:  # loaded only where a third party's extension is
    from bench.extensions.guard import Trouble

_IN_FIGURES = ("metric", "cost")
_TRIED = 100  # arrivals that are asked for before a run, to see that a shape can give them
_MOST_TOLD = 5
LOG = "extensions.log"


def try_load(spec: Spec, registry: Registry) -> None:
    """Ask a third party's load shape for a few arrivals: what cannot run is told before anything is measured.

    Raises: ExtensionBroke.
    """
    if not registry.is_built_in("load", spec.load.kind):
        shape = registry.load("load", spec.load.kind)(spec.load)
        for _ in islice(chain(shape.arrivals(_TRIED, spec.seed), shape.opens()), _TRIED):
            continue


def with_troubles(layout: RunLayout, registry: Registry, summary: Summary) -> Summary:
    """The summary with a note for each metric and cost model that broke while it was made."""
    found = registry.troubles(*_IN_FIGURES)
    keep(layout, found)
    return replace(summary, notes=(*summary.notes, *(f"{_words(each)}. It has no value there." for each in found))) if found else summary


def told(layout: RunLayout, registry: Registry, note: Callable[[str], None]) -> tuple[Reason, ...]:
    """Say what broke, and keep it; a report that could not be written is a reason not to end with 0."""
    found = registry.troubles()
    keep(layout, found)
    for each in found[:_MOST_TOLD]:
        note(_words(each))
    if found:
        more = f"{len(found) - _MOST_TOLD} more troubles with extensions, and all tracebacks: " if len(found) > _MOST_TOLD else "tracebacks: "
        note(f"{more}{layout.logs / LOG}")
    return tuple(Reason(code=Exit.MISSING_EXTENSION, message=_words(each)) for each in found if each.door == "report")


def keep(layout: RunLayout, troubles: "Sequence[Trouble]") -> None:
    """Append troubles to the run's log of them."""
    if troubles:
        layout.logs.mkdir(exist_ok=True)
        with (layout.logs / LOG).open("a", encoding="utf-8", errors="backslashreplace") as log:
            log.writelines(f"{_words(each)}\n{each.trace}\n" for each in troubles)


def _words(trouble: "Trouble") -> str:
    return f"{trouble.message} ({trouble.n:,} times)" if trouble.n > 1 else trouble.message
