"""What keeps a verdict from being said whatever the numbers are.

Another machine or load forbids any. Other work on the machine, and a client that is late, can only make times longer, rates lower and energy more: of
head it forbids what it may have caused, *worse* and *same*, and *better* holds all the more; of base the other way round. A server that is driven out
of memory seems smaller than it is, so of its memory they change places.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from msgspec.structs import replace

from bench.compare.align import Aligned
from bench.compare.tolerance import is_timed
from bench.records.baseline import Baseline, Contestant, Measure
from bench.records.compare import STANDS, Change, Pushed, Pusher
from bench.records.comparison import ComparisonVerdict
from bench.records.machine import BETWEEN_ARRIVALS

_ENERGY = "J"
Side = Literal["base", "head"]
_WORDS: dict[Pusher, str] = {"contention": "other work on the machine", "client": "a client that could not keep up"}


class Push(NamedTuple):
    """What makes a figure of head look `worse` or `better` than it is, held against base; `any`: it forbids every verdict, for what the words say."""

    way: Pushed
    words: str
    by: tuple[Pusher, ...] = ()
    side: Side | None = None


def forbidden(words: str | None) -> Push | None:
    """A reason for which there is no verdict at all, if there is one."""
    return Push("any", words) if words else None


def joined(*pushes: Push | None) -> Push | None:
    """All of them at once: two that push in different ways leave nothing."""
    told = [each for each in pushes if each is not None]
    if not told:
        return None
    words = "; ".join(dict.fromkeys(each.words for each in told))
    if len({each.way for each in told}) > 1 or told[0].way == "any":
        return Push("any", words)
    by = tuple(dict.fromkeys(one for each in told for one in each.by))
    return Push(told[0].way, f"{' and '.join(_WORDS[one] for one in by)} in {told[0].side}", by, told[0].side)


def allowed(push: Push | None, verdict: ComparisonVerdict, reason: str | None) -> tuple[ComparisonVerdict, str | None]:
    """A verdict with its reason, as far as the push leaves it."""
    if push is None:
        return verdict, reason
    if push.way == "any":
        return "cannot_tell", push.words
    if verdict == STANDS[push.way]:
        return verdict, "; ".join(part for part in (f"despite {push.words}", reason) if part)
    if verdict == "cannot_tell":
        return verdict, f"{reason}; {push.words}"
    if verdict == "same":
        return "cannot_tell", f"not {push.way}, and maybe {STANDS[push.way]}: {push.words}"
    return "cannot_tell", f"{push.words}, which may be why"


def pushed(by: Pusher, sides: Sequence[Side], *, flatters: bool = False, is_clear: bool = True) -> Push | None:
    """What was there in `sides`, and makes a figure look worse than it is, or better (`flatters`). Not `is_clear`: it may be either."""
    if not sides:
        return None
    words = f"{_WORDS[by]} in {' and '.join(sides)}"
    if len(sides) > 1 or not is_clear:
        return Push("any", words)
    return Push("worse" if (sides[0] == "head") != flatters else "better", words, (by,), sides[0])


def marked(change: Change, push: Push | None) -> Change:
    """A change that says what pushed it, where a verdict is left."""
    if push is None or push.way == "any":
        return change
    return replace(change, pushed=push.way, pushed_by=push.by, pushed_in=push.side)


class Vetoes(NamedTuple):
    """All that forbids verdicts. `timed`: on what reads a clock; `machine`: on what a server took of the machine; `errors`: on failed requests.

    `late`: the runs whose client could not keep up; `is_full_load`: it sent all the same what was asked for. `beside`: whether other work counts.
    """

    timed: Push | None = None
    machine: Push | None = None
    errors: Push | None = None
    late: tuple[Side, ...] = ()
    is_full_load: bool = True
    beside: bool = True

    def on(self, metric: str, measure: Measure, one: Aligned, slo: str | None = None) -> Push | None:
        """What forbids verdicts on a metric of a model. `slo`: what goodput counts by."""
        if measure.unit == _ENERGY:
            return self._energy(one)
        if not is_timed(measure):
            return self.errors if metric == "error_rate" else None
        is_gap = metric in BETWEEN_ARRIVALS or (metric == "goodput" and "tpot" in (slo or ""))
        return joined(self.timed, self.client(one, is_clear=not is_gap), self.other_work(one, "times"))

    def cost(self, cost_model: str, one: Aligned) -> Push | None:
        """What forbids verdicts on a cost that follows from time, or from energy and time."""
        if cost_model == "energy":
            return joined(self.timed, self.client(one, is_clear=False), self._energy(one))
        return joined(self.timed, self.client(one), self.other_work(one, "times"))

    def memory(self, one: Aligned, kind: str) -> Push | None:
        """What forbids verdicts on `memory` or `gpu_memory`. What others hold of a GPU's may be in a server's, or have driven it out."""
        return joined(self.machine, self.other_work(one, kind, flatters=kind == "memory", is_clear=kind == "memory"))

    def client(self, one: Aligned, *, is_clear: bool = True) -> Push | None:
        """What a late client did to a model's times. One that sends less than it was asked to also spares the server."""
        return pushed("client", self.late, is_clear=is_clear and self.is_full_load and not _has_failed(one, self.late))

    def other_work(self, one: Aligned, kind: str, *, flatters: bool = False, is_clear: bool = True) -> Push | None:
        """What other work on the machine did to a model. Where requests failed, slow ones may be missing from its times."""
        sides = [name for name, side in _sides(one) if kind in side.contention] if self.beside else []
        is_whole = kind != "times" or not _has_failed(one, sides)
        return pushed("contention", sides, flatters=flatters, is_clear=is_clear and is_whole)

    def _energy(self, one: Aligned) -> Push | None:
        """Others' energy is counted with the model's; a processor that is slowed, or waits, may need more for an answer, or less."""
        slowed = [name for name, side in _sides(one) if "times" in side.contention and "energy" not in side.contention]
        other = self.other_work(one, "energy")
        return joined(self.other_work(one, "times", is_clear=False), other) if slowed else other


def _sides(one: Aligned) -> tuple[tuple[Side, Contestant], ...]:
    return ("base", one.base), ("head", one.head)


def _has_failed(one: Aligned, sides: Sequence[Side]) -> bool:
    return any(pair[name == "head"].failed for pair in one.pairs for name in sides)


def late(base: Baseline, head: Baseline) -> tuple[Side, ...]:
    """The runs whose client could not keep up."""
    sides: tuple[tuple[Side, Baseline], ...] = (("base", base), ("head", head))
    return tuple(name for name, run in sides if run.client_saturated)
