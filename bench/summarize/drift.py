"""How far the machine's own drift may put two models apart that were measured one after the other: what no interval over prompts or rounds holds.

In blocked order each model, or variant that is served in its own way, has a block of its own. Half a block against the other half, prompt by prompt,
shows how far the machine wanders; `bench.stats.drift` says what that may come to between two blocks.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.records.spec import Spec
from bench.stats.drift import Stretch, reach
from bench.stats.quantile import Floats
from bench.summarize.rows import Rows

LEVEL = 0.95
_MOST = 1 << 20  # more prompts and steps than any run has


class Apart(NamedTuple):
    """Two that were measured one after the other. `drift`: the ratio, 1 or more, that the machine alone may make of it; None where nothing tells."""

    drift: float | None

    def hides(self, ratio: float | None) -> bool:
        """Whether a ratio may be the machine's alone."""
        return self.drift is None or ratio is None or max(ratio, 1 / ratio) <= self.drift


def took_turns(spec: Spec, first: Rows, second: Rows) -> bool:
    """Whether the two were asked by turns, so that whatever the machine did came to both: by the spec's order, or in one block since served alike."""
    return spec.order == "interleaved" or set(first.counts("treatment")) == set(second.counts("treatment"))


class Wander:
    """How far the machine wandered in one metric, read once from all blocks for all of their pairs: a hundred models have a hundred pairs."""

    def __init__(self, name: str, spec: Spec, alike: Sequence[Rows]) -> None:
        """`alike`: all whose halves show it. They are read when two were measured one after the other."""
        self._name, self._spec, self._alike = name, spec, alike

    @cached_property
    def _stretches(self) -> list[Stretch]:
        return [stretch for rows in self._alike for stretch in stretches(self._name, rows)]

    def apart(self, first: Rows, second: Rows) -> Apart | None:
        """What drift may make of the metric of two; None where they took turns."""
        if took_turns(self._spec, first, second):
            return None
        one, other = (_span(rows) for rows in (first, second))
        if one.session != other.session:  # each session's clock begins at zero
            return Apart(None)
        length_s = (one.ends_s - one.begins_s + other.ends_s - other.begins_s) / 2
        apart_s = abs(one.begins_s + one.ends_s - other.begins_s - other.ends_s) / 2
        far = reach(self._stretches, apart_s, length_s, LEVEL)
        return Apart(None if far is None else float(f"{np.exp(min(far, 700.0)):.12g}"))


def stretches(name: str, rows: Rows) -> Iterator[Stretch]:
    """The first rounds of a block against its last ones: the mean over prompts of the logarithm of their ratio. A load's steps each by themselves."""
    values = rows.values(name)
    value = values[:, 0] / values[:, 1] if values.shape[1] > 1 else values[:, 0]
    with np.errstate(invalid="ignore"):
        has_value = np.isfinite(value) & (value > 0) & ~rows.is_first & (_sessions(rows) == _span(rows).code)
    steps, rounds = rows.codes("step"), rows.codes("round")
    keys = (rows.codes("prompt").astype(np.int64) * _MOST + steps) * 4 + rows.codes("prefix")  # a prompt that was cached is another one
    for step in np.unique(steps[has_value]).tolist():
        here = has_value & (steps == step)
        order = np.unique(rounds[here])
        half = order.size // 2
        if half:
            parts = [here & (rounds <= order[half - 1]), here & (rounds >= order[-half])]
            yield from _stretch(rows, (keys, value), parts)


def _stretch(rows: Rows, known: tuple[NDArray[np.int64], Floats], parts: Sequence[NDArray[np.bool_]]) -> Iterator[Stretch]:
    keys, value = known
    means = [_means(keys[part], np.log(value[part])) for part in parts]
    _, in_first, in_last = np.intersect1d(means[0][0], means[1][0], assume_unique=True, return_indices=True)
    if not in_first.size:
        return
    ends = [(float(rows.number("sent_s")[part].min()), float(rows.number("finished_s")[part].max())) for part in parts]
    (first_begins, first_ends), (last_begins, last_ends) = ends
    middles = (first_begins + first_ends) / 2, (last_begins + last_ends) / 2
    difference = float((means[1][1][in_last] - means[0][1][in_first]).mean())
    yield Stretch(difference, abs(middles[1] - middles[0]), (first_ends - first_begins + last_ends - last_begins) / 2)


def _means(keys: NDArray[np.int64], logs: Floats) -> tuple[NDArray[np.int64], Floats]:
    found, members = np.unique(keys, return_inverse=True)
    return found, np.asarray(np.bincount(members, weights=logs) / np.bincount(members))


class _Span(NamedTuple):
    """When a block was measured, by the clock of the session that most of it was measured in (`code`: of its first worker)."""

    begins_s: float
    ends_s: float
    session: str
    code: int


def _span(rows: Rows) -> _Span:
    sessions = _sessions(rows)
    code = int(np.bincount(sessions).argmax())
    here = sessions == code
    session = rows.words("worker")[code].partition("-")[0]
    return _Span(float(rows.number("sent_s")[here].min()), float(rows.number("finished_s")[here].max()), session, code)


def _sessions(rows: Rows) -> NDArray[np.intp]:
    """Each row's session, as the code of the first of its workers."""
    words = rows.words("worker")
    first: dict[str, int] = {}
    codes = np.array([first.setdefault(word.partition("-")[0], code) for code, word in enumerate(words)], dtype=np.intp)
    return np.asarray(codes[rows.codes("worker")])
