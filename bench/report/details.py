"""The tables behind the main one: per prompt, by prefix, outliers, and every estimate with its method."""

from collections.abc import Collection

import msgspec

from bench.records.estimate import Estimate, Group, Outlier, PromptSpread, Statistic
from bench.records.view import Cell, Column, Section, Table
from bench.report import glossary, numbers
from bench.report.escape import short
from bench.report.lookup import Key, Lookup
from bench.report.results import absent, scale_of

LEAST_ROUNDS = 5  # of one prompt for an interval of its own, as for its outliers
MOST_ROWS = 200  # of one table, for a report that a person can still open; all rows are in report.csv

_PROMPT_COLUMNS: tuple[tuple[str, tuple[Statistic, ...]], ...] = (
    ("quality", ("mean", "ratio", "share")),
    ("ttft", ("p50",)),
    ("latency", ("p50",)),
    ("decode_tps", ("ratio", "p50", "mean")),
    ("completion_tokens", ("mean", "p50")),
)
_PREFIX = "First token with a cold and a warm prefix"
_ORDER: tuple[Statistic, ...] = ("p50", "p90", "p95", "p99", "mean", "ratio", "rate", "share", "value", "max")


def bounded(rows: list[tuple[Cell, ...]]) -> tuple[tuple[tuple[Cell, ...], ...], tuple[str, ...]]:
    """At most `MOST_ROWS` rows, and the note that says how many are left out."""
    left_out = len(rows) - MOST_ROWS
    return tuple(rows[:MOST_ROWS]), ((f"{left_out:,} more rows are in the CSV report.",) if left_out > 0 else ())


def prompts(seen: Lookup) -> Section | None:
    """Every prompt with every model, as rows that stand together."""
    names = seen.prompts()
    wanted = []
    for metric, statistics in _PROMPT_COLUMNS:
        cells = {(prompt, key): _of_prompt(seen, key, prompt, metric, statistics) for prompt in names for key in seen.measured}
        if any(cells.values()):
            wanted.append((metric, statistics, cells, scale_of(list(cells.values()))))
    if not wanted:
        return None
    spreads = {(one.metric, one.group): one for one in seen.summary.spreads}
    has_p95 = {one.metric for one in seen.summary.spreads if one.p95 is not None}
    has_spread = {one.metric for one in seen.summary.spreads}  # asked of every row: a run of many models and prompts has thousands of both
    titles = ["n"]
    for metric, statistics, _, _ in wanted:
        titles += [seen.heading(metric, seen.statistic(metric, statistics)), *_spread_titles(metric, seen, has_p95)]
    rows = []
    for prompt in names:
        for key in seen.measured:
            group = Group(model_id=key.model_id, variant_id=key.variant_id, prompt_id=prompt)
            n = max((estimate.n for _, _, cells, _ in wanted if (estimate := cells[prompt, key])), default=0)
            row = [Cell(value=short(prompt, 80)), Cell(value=seen.label(key)), Cell(value=f"{n:,}")]
            for metric, _, cells, shown in wanted:
                row.append(_unmarked(numbers.estimate_cell(_point(cells[prompt, key]), shown, absent=absent(seen, key))))
                if metric in has_spread:
                    row += _spread_cells(spreads.get((metric, group)), shown, with_p95=metric in has_p95)
            rows.append(tuple(row))
    columns = (Column(title="Prompt"), Column(title="Model"), *(Column(title=title, is_number=True) for title in titles))
    shown_rows, notes = bounded(rows)
    notes = ("A figure without an interval is the sample's own: too few rounds of one prompt to decide on.", *notes)
    table = Table(id="prompts", columns=columns, rows=shown_rows, notes=notes)
    return Section(id="prompts", title="Per prompt", tables=(table,), is_folded=True)


def _is_spread(metric: str, seen: Lookup) -> bool:
    return any(one.metric == metric for one in seen.summary.spreads)


