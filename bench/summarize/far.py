"""Trials far from the others of their prompt; of very many the farthest."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np

from bench.records.estimate import Group, Outlier
from bench.stats.outliers import far_from_median
from bench.stats.quantile import Floats
from bench.summarize.estimates import tidy
from bench.summarize.rows import Index, Places, Rows
from bench.summarize.table import Cell

LOOKED_FOR = ("ttft", "tpot", "latency")
MOST = 1000  # that are listed


class _Found(NamedTuple):
    """How many MAD away, and where its trial's id is read, once it is known to be shown."""

    distance: float
    outlier: Outlier
    rows: Rows
    place: int


def outliers(cells: Mapping[Cell, Rows]) -> tuple[tuple[Outlier, ...], int]:
    """Outliers by model, metric and prompt, and how many more there are. The values of `cells` are measured trials."""
    found: list[_Found] = []
    n = 0
    for far in _all(cells):
        n += 1
        found.append(far)
        if len(found) >= 2 * MOST:
            found = _farthest(found)
    kept = _farthest(found)
    return tuple(msgspec.structs.replace(each.outlier, trial_id=each.rows.trial_id(each.place)) for each in kept), n - len(kept)


def _farthest(found: Sequence[_Found]) -> list[_Found]:
    """The farthest ones, in the order in which they were found."""
    if len(found) <= MOST:
        return list(found)
    order = sorted(range(len(found)), key=lambda place: (-found[place].distance, place))[:MOST]
    return [found[place] for place in sorted(order)]


def _all(cells: Mapping[Cell, Rows]) -> Iterator[_Found]:
    """A cold prompt is not compared with a warm one."""
    for cell, every in cells.items():
        rows = every.where(~every.is_first)
        prefixes, words = rows.codes("prefix"), rows.words("prefix")
        by_prompt = [(name, _all_of(places)) for name, places in sorted(rows.by_word("prompt").items())]
        for name in LOOKED_FOR:
            values = rows.values(name)[:, 0]
            for prompt_id, places in by_prompt:
                for prefix in sorted(np.unique(prefixes[places]).tolist(), key=lambda code: words[code]):
                    alike = places[(prefixes[places] == prefix) & ~np.isnan(values[places])]
                    group = Group(model_id=cell.model_id, variant_id=cell.variant_id, prompt_id=prompt_id, prefix=_prefix(words[prefix]))
                    yield from _of(name, group, rows, (alike, values[alike]))


def _all_of(places: Places) -> Index:
    return np.arange(places.start, places.stop) if isinstance(places, slice) else places


def _prefix(word: str) -> Literal["cold", "warm"] | None:
    return "cold" if word == "cold" else "warm" if word == "warm" else None


def _of(name: str, group: Group, rows: Rows, alike: tuple[Index, Floats]) -> Iterator[_Found]:
    places, values = alike
    far = far_from_median(values)
    median, mad = tidy(far.median) or 0.0, tidy(far.mad) or 0.0
    for place in np.flatnonzero(far.is_far).tolist():
        value = tidy(float(values[place])) or 0.0
        found = Outlier(metric=name, group=group, trial_id="", value=value, median=median, mad=mad)
        yield _Found(abs(value - median) / mad, found, rows, int(places[place]))
