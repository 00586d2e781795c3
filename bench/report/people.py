"""The section “What people say”: how far each grader agrees with people, and the scores as people would give them."""

from collections.abc import Iterator

from bench.records.calibration import Agreement, Calibration, Corrected, GraderCalibration
from bench.records.view import Cell, Column, Section, Table
from bench.report import numbers
from bench.report.escape import short
from bench.report.lookup import Key, Lookup

NAMES = {"checks": "checks", "quality": "all that count together"}
_POINTS = 100.0


def people(seen: Lookup) -> Section | None:
    """None where nobody labelled an answer of the run."""
    found = seen.summary.calibration
    if found is None:
        return None
    tables = [_agreements(found)]
    if means := tuple(_means(seen, found)):
        tables.append(_corrected_table(means, found))
    text = (*_people(found), *(sentence for grader in found.graders for sentence in _worth(seen, grader)))
    return Section(id="people", title="What people say", text=text, tables=tuple(tables))


def grader_name(grader_id: str) -> str:
    """A grader as readers know it."""
    return NAMES.get(grader_id, short(grader_id, 60))


def agreement_cell(found: Agreement | None) -> Cell:
    """A correlation or kappa with its interval; undefined stays so, with its reason."""
    if found is None:
        return numbers.NOT_APPLICABLE
    if found.value is None:
        return Cell(value="undefined", mark=short(found.why or "", 80), state="uncertain")
    bounds = "" if found.low is None or found.high is None else numbers.interval(found.low, found.high, 2)
    return Cell(value=numbers.plain(found.value, 2), interval=bounds)


def bent(found: Calibration) -> Iterator[str]:
    """For each grader what bending its scores towards people's would do, as cross-validation by prompt says."""
    for grader in found.graders:
        if grader.errors:
            errors = ", ".join(f"{kind} {error:.3g}" for kind, error in grader.errors.items())
            yield f"{grader_name(grader.grader_id)}: {grader.bend_why} (mean squared error: {errors})"
        else:
            yield f"{grader_name(grader.grader_id)}: not bent towards people, {grader.bend_why}"


def _people(found: Calibration) -> Iterator[str]:
    people = found.people
    by = numbers.count(people.annotators, "person", "people")
    yield f"{numbers.count(people.items, 'answer')} graded by {by}, {people.shared:,} of them by two or more, who did not see which model wrote what."
    if people.ceiling is not None and people.ceiling.value is not None:
        alpha = next((each.value for each in people.alphas if each.value is not None), None)
        among = f"; Krippendorff’s alpha {alpha:.2f}" if alpha is not None else ""
        yield f"One person agrees with the others at {people.ceiling.value:.2f} (Spearman){among}: no grader can be asked for more."


def _agreements(found: Calibration) -> Table:
    titles = ("Order as people (Spearman)", "Kendall’s τ", "Grades as people (weighted κ)", "Yes/no alike", "Length with score")
    columns = (Column(title="Grader"), *(Column(title=title, is_number=True) for title in titles), Column(title="Better than"))
    rows = tuple(_agreement_row(grader) for grader in found.graders)
    notes = (
        "1 is perfect, 0 is chance. [95 % interval over prompts]. Only answers that chance chose are compared.",
        "Better than: a grader that orders answers no better than their length, or their words in common with the reference, is not worth its time.",
        *found.notes,
    )
    return Table(id="agreement", columns=columns, rows=rows, notes=notes)


def _agreement_row(grader: GraderCalibration) -> tuple[Cell, ...]:
    measures = {each.measure: each for each in grader.agreements}
    alike = next((each for each in grader.on_aspects if each.value is not None), None)
    return (
        Cell(value=grader_name(grader.grader_id)),
        *(agreement_cell(measures.get(name)) for name in ("spearman", "kendall", "quadratic_kappa")),
        Cell(value=numbers.share(alike.value), mark=f"n = {alike.n:,}") if alike and alike.value is not None else numbers.NOT_APPLICABLE,
        agreement_cell(grader.length_bias),
        _rivals(grader),
    )


def _rivals(grader: GraderCalibration) -> Cell:
    if all(rival.is_beaten is None for rival in grader.rivals):
        return numbers.NOT_APPLICABLE
    beaten = [rival.name for rival in grader.rivals if rival.is_beaten]
    lost = [rival.name for rival in grader.rivals if rival.is_beaten is False]
    mark = f"not {' and '.join(lost)}" if lost and beaten else ""
    return Cell(value=" and ".join(beaten) or "neither", mark=mark, state="failed" if lost else "value")


def _means(seen: Lookup, found: Calibration) -> Iterator[tuple[Cell, ...]]:
    for grader in found.graders:
        for mean in (*grader.means, *grader.differences):
            yield (
                Cell(value=_whose(seen, mean)),
                Cell(value=grader_name(grader.grader_id)),
                _percent(mean.naive, None, None),
                _percent(mean.by_labels, mean.by_labels_low, mean.by_labels_high),
                _percent(mean.value, mean.low, mean.high),
                Cell(value=f"{mean.n_labels:,} of {mean.n_answers:,}"),
            )


def _corrected_table(rows: tuple[tuple[Cell, ...], ...], found: Calibration) -> Table:
    columns = (
        Column(title="Score of"),
        Column(title="Grader"),
        *(Column(title=title, is_number=True) for title in ("As graded", "Labels alone", "As people would", "Labelled")),
    )
    rates = [f"{rate.model_id}: {_rate(rate.seen, rate.value, rate.low, rate.high)}" for grader in found.graders for rate in grader.pass_rates]
    legend = (
        "As people would: prediction-powered inference. The grader’s mean, moved by what the labels show it to be wrong by; its interval holds the "
        "people’s mean however biased the grader is, and is the narrower the better it is."
    )
    passes = f"Answers that people would pass (Rogan and Gladen): {'; '.join(short(rate, 120) for rate in rates)}."
    notes = (legend, passes) if rates else (legend,)
    return Table(id="corrected", columns=columns, rows=rows, notes=notes)


def _rate(seen: float, value: float | None, low: float | None, high: float | None) -> str:
    if value is None or low is None or high is None:
        return f"{numbers.share(seen)} as graded; the grader tells passes from failures no better than chance"
    return f"{numbers.share(value)} [{numbers.share(low)} to {numbers.share(high)}], as graded {numbers.share(seen)}"


def _worth(seen: Lookup, grader: GraderCalibration) -> Iterator[str]:
    """What the grader adds to the labels, in plain words."""
    by = grader_name(grader.grader_id)
    for mean in grader.means:
        if mean.worth is not None and mean.n_labels:
            name, labels, worth = _whose(seen, mean), numbers.count(mean.n_labels, "label"), round(mean.worth)
            yield f"{name}: {labels} and {by} are worth {worth} labels." if worth > mean.n_labels else f"{name}: {by} adds nothing to the {labels}."


def _whose(seen: Lookup, mean: Corrected) -> str:
    name = seen.label(Key(mean.model_id, mean.variant_id))
    return name if mean.against is None else f"{name} − {seen.label(Key(*mean.against))}"


def _percent(value: float | None, low: float | None, high: float | None) -> Cell:
    if value is None:
        return numbers.NO_DATA
    if low is None or high is None:
        return Cell(value=numbers.with_unit(numbers.significant(value * _POINTS, 2), "%"))
    decimals = numbers.decimals_for_width((high - low) * _POINTS) if high > low else 1
    shown = numbers.with_unit(numbers.plain(value * _POINTS, decimals), "%")
    return Cell(value=shown, interval=numbers.interval(low * _POINTS, high * _POINTS, decimals))