def _spread_titles(metric: str, seen: Lookup, has_p95: Collection[str]) -> list[str]:
    if not _is_spread(metric, seen):
        return []
    name = seen.title(metric)
    return [*([f"{name} p95"] if metric in has_p95 else []), f"{name} min–max"]


def _spread_cells(one: PromptSpread | None, shown: numbers.Scale, *, with_p95: bool) -> list[Cell]:
    """The p95, where any prompt has one, and the range."""
    if one is None:
        return [numbers.NOT_APPLICABLE] * (1 + with_p95)
    least, most = (numbers.significant(number * shown.factor) for number in (one.least, one.most))
    found = [Cell(value=numbers.with_unit(least if least == most else f"{least}–{most}", shown.unit))]
    if with_p95 and one.p95 is None:
        return [Cell(value=numbers.TOO_SMALL, state="uncertain"), *found]
    return [Cell(value=numbers.with_unit(numbers.significant((one.p95 or 0.0) * shown.factor), shown.unit)), *found] if with_p95 else found


def _point(found: Estimate | None) -> Estimate | None:
    """Without its interval where a prompt was asked a few times: so few rounds give one that spans everything."""
    return msgspec.structs.replace(found, low=None, high=None) if found is not None and found.n < LEAST_ROUNDS else found


def _unmarked(cell: Cell) -> Cell:
    """Without its remark, which the table says once."""
    return msgspec.structs.replace(cell, mark="")


def _of_prompt(seen: Lookup, key: Key, prompt: str, metric: str, statistics: tuple[Statistic, ...]) -> Estimate | None:
    return seen.find(metric, statistics, Group(model_id=key.model_id, variant_id=key.variant_id, prompt_id=prompt))


def prefix(seen: Lookup) -> Section | None:
    """TTFT with a cold and with a warm prompt prefix."""
    columns = [Column(title="Model")]
    rows = [[Cell(value=seen.label(key))] for key in seen.measured]
    for side in ("cold", "warm"):
        for statistic in ("p50", "p95"):
            groups = [Group(model_id=key.model_id, variant_id=key.variant_id, prefix="cold" if side == "cold" else "warm") for key in seen.measured]
            found = [seen.find("ttft", ("p50" if statistic == "p50" else "p95",), group) for group in groups]
            if not any(found):
                continue
            columns.append(Column(title=f"TTFT {statistic}, {side}", is_number=True))
            if statistic == "p50":
                columns.append(Column(title=f"n {side}", is_number=True))
            shown = scale_of(found)
            for row, estimate in zip(rows, found, strict=True):
                row.append(numbers.estimate_cell(estimate, shown))
                if statistic == "p50":
                    row.append(Cell(value=f"{estimate.n:,}" if estimate else "0"))
    if len(columns) == 1:
        return None
    if not any(found.group.prefix == "warm" and found.n for found in seen.estimates):
        text = ("No answer was given from a warm prefix: every TTFT above is what a new prompt feels.",)
        return Section(id="prefix", title=_PREFIX, text=text)
    text = (
        "Warm: the server took a part of the prompt from its prefix cache, as in later rounds of the same prompt. Cold is what a new prompt feels.",
    )
    table = Table(id="prefix", columns=tuple(columns), rows=tuple(tuple(row) for row in rows))
    return Section(id="prefix", title=_PREFIX, text=text, tables=(table,))


