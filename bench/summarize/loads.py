"""What the load of each served model was, step by step where it rose, and how much the server could take."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from bench.records.load import Capacity, LoadFacts, Step, levels
from bench.records.machine import ClientHealth
from bench.records.plan import Plan, ServingKey
from bench.records.quantity import fraction
from bench.records.spec import Spec
from bench.summarize.flight import Flight, flight, is_inside, mean_between, most_at_once, series, steady
from bench.summarize.part import Mask
from bench.summarize.rows import Rows
from bench.summarize.table import Cell
from bench.summarize.throughput import meets
from bench.trials import columns

HAS_A_PLATEAU = frozenset({"closed", "constant", "poisson", "trace"})


def loads(spec: Spec, plan: Plan, rows: Rows, health: Sequence[ClientHealth]) -> Iterator[LoadFacts]:
    """The facts of each served model, in the order of the plan. `rows`: measured trials."""
    of = _by_key(rows)
    planned: defaultdict[ServingKey, Counter[int]] = defaultdict(Counter)
    variants: defaultdict[ServingKey, dict[str, None]] = defaultdict(dict)
    for block in plan.blocks:
        for kind, n in columns(block.trials).counted():
            if not kind.is_warmup:
                planned[kind.key][kind.step or 1] += n
                variants[kind.key][kind.variant_id] = None
    ended = _ended(health)
    for key, steps in planned.items():
        if key in of:
            yield _facts(spec, key, tuple(variants[key]), of[key], (steps, ended.get(key)))


def _facts(spec: Spec, key: ServingKey, variants: tuple[str, ...], rows: Rows, known: tuple[Counter[int], str | None]) -> LoadFacts:
    planned, ended = known
    seen = flight(rows)
    delays = _delays(seen)
    due_s = float(np.ptp(seen.due))
    is_open = delays is not None
    step = np.maximum(rows.codes("step"), 1)
    of_step = {number: rows.where(step == number) for number in np.unique(step).tolist()}
    steps = tuple(_step(spec, number, planned[number], members) for number, members in of_step.items()) if spec.load.steps > 1 else ()
    span_s = max(seen.span_s, 1e-9)
    return LoadFacts(
        model_id=key[0],
        variant_ids=variants,
        kind=spec.load.kind,
        requests=len(rows),
        span_s=_short(seen.span_s),
        arrivals_per_s=_short((len(rows) - 1) / max(due_s, 1e-9)) if is_open and len(rows) > 1 and due_s > 0 else None,
        answers_per_s=_short(float(seen.is_answered.sum()) / span_s),
        in_flight=_short(float(mean_between(seen.sent, seen.ended, np.array([0.0, span_s]))[0])),
        in_flight_max=most_at_once(seen.sent, seen.ended),
        send_delay_p50_s=None if delays is None else delays[0],
        send_delay_p99_s=None if delays is None else delays[1],
        send_delay_max_s=None if delays is None else delays[2],
        waiting_max=most_at_once(seen.due, seen.sent),
        dropped=rows.counts("failure").get("dropped", 0),
        not_needed=0 if ended is None else sum(n for number, n in planned.items() if number not in of_step),
        steady=steady(seen) if _has_plateau(spec) else None,
        steps=steps,
        capacity=_capacity(spec, steps, ended) if steps else None,
        series=series(seen),
    )


def _delays(seen: Flight) -> tuple[float, float, float] | None:
    """Median, p99 and the longest time from when a request was due until it was sent; None where none was late."""
    delays = seen.sent - seen.due
    if not (delays > 0).any():
        return None
    p50, p99 = (float(found) for found in np.quantile(delays, (0.5, 0.99)))
    return _short(p50), _short(p99), _short(float(delays.max()))


def _has_plateau(spec: Spec) -> bool:
    return spec.load.kind in HAS_A_PLATEAU and spec.load.concurrency > 1


def _step(spec: Spec, number: int, planned: int, rows: Rows) -> Step:
    seen = flight(rows)
    slo = spec.slo
    return Step(
        step=number,
        level=_level(spec, number),
        planned=planned,
        requests=len(rows),
        failed=sum(rows.counts("failure").values()),
        dropped=rows.counts("failure").get("dropped", 0),
        good=int(((rows.codes("failure") == 0) & (True if slo is None else meets(slo, rows) != 0.0)).sum()),
        request_rate=_short(_rate(seen, is_open=spec.load.settings.get("of") == "rate")),
        in_flight=_short(float(mean_between(seen.sent, seen.ended, np.array([0.0, max(seen.span_s, 1e-9)]))[0])),
    )


def _level(spec: Spec, number: int) -> float:
    """What a step asked for; a shape that does not say has its steps counted."""
    load = spec.load
    return _short(levels(load.settings, load.steps)[min(number, load.steps) - 1]) if {"from", "to"} <= load.settings.keys() else float(number)


def _rate(seen: Flight, *, is_open: bool) -> float:
    """Answers per second: in a closed loop over the whole step; in an open one from answer to answer, so that its filling does not count."""
    ends = seen.ended[seen.is_answered]
    if is_open and ends.size > 1:
        return float((ends.size - 1) / max(float(np.ptp(ends)), 1e-9))
    return float(ends.size / max(float(ends.max() - seen.sent.min()), 1e-9)) if ends.size else 0.0


def _capacity(spec: Spec, steps: Sequence[Step], ended: str | None) -> Capacity:
    """The step with the highest rate among those that met the objective often enough."""
    wanted = fraction(spec.load.settings.get("min_goodput", 0.95))
    good = [step for step in steps if step.requests and step.good >= wanted * step.requests]
    best = max(good, key=lambda step: (step.request_rate, -step.step), default=None)
    return Capacity(
        of="rate" if spec.load.settings.get("of") == "rate" else "concurrency",
        min_goodput=wanted,
        step=best.step if best else None,
        level=best.level if best else None,
        request_rate=best.request_rate if best else None,
        is_lower_bound=best is not None and ended is None,
        ended=ended,
    )


def steady_rows(spec: Spec, rows: Rows) -> Mask:
    """A flag for each row of the table (`Rows.flagged`): those that lie wholly in the steady window of their served model; none without a plateau."""
    found = rows.flags()
    for members in _by_key(rows).values() if _has_plateau(spec) else ():
        seen = flight(members)
        window = steady(seen)
        if window is not None:
            found[seen.rows.where(is_inside(seen, window.from_s, window.to_s)).numbers] = True
    return found


def not_needed(plan: Plan, rows: Rows, health: Iterable[ClientHealth]) -> Counter[Cell]:
    """Planned trials of steps that a load, having ended by itself, did not come to."""
    ended = _ended(health)
    if not ended:
        return Counter()
    reached = {(*key, step) for key, of_key in _by_key(rows).items() for step in np.unique(of_key.codes("step")).tolist()}
    found: Counter[Cell] = Counter()
    for block in plan.blocks:
        for kind, n in columns(block.trials).counted():
            if kind.step is not None and kind.key in ended and (*kind.key, kind.step) not in reached:
                found[Cell(kind.model_id, kind.variant_id)] += n
    return found


def _by_key(rows: Rows) -> dict[ServingKey, Rows]:
    words = rows.words("treatment")
    found: dict[ServingKey, list[Rows]] = {}
    for cell, of_cell in rows.by_cell().items():
        codes = of_cell.codes("treatment")
        for code in np.unique(codes).tolist():
            found.setdefault((cell.model_id, words[code]), []).append(of_cell.where(codes == code))
    return {key: Rows.joined(parts) for key, parts in found.items()}


def _ended(health: Iterable[ClientHealth]) -> dict[ServingKey, str]:
    return {(model, digest): told.load_ended for told in health if told.load_ended for model in told.model_ids for digest in told.treatment_digests}


def notes(facts: Iterable[LoadFacts]) -> Iterator[str]:
    """What a reader must know of the loads before the numbers."""
    for each in facts:
        if each.dropped:
            yield f"{each.model_id}: {each.dropped} of {each.requests} arrivals were dropped: every place was taken for longer than `load.max_wait`."
        if each.steps:
            yield f"{each.model_id}: figures of the whole run pool all {len(each.steps)} steps of the sweep; read them by step."


def _short(value: float) -> float:
    """Six significant digits."""
    return float(f"{value:.6g}")
