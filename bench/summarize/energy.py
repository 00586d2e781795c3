"""The energy of each model's answers: that of the time they were in flight, which those in flight together share evenly."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace

from bench.records.cost import CostBasis
from bench.records.estimate import Estimate, Group
from bench.records.telemetry import EnergyFacts, EnergyReading
from bench.stats.quantile import Floats
from bench.summarize.estimates import Subject, gathered, ratio, tidy, told
from bench.summarize.flight import mean_between
from bench.summarize.rows import Rows
from bench.summarize.sessions import Session, counted, energy_of, zones
from bench.summarize.table import Cell

_COVERED = 0.98  # of the time in flight; less of it read is no measurement
_BUSY = 0.1  # a machine of which so much is used is not at rest
_SHORTEST = 2.0  # readings that an answer must last for its own energy to be told from its neighbours'


class Declared(NamedTuple):
    """Watts that the spec declares. Unit: W."""

    idle_w: float
    busy_w: float


class Shares(NamedTuple):
    """What falls to each row of one session. Shape: `float64[rows]`. `gaps`: what was read while nothing was in flight."""

    rows: Floats
    gaps: float


def energy(measured: Mapping[Cell, Rows], every: Rows, told: Mapping[str, Session]) -> Iterator[tuple[EnergyFacts, Estimate]]:
    """Per cell, where sensors covered it. `every`: all rows, warm-up included, for they share the time in flight."""
    for cell, rows in measured.items():
        found = _measured(cell, rows, every, told) if len(rows) else None
        if found is not None:
            yield found


def _measured(cell: Cell, rows: Rows, every: Rows, told_by: Mapping[str, Session]) -> tuple[EnergyFacts, Estimate] | None:
    gross, net, seconds = np.full(len(rows), np.nan), np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    totals = np.zeros(4)  # gross, time, by counters, by power
    sources: dict[str, None] = {}
    idle_j: list[float | None] = []
    notes: dict[str, None] = {}
    for name, session in told_by.items():
        mine = _of_session(rows, name)
        if not mine.any():
            continue
        lot, beside = rows.where(mine), every.where(_of_session(every, name))
        time = _shares(session, session.to_s - session.from_s, lot, beside)
        whole = _shares(session, energy_of(session, counted), lot, beside)
        at_rest = _idle_w(session)
        part = float(np.nansum(time.rows) / max(1e-12, _time_between(lot, beside, session)))
        gross[mine], seconds[mine] = whole.rows, time.rows
        net[mine] = whole.rows - (at_rest or 0.0) * time.rows
        by = [_shares(session, energy_of(session, which), lot, beside) for which in (_counter, _integral)]
        totals += (here := np.array([each.rows.sum() + each.gaps * part for each in (whole, time, *by)]))
        sources |= dict.fromkeys(" ".join(zone) for zone in zones(session))
        idle_j.append(None if at_rest is None else at_rest * float(here[1]))
        notes |= dict.fromkeys(_notes(session, at_rest))
    if not sources or not _is_covered(rows, gross):
        return None
    facts = _facts(cell, rows, totals, (tuple(sources), idle_j, tuple(notes)))
    is_net = facts.net_j is not None
    return _with_units(facts, net if is_net else gross), _estimate(cell, rows, net if is_net else gross, told_by, facts)


def _of_session(rows: Rows, name: str) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    workers = [place for place, word in enumerate(rows.words("worker")) if word.partition("-")[0] == name]
    return np.isin(rows.codes("worker"), workers)


def _shares(session: Session, amounts: Floats, rows: Rows, every: Rows) -> Shares:
    """What falls to each row of an amount per slice; `nan` where a slice that it was in flight in has none.

    In every slice each request has its part of the time that all requests were in flight. `gaps`: of slices in the rows' window without any.
    """
    if not len(session.slices):
        return Shares(np.full(len(rows), np.nan), 0.0)
    edges = np.unique(np.concatenate((session.from_s, session.to_s)))
    lengths = np.diff(edges)
    flight_s = mean_between(every.number("sent_s"), every.number("finished_s"), edges) * lengths
    of = np.full(lengths.size, np.nan)
    of[np.searchsorted(edges, session.from_s)] = amounts
    is_flown = flight_s > 1e-9
    rates = np.where(is_flown, of / np.where(is_flown, flight_s, 1.0), 0.0)
    unknown = np.isnan(rates)
    grown = np.concatenate(([0.0], np.cumsum(np.where(unknown, 0.0, rates) * lengths)))
    lacking = np.concatenate(([0.0], np.cumsum(unknown * lengths)))
    sent, ended = rows.number("sent_s"), rows.number("finished_s")
    found = np.interp(ended, edges, grown) - np.interp(sent, edges, grown)
    missing = np.interp(ended, edges, lacking) - np.interp(sent, edges, lacking) > 0.02 * (ended - sent) + 1e-9
    outside = (sent < edges[0] - 0.05) | (ended > edges[-1] + 0.05)
    middle = (edges[:-1] + edges[1:]) / 2
    inside = ~is_flown & (middle > sent.min()) & (middle < ended.max()) & ~np.isnan(of)
    return Shares(np.where(missing | outside, np.nan, found), float(of[inside].sum()))


def _time_between(rows: Rows, every: Rows, session: Session) -> float:
    """Seconds with any request in flight, of those that lie in these rows' window and are no warm-up."""
    begins, ends = rows.number("sent_s").min(), rows.number("finished_s").max()
    inside = every.where((every.number("sent_s") >= begins) & (every.number("finished_s") <= ends) & ~every.is_warmup)
    return float(np.nansum(_shares(session, session.to_s - session.from_s, inside, every).rows))


