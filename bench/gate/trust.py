"""Whether what a gate looks at may be believed: who judged it, how much of it, whether the client kept up, and who else was at work."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from bench.gate.figures import COSTS, Cell, Doubt
from bench.records.estimate import Summary
from bench.records.gate import GateCause, GateOutcome
from bench.records.judging import JudgeRecord
from bench.records.machine import BETWEEN_ARRIVALS
from bench.records.quantity import in_words as amount
from bench.records.spec import GateSpec, Spec
from bench.records.telemetry import spoiling

PEOPLE_GRADE = "human"  # the method of a judge that is people
_BY_JUDGE = {"score", "judged"}
_SCORES = {"score", "judged", "quality"}
_MEMORY = "rss_peak_bytes"
_BY_TOKENS = "price_table"  # the cost model that reads no clock


class Objection(NamedTuple):
    """Why a number decides nothing."""

    cause: GateCause
    reason: str


def of_the_judge(gate: GateSpec, spec: Spec, summary: Summary) -> Objection | None:
    """What the judge leaves open, where the gate looks at its word.

    `quality` rests on checks where the judge's word is not taken, and stays a number that decides; `score`, `judged` and aspects in words do not.
    """
    if spec.judge is None or spec.judge.method == PEOPLE_GRADE or not _asks_the_judge(gate, summary):
        return None
    judge = summary.judges[0] if summary.judges else None
    if judge is None:
        return Objection("judge", "no answer of this run was judged; `bench judge RUN` does it")
    who = f"judge {judge.judge_id} ({judge.method})"
    if judge.state != "served":
        return Objection("judge", f"{who} is {judge.state}: {judge.reason or 'no reason known'}")
    if not judge.may_count and gate.metric != "quality":
        verdict = judge.qualification.verdict
        why = f": {judge.qualification.reasons[0]}" if judge.qualification.reasons else ""
        return Objection("judge_weak", f"{who} is {verdict}{why}; its word decides no gate unless the spec says `judge: {{allow_unqualified: true}}`")
    return None


def _asks_the_judge(gate: GateSpec, summary: Summary) -> bool:
    if gate.aspect is not None:
        return any(one.group.aspect_id == gate.aspect and one.kind != "check" for one in summary.aspects)
    return gate.metric in _SCORES


def of_the_coverage(gate: GateSpec, summary: Summary, covered: float | None) -> Objection | None:
    """Fewer answers with a value than the gate asks for. The judge is to blame where it gave no score to some."""
    if gate.coverage is None:
        return None
    judge = summary.judges[0] if summary.judges and _asks_the_judge(gate, summary) and summary.judges[0].may_count else None
    by_judge = _graded(judge) if judge is not None else None
    least = min((share for share in (covered, by_judge) if share is not None), default=None)
    if least is None or least >= gate.coverage:
        return None
    words = f"{amount(least, 'share')} of the answers have a score, fewer than the {amount(gate.coverage, 'share')} that `coverage` asks for"
    if judge is not None and by_judge is not None and by_judge < 1:
        return Objection("judge", f"{words} (judge {judge.judge_id}: {_states(judge)})")
    return Objection("coverage", words)


def _graded(judge: JudgeRecord) -> float | None:
    total = sum(judge.counts.values())
    return judge.counts.get("graded", 0) / total if total else None


def _states(judge: JudgeRecord) -> str:
    return ", ".join(f"{n} {state}" for state, n in sorted(judge.counts.items()))


def of_the_run(gate: GateSpec, unit: str, of: tuple[Spec, Summary], cell: Cell) -> Iterator[Doubt]:
    """Which outcomes the client and other work on the machine leave open."""
    spec, summary = of
    if (late := of_the_client(gate, unit, summary)) is not None:
        yield Doubt("fail", *late)
        if (why := _flattered(gate, spec, summary)) is not None:
            yield Doubt("pass", "client", f"the client was saturated, {why}: no proof that it holds")
    for outcome, spoilt in of_the_machine(gate, unit, summary, cell).items():
        yield Doubt(outcome, *spoilt)


def _flattered(gate: GateSpec, spec: Spec, summary: Summary) -> str | None:
    """Why a late client may also have made a number look good."""
    if summary.limited_by == "client":
        return "and sent less than was asked for, which spared the server"
    if gate.metric in BETWEEN_ARRIVALS or (gate.metric == "goodput" and spec.slo is not None and spec.slo.tpot_s is not None):
        return "and what it read late lay ready together, without gaps"
    return None


def of_the_client(gate: GateSpec, unit: str, summary: Summary) -> Objection | None:
    """A client that was late makes times longer, rates lower and machines dearer than they were: it proves no breach of theirs."""
    if summary.client_saturated and _is_timed(gate, unit, summary):
        return Objection("client", "the client was saturated: its own delay is part of this number, so it proves no breach")
    return None


def of_the_machine(gate: GateSpec, unit: str, summary: Summary, model: tuple[str, str]) -> Mapping[GateOutcome, Objection]:
    """What other work on the machine may have spoilt, by the outcome that it leaves open.

    It makes times longer, rates lower and energy more: what is good enough all the same is so. A server that is driven out of memory seems small.
    """
    found: dict[GateOutcome, Objection] = {}
    metric = _MEMORY if gate.metric == "rss_bytes" else gate.metric
    for one in spoiling(summary.machine, model, metric, "s" if _is_timed(gate, unit, summary) else unit):
        outcome: GateOutcome = "pass" if metric == _MEMORY else "fail"
        so = "which may be why: no proof of a breach" if outcome == "fail" else "and what was pushed out of memory is not in this figure"
        found.setdefault(outcome, Objection("contention", f"{one.text} while this was measured, {so}"))
    return found


def _is_timed(gate: GateSpec, unit: str, summary: Summary) -> bool:
    """Whether a clock's reading is in a number: in times and rates, and in costs that are not by the token."""
    if unit == "s" or unit.endswith("/s"):
        return gate.metric != "load_s"  # a server is loaded before anything is measured
    return gate.metric in COSTS and any(one.cost_model != _BY_TOKENS for one in summary.costs)
