"""The section “Comparison of models”: every pair on the same prompts, in plain words, with what the run could not have seen."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from bench.records.comparison import Contender, ModelComparison, Strength
from bench.records.estimate import Summary
from bench.records.judging import JudgeRecord
from bench.records.spec import Spec
from bench.records.view import Cell, Column, Section, Table
from bench.report import drift, glossary, numbers
from bench.report.escape import short
from bench.report.lookup import Key, Lookup

_WINS = {
    "quality": ("scores higher", "than"),
    "judged": ("scores higher", "than"),
    "preferred": ("is preferred", "to"),
    "ttft": ("starts sooner", "than"),
    "latency": ("answers sooner", "than"),
    "decode_tps": ("writes faster", "than"),
}
_BETTER = ("is better", "than")


def comparison(seen: Lookup, spec: Spec) -> Section | None:
    """Every figure of every pair; None where there were not two models to compare."""
    found = [one for one in seen.summary.comparisons if math.isfinite(one.difference or 0.0)]
    if not found:
        return None
    titles = ("Figure", "Model", "Against")
    columns = (
        *(Column(title=title) for title in titles),
        Column(title="Difference", is_number=True),
        Column(title="Prompts better / equal / worse", is_number=True),
        Column(title="p (Holm)", is_number=True),
        Column(title="Verdict"),
    )
    rows = tuple(_row(seen, one, spec) for one in found)
    table = Table(id="comparison", columns=columns, rows=rows, notes=tuple(_notes(found)))
    ranked = _strengths(seen)
    tables = (table,) if ranked is None else (table, ranked)
    return Section(id="comparison", title="Comparison of models", text=tuple(_text(seen, found, spec)), tables=tables)


def decided_by(summary: Summary, spec: Spec) -> str:
    """Who decided the quality, in words: checks, people, judges whose word is taken. One that did not pass its probes decides nothing."""
    graded = {aspect.kind for aspect in summary.aspects if aspect.graded}
    is_human = spec.judge is not None and spec.judge.method == "human" and graded - {"check"}
    who = [*(["checks"] if "check" in graded else []), *(["people"] if is_human else [])]
    judges = [judge_words(judge) for judge in graders(summary) if judge.may_count]
    given = [*([f"by {' and '.join(who)}"] if who else []), *([f"according to {' and '.join(judges)}"] if judges else [])]
    return " and ".join(given) or "by checks"


def graders(summary: Summary) -> tuple[JudgeRecord, ...]:
    """The judges that were asked about single answers."""
    return tuple(judge for judge in summary.judges if judge.state == "served" and judge.method != "pairwise")


def judge_words(judge: JudgeRecord) -> str:
    """A judge with its verdict."""
    return f"judge {short(judge.judge_id, 60)} ({judge.qualification.verdict})"


def _text(seen: Lookup, found: Sequence[ModelComparison], spec: Spec) -> Iterator[str]:
    """What the verdicts come to, figure by figure, and who decided the quality."""
    if all(one.n_prompts < one.needed for one in found):
        most, needed = max(one.n_prompts for one in found), max(one.needed for one in found)
        yield f"{numbers.count(most, 'prompt')} answered by both: too few for a verdict prompt by prompt, which takes at least {needed}."
        return
    by_figure: dict[tuple[str, str | None], list[ModelComparison]] = {}
    for one in found:
        by_figure.setdefault((one.metric, one.grader_id), []).append(one)
    for several in by_figure.values():
        told = [sentence for one in several if (sentence := _sentence(seen, one))]
        open_ = sum(one.verdict == "cannot_tell" for one in several)
        rest = f"{numbers.count(open_, 'pair')} undecided" if open_ and told else "this run cannot tell" if open_ else ""
        yield f"{', '.join(part for part in _figure(seen.summary, several[0], spec) if part)}: {'; '.join(part for part in (*told, rest) if part)}."


def _sentence(seen: Lookup, one: ModelComparison) -> str:
    a, b = _label(seen, one.a), _label(seen, one.b)
    if one.verdict == "same":
        return f"{a} and {b} are equal on all {numbers.count(one.n_prompts, 'prompt')}"
    if one.verdict == "cannot_tell":
        return ""
    winner, other = (a, b) if one.verdict == "better" else (b, a)
    verb, joint = _WINS.get(one.metric, _BETTER)
    return f"{winner} {verb} {joint} {other}"


def _figure(summary: Summary, one: ModelComparison, spec: Spec) -> tuple[str, str]:
    """The figure's name, and of a score who gave it."""
    if one.metric == "quality":
        return "Quality", decided_by(summary, spec)
    if one.metric == "judged":
        wanted = spec.judge.use if spec.judge is not None else None
        judge = next((judge for judge in graders(summary) if wanted in {None, judge.judge_id}), None)
        return "Judge’s score", f"according to {judge_words(judge) if judge is not None else f'judge {short(str(wanted), 60)}'}"
    return ("Preferred", _according_to(summary, one.grader_id)) if one.grader_id is not None else (glossary.title(one.metric), "")