def outliers(seen: Lookup) -> Section | None:
    """Samples far from the others of their prompt: shown, never dropped. None when nothing was measured."""
    if not seen.measured:
        return None
    text = ("Flagged where |value − median of the prompt| > 5 MAD (median absolute deviation). They stay in every number above.",)
    found = seen.summary.outliers
    if not found:
        return Section(
            id="outliers",
            title="Outliers",
            text=("None flagged: nothing further than 5 MAD from the median of its prompt, where a prompt has trials enough to tell.",),
        )
    units = {estimate.metric: estimate.unit for estimate in seen.estimates}
    rows, notes = bounded([_outlier_row(seen, one, units.get(one.metric, "")) for one in found])
    if more := seen.summary.outliers_more:
        notes = (*notes, f"{len(found):,} are recorded, the farthest from their medians; {more:,} more are not.")
    titles = (("Metric", False), ("Model", False), ("Prompt", False), ("Value", True), ("Median", True), ("MAD", True), ("Trial", False))
    columns = tuple(Column(title=title, is_number=is_number) for title, is_number in titles)
    table = Table(id="outliers", columns=columns, rows=rows, notes=notes)
    return Section(
        id="outliers", title=f"Outliers ({len(found) + seen.summary.outliers_more:,})", text=text, tables=(table,), is_folded=len(found) > 10
    )


def _outlier_row(seen: Lookup, one: Outlier, unit: str) -> tuple[Cell, ...]:
    shown = numbers.scale(unit, (one.value, one.median))
    value, median, mad = (numbers.with_unit(numbers.significant(number * shown.factor), shown.unit) for number in (one.value, one.median, one.mad))
    label = seen.label(Key(one.group.model_id, one.group.variant_id))
    name = seen.title(one.metric)
    trial = Cell(value=one.trial_id[:12], is_code=True)
    return (
        Cell(value=name),
        Cell(value=label),
        Cell(value=short(one.group.prompt_id or "–", 80)),
        *(Cell(value=v) for v in (value, median, mad)),
        trial,
    )


def estimates(seen: Lookup) -> Section | None:
    """Every estimate over all prompts, with counts and method."""
    groups = {Group(model_id=key.model_id, variant_id=key.variant_id): key for key in seen.keys}
    apart = glossary.unsaid(seen.estimates)
    shown = [estimate for estimate in seen.estimates if estimate.metric not in apart]
    metrics = list(dict.fromkeys(found.metric for found in shown))
    places = {metric: place for place, metric in enumerate([*glossary.TERMS, *(name for name in metrics if name not in glossary.TERMS)])}
    found = [estimate for estimate in shown if estimate.group in groups]
    if not found:
        return None
    found.sort(key=lambda one: (places[one.metric], _ORDER.index(one.statistic), seen.keys.index(groups[one.group])))
    scales = {
        (one.metric, one.statistic): scale_of([two for two in found if (two.metric, two.statistic) == (one.metric, one.statistic)]) for one in found
    }
    rows, notes = bounded([_estimate_row(seen, one, scales[one.metric, one.statistic], groups[one.group]) for one in found])
    titles = (
        *(("Metric", False), ("Statistic", False), ("Model", False), ("Value", True), ("n", True)),
        *(("Prompts", True), ("Failed", True), ("Not applicable", True), ("Method", False)),
    )
    columns = tuple(Column(title=title, is_number=is_number) for title, is_number in titles)
    return Section(id="estimates", title="Every estimate", tables=(Table(id="estimates", columns=columns, rows=rows, notes=notes),), is_folded=True)


def _estimate_row(seen: Lookup, one: Estimate, shown: numbers.Scale, key: Key) -> tuple[Cell, ...]:
    level = "" if one.level == 0.95 else f" at {numbers.share(one.level)}"
    method = "; ".join(part for part in (f"{one.method}{level}", one.note) if part)
    prompts_seen = Cell(value=f"{one.clusters:,}") if one.clusters else numbers.NOT_APPLICABLE
    counts = (Cell(value=f"{one.n:,}"), prompts_seen, Cell(value=f"{one.failed:,}"), Cell(value=f"{one.not_applicable:,}"))
    names = (Cell(value=seen.title(one.metric)), Cell(value=one.statistic), Cell(value=seen.label(key)))
    return (*names, numbers.estimate_cell(one, shown), *counts, Cell(value=short(method, 160)))