def _idle_w(session: Session) -> float | None:
    """Power at rest of the zones that add up; None where it was not read, or the machine was not at rest."""
    idle = session.idle
    if idle is None or (idle.busy_share is not None and idle.busy_share > _BUSY):
        return None
    parts = {(one.source, one.zone): counted(one) for one in idle.energy}
    wanted = [parts.get(zone) for zone in zones(session)]
    known = [part for part in wanted if part is not None]
    return sum(known) / (idle.to_s - idle.from_s) if wanted and len(known) == len(wanted) else None


def _notes(session: Session, at_rest: float | None) -> Iterator[str]:
    if at_rest is None and session.idle is not None and session.idle.busy_share is not None:
        yield f"the machine was not at rest before the load ({session.idle.busy_share:.0%} of its cores at work): nothing is taken off for rest"
    elif at_rest is None:
        yield "power at rest is not known: nothing is taken off for it"


def _counter(one: EnergyReading) -> float | None:
    return one.counter_j


def _integral(one: EnergyReading) -> float | None:
    return one.integral_j


def _is_covered(rows: Rows, gross: Floats) -> bool:
    length = rows.number("finished_s") - rows.number("sent_s")
    return bool(length[~np.isnan(gross)].sum() >= _COVERED * length.sum())


def _facts(cell: Cell, rows: Rows, totals: Floats, known: tuple[tuple[str, ...], Sequence[float | None], tuple[str, ...]]) -> EnergyFacts:
    """`known`: sources, what each session's rest takes off (None: not known, and then nothing is taken off any), notes."""
    sources, rest_j, notes = known
    gross_j, window_s, by_counters, by_power = (None if np.isnan(each) else tidy(float(each)) for each in totals)
    told_j = [each for each in rest_j if each is not None]
    idle_j = sum(told_j) if window_s and len(told_j) == len(rest_j) else None
    at_rest = None if idle_j is None or window_s is None else idle_j / window_s
    return EnergyFacts(
        model_id=cell.model_id,
        variant_id=cell.variant_id,
        basis="measured",
        sources=sources,
        window_s=window_s or 0.0,
        gross_j=gross_j or 0.0,
        idle_w=tidy(at_rest),
        idle_j=tidy(idle_j),
        net_j=None if idle_j is None or gross_j is None else tidy(gross_j - idle_j),
        counter_j=by_counters,
        integral_j=by_power,
        requests=int((rows.codes("failure") == 0).sum()),
        tokens=int(np.nansum(rows.number("completion_tokens"))),
        notes=notes,
    )


def _with_units(facts: EnergyFacts, each: Floats) -> EnergyFacts:
    total = float(np.nansum(each))
    per_request, per_token = (tidy(total / n) if n else None for n in (facts.requests, facts.tokens))
    return replace(facts, per_request_j=per_request, per_token_j=per_token)


def _estimate(cell: Cell, rows: Rows, each: Floats, told_by: Mapping[str, Session], facts: EnergyFacts) -> Estimate:
    """Joules per answer: what failed requests used is paid by those that were answered."""
    known = ~np.isnan(each)
    pairs = np.stack((each[known], (rows.codes("failure") == 0)[known].astype(np.float64))).T
    seen = gathered(pairs, np.flatnonzero(known), rows, (0, int((~known).sum())))
    group = Group(model_id=cell.model_id, variant_id=cell.variant_id)
    made = told(Subject("energy_j", "J", "lower", group), "ratio", seen, ratio(seen))
    made = replace(made, method=f"{', '.join(facts.sources)}{' less power at rest' if facts.net_j is not None else ''}; {made.method}")
    width_s = max((float(np.median(one.to_s - one.from_s)) for one in told_by.values() if len(one.slices)), default=0.0)
    if float(np.median(rows.number("finished_s") - rows.number("sent_s"))) < _SHORTEST * width_s:
        note = f"answers are shorter than {_SHORTEST:.0f} readings: their mean holds, but not how they differ"
        made = replace(made, low=None, high=None, note=note)
    return made


def declared(bases: Sequence[CostBasis], watts: Callable[[CostBasis], Declared | None]) -> Iterator[tuple[EnergyFacts, Estimate]]:
    """The energy of what no sensor covered, from watts that the spec declares: an estimate, never called measured."""
    for basis in bases:
        found = watts(basis)
        if found is None:
            continue
        idle_j = found.idle_w * basis.wall_s
        gross_j = found.busy_w * basis.busy_s + found.idle_w * max(0.0, basis.wall_s - basis.busy_s)
        net_j = (found.busy_w - found.idle_w) * basis.busy_s
        facts = EnergyFacts(
            model_id=basis.model.id,
            variant_id=basis.variant_id,
            basis="declared",
            sources=("declared watts",),
            window_s=tidy(basis.wall_s) or 0.0,
            gross_j=tidy(gross_j) or 0.0,
            idle_w=found.idle_w,
            idle_j=tidy(idle_j),
            net_j=tidy(net_j),
            requests=basis.requests,
            tokens=basis.completion_tokens,
            per_request_j=tidy(net_j / basis.requests) if basis.requests else None,
            per_token_j=tidy(net_j / basis.completion_tokens) if basis.completion_tokens else None,
            notes=("an estimate: watts as declared in the spec × measured time",),
        )
        group = Group(model_id=basis.model.id, variant_id=basis.variant_id)
        yield (
            facts,
            Estimate(
                metric="energy_j",
                statistic="value",
                unit="J",
                better="lower",
                group=group,
                value=facts.per_request_j,
                n=basis.requests,
                clusters=0,
                method="declared watts × time in flight",
                note="an estimate: watts as declared in the spec, not measured",
            ),
        )