def _according_to(summary: Summary, grader_id: str) -> str:
    judge = next((judge for judge in summary.judges if judge.grader_id == grader_id), None)
    return f"according to {judge_words(judge) if judge is not None else f'judge {short(grader_id, 60)}'}"


def _strengths(seen: Lookup) -> Table | None:
    """The models as the pairwise preferences rank them, the strongest first."""
    ranked = seen.summary.strengths
    if not ranked:
        return None
    columns = (
        Column(title="Model"),
        Column(title="Strength", is_number=True),
        Column(title="Beats a mean model", is_number=True),
        Column(title="By"),
    )
    order = sorted(ranked, key=lambda one: (one.grader_id, -(one.log_strength or 0.0)))
    rows = tuple(
        (Cell(value=_label(seen, one.who)), _strength(one), _chance(one), Cell(value=_according_to(seen.summary, one.grader_id))) for one in order
    )
    unfit = "; none where some models never lost to the others" if any(one.log_strength is None for one in ranked) else ""
    note = f"Strength: Bradley and Terry’s, in log odds, 0 for the mean of these models; a tie is half a win; [95 % interval over prompts]{unfit}."
    return Table(id="strengths", columns=columns, rows=rows, notes=(note,))


def _strength(one: Strength) -> Cell:
    if one.log_strength is None or not math.isfinite(one.log_strength):
        return numbers.NOT_APPLICABLE
    return _with_interval(one.log_strength, (one.low, one.high), (1.0, ""))


def _chance(one: Strength) -> Cell:
    return Cell(value=numbers.share(one.beats_mean)) if one.beats_mean is not None else numbers.NOT_APPLICABLE


def _label(seen: Lookup, who: Contender) -> str:
    return seen.label(Key(who.model_id, who.variant_id))


def _row(seen: Lookup, one: ModelComparison, spec: Spec) -> tuple[Cell, ...]:
    tally = f"{one.wins:,} / {one.ties:,} / {one.losses:,}" if one.n_prompts else "–"
    left_out = f"{one.left_out:,} left out" if one.left_out else ""
    name, by_whom = _figure(seen.summary, one, spec)
    return (
        Cell(value=name, mark=by_whom),
        Cell(value=_label(seen, one.a)),
        Cell(value=_label(seen, one.b)),
        _effect(one),
        Cell(value=tally, mark=left_out, state="value" if one.n_prompts else "no_data"),
        Cell(value=_p(one.p_holm), state="value" if one.p_holm is not None else "no_data"),
        _verdict(seen, one),
    )


