"""A baseline for a terminal: what it is of, and every model's numbers."""

from collections.abc import Iterator

from bench.records.baseline import Baseline, Level
from bench.records.view import Cell, Column, Section, Table
from bench.report import glossary, numbers
from bench.report.console import section
from bench.report.escape import short
from bench.report.run_comparison import label

_COLUMNS = (Column(title="Figure"), *(Column(title=title, is_number=True) for title in ("Value", "Interval", "n")))


def as_text(found: Baseline) -> str:
    """All of it but the single prompts."""
    return section(Section(id="baseline", title="Baseline", text=tuple(_about(found)), tables=tuple(_tables(found))))


def _about(found: Baseline) -> Iterator[str]:
    commit = f", commit {short(found.git.commit, 10)}" if found.git else ""
    yield f"{short(found.spec_name, 60)} {short(found.spec_version, 30)}, run {short(found.run_id, 60)}, {short(found.started_at, 30)}{commit}"
    machine = found.machine
    parts = (short(machine.cpu, 80), numbers.count(machine.cores, "core"), *(short(gpu, 80) for gpu in machine.gpus), short(machine.system, 60))
    yield f"{', '.join(parts)}; bench {short(found.bench_version, 30)}"
    yield "; ".join(f"{short(what, 40)}: {short(how, 120)}" for what, how in sorted(found.circumstances.items()))
    for judge in found.judges:
        yield f"judge {short(judge.grader_id, 60)}: {short(judge.verdict, 30)}{'' if judge.counts else ', does not count'}"


def _tables(found: Baseline) -> Iterator[Table]:
    variants = {model.variant_id for model in found.models}
    for model in found.models:
        asked, failed = sum(each.n for each in model.answers), sum(each.failed for each in model.answers)
        prompts = numbers.count(len({each.prompt_id for each in model.answers}), "prompt")
        note = f"{label(model.model_id, model.variant_id, variants)}: {numbers.count(asked, 'trial')} of {prompts}, {failed} failed"
        rows = tuple(_row(found, level) for level in model.levels)
        yield Table(id="levels", columns=_COLUMNS, rows=rows, notes=(note,))


def _row(found: Baseline, level: Level) -> tuple[Cell, ...]:
    measure = found.metrics.get(level.metric)
    factor, unit = numbers.scale(measure.unit if measure else "", [level.value])
    name = f"{glossary.title(level.metric)} {level.statistic if level.statistic.startswith('p') else ''}".rstrip()
    value = Cell(value=numbers.with_unit(numbers.significant(level.value * factor), unit))
    if level.low is None or level.high is None:
        return Cell(value=name), value, Cell(value=numbers.TOO_SMALL, state="uncertain"), Cell(value=f"{level.n:,}")
    decimals = numbers.decimals_for_width((level.high - level.low) * factor) if level.high > level.low else 2
    return Cell(value=name), value, Cell(value=numbers.interval(level.low * factor, level.high * factor, decimals)), Cell(value=f"{level.n:,}")
