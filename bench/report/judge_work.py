"""What judges were asked in all, how long that took, and what it cost."""

from collections.abc import Iterator, Sequence

from bench.records.estimate import Summary
from bench.records.judging import JudgeRecord, JudgeWork
from bench.records.view import Cell, Column, Table
from bench.report import numbers
from bench.report.escape import short

_TITLES = ("Questions in all", "Prompt tokens", "From its cache", "Output tokens", "Answering", "Took", "Cost")


def judge_work(summary: Summary, found: Sequence[JudgeRecord]) -> Iterator[Table]:
    """None where nothing was asked, as when every verdict was known before."""
    rows = tuple(_row(summary, judge, work) for judge in found for work in judge.work)
    if not rows:
        return
    legend = (
        "In all: questions about answers, about probes, and about what the judge can do, in every session. Answering: the time with a question open. "
        "Took: the whole stage, bringing the judge up included."
    )
    priced = " Cost: formula and basis under “Cost”; it is no part of the models’ costs." if summary.judge_costs else ""
    columns = (Column(title="Judge"), *(Column(title=title, is_number=True) for title in _TITLES))
    yield Table(id="judge-work", columns=columns, rows=rows, notes=(legend + priced,))


def _row(summary: Summary, judge: JudgeRecord, work: JudgeWork) -> tuple[Cell, ...]:
    mark = f"{work.uncounted:,} not counted" if work.uncounted else ""
    is_counted = work.uncounted < work.requests
    return (
        Cell(value=short(work.judge_id, 60), mark=short(judge.method, 30)),
        Cell(value=f"{work.requests:,}"),
        Cell(value=f"{work.prompt_tokens:,}", mark=mark) if is_counted else Cell(value="–", mark="its server does not say", state="not_applicable"),
        Cell(value=f"{work.cached_tokens:,}") if is_counted and (work.cached_tokens or judge.cached_tokens is not None) else numbers.NOT_APPLICABLE,
        Cell(value=f"{work.completion_tokens:,}") if is_counted else numbers.NOT_APPLICABLE,
        Cell(value=numbers.seconds(work.busy_s)),
        Cell(value=numbers.seconds(judge.duration_s)),
        _cost(summary, judge, work),
    )


def _cost(summary: Summary, judge: JudgeRecord, work: JudgeWork) -> Cell:
    costs = (each.cost for each in summary.judge_costs if (each.grader_id, each.cost.model_id) == (judge.grader_id, work.judge_id))
    cost = next((cost for cost in costs if cost.amount is not None), None)
    return numbers.NOT_APPLICABLE if cost is None or cost.amount is None else Cell(value=numbers.money(cost.amount, cost.currency))