def _effect(one: ModelComparison) -> Cell:
    """`−50 points [−62 to −38]`, or `× 2.19 [2.05–2.33]` with the difference behind it."""
    if one.difference is None:
        return numbers.NO_DATA
    if one.effect == "difference":
        factor, unit = (100.0, "points") if numbers.is_share(one.unit) else (1.0, one.unit)
        return _with_interval(one.difference * factor, (one.low, one.high), (factor, unit))
    shown = numbers.scale(one.unit, [one.difference])
    sign = "+" if one.difference > 0 else ""
    behind = f"{sign}{numbers.with_unit(numbers.significant(one.difference * shown.factor, 2), shown.unit)}"
    cell = _with_interval(one.ratio or 0.0, (one.low, one.high), (1.0, ""), least=2)  # so that a bound near 1 shows on which side it is
    return Cell(value=f"× {cell.value}", interval=cell.interval, mark=behind, state=cell.state)


def _with_interval(value: float, bounds: tuple[float | None, float | None], shown: tuple[float, str], least: int = 0) -> Cell:
    (low, high), (factor, unit) = bounds, shown
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return Cell(value=numbers.with_unit(numbers.significant(value, 2), unit), state="uncertain")
    low, high = low * factor, high * factor
    decimals = max(least, numbers.decimals_for_width(high - low) if high > low else numbers.decimals_for_digits(value, 3))
    return Cell(value=numbers.with_unit(numbers.plain(value, decimals), unit), interval=numbers.interval(low, high, decimals))


def _p(p: float | None) -> str:
    if p is None:
        return "–"
    return "<0.001" if p < 0.001 else ">0.99" if 0.99 < p < 1 else numbers.plain(p, 2 if p >= 0.1 else 3)


def _verdict(seen: Lookup, one: ModelComparison) -> Cell:
    a, b = _label(seen, one.a), _label(seen, one.b)
    match one.verdict:
        case "better" | "worse":
            return Cell(value=f"{a if one.verdict == 'better' else b} {_WINS.get(one.metric, _BETTER)[0]}")
        case "same":
            return Cell(value=f"equal on all {numbers.count(one.n_prompts, 'prompt')}")
        case "cannot_tell":
            if one.n_prompts < one.needed:
                return Cell(value="too few prompts", mark=f"{one.n_prompts:,} of {one.needed:,}", state="uncertain")
            return Cell(value="cannot tell", mark=drift.mark(one) or _could(one), state="uncertain")


def _could(one: ModelComparison) -> str:
    """The difference that such a run finds in four of five cases: a smaller one may be there."""
    if one.mde is None or not math.isfinite(one.mde):
        return ""
    if one.effect == "ratio":
        return f"would find × {numbers.significant(one.mde)} or × {numbers.significant(1 / one.mde)}"
    return (
        f"would find {numbers.significant(one.mde * 100, 2)} points"
        if numbers.is_share(one.unit)
        else f"would find {numbers.significant(one.mde, 2)}"
    )


def _notes(found: list[ModelComparison]) -> Iterator[str]:
    yield (
        "Both answer the same prompts, so what is hard for both takes no part; a prompt’s rounds count once. Difference: of scores in percentage "
        "points; of times and speeds × the ratio, a geometric mean over prompts, with the mean difference below. [95 % interval]."
    )
    if any(one.grader_id is not None for one in found):
        yield "Preferred: share of prompts on which the judge prefers the model, minus that of the other; it was asked in both orders."
    pairs = max(Counter((one.metric, one.grader_id) for one in found).values())
    adjusted = f", adjusted by Holm for the {pairs} pairs of each figure" if pairs > 1 else ""
    yield f"p: chance of a difference this large if both were alike, by flipping signs prompt by prompt{adjusted}; a verdict takes p ≤ 0.05."
    if any(one.verdict == "cannot_tell" and one.mde is not None for one in found):
        yield "Would find: the difference that a run like this one finds in 4 of 5 cases; a smaller one may be there and go unseen."
    yield from drift.notes(found)
    if any(one.left_out for one in found):
        yield "Left out: prompts that only one of the two answered. If a model fails at hard prompts, what is left flatters it."
