"""How often each expected aspect was met: over all prompts for a decision, by prompt for whoever writes them.

An aspect that every model always meets, or none ever does, tells the models apart by nothing, and is marked so.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from bench.records.estimate import AspectSummary
from bench.records.spec import Spec
from bench.records.view import Cell, Column, Section, Table
from bench.report import numbers
from bench.report.comparison import graders, judge_words
from bench.report.details import bounded
from bench.report.escape import short
from bench.report.lookup import Key, Lookup

_ByModel = Mapping[Key, list[AspectSummary]]


def checks(seen: Lookup, spec: Spec) -> Section | None:
    """Each aspect over all prompts that have it, with a remark where it does not tell the models apart; aspects that nobody graded are counted."""
    rows: dict[tuple[str, str], dict[Key, list[AspectSummary]]] = {}
    prompts: dict[tuple[str, str], set[str | None]] = {}
    for found in seen.summary.aspects:
        place = (found.group.aspect_id or "all aspects", found.kind)
        rows.setdefault(place, {}).setdefault(Key(found.group.model_id, found.group.variant_id), []).append(found)
        prompts.setdefault(place, set()).add(found.group.prompt_id)
    graded = {place: models for place, models in rows.items() if any(one.graded for found in models.values() for one in found)}
    if not graded:
        return None
    keys = _keys(seen)
    required = {aspect.id for prompt in spec.prompts for aspect in prompt.aspects if aspect.required}
    columns = (*(Column(title=title) for title in ("Aspect", "Kind")), *_columns(seen, keys, "Prompts"), Column(title="Remark"))
    cells = [
        (_name(aspect, aspect in required), Cell(value=kind), Cell(value=f"{len(prompts[aspect, kind]):,}"), *_row(models, keys, shares=True))
        for (aspect, kind), models in graded.items()
    ]
    shown, notes = bounded(cells)
    left_out = sum(len(prompts[place]) for place in rows if place not in graded)  # as the caution counts them: of each prompt its own
    are = "is" if left_out == 1 else "are"
    ungraded = (f"{numbers.count(left_out, 'expected aspect')} in words {are} not graded.",) if left_out else ()
    legend = "Share of the graded answers that met the aspect, and how many."
    table = Table(
        id="checks", columns=columns, rows=shown, notes=(legend, *_by_whom(seen, graded), *_telling(graded.values(), keys), *ungraded, *notes)
    )
    title = "Checks" if all(kind == "check" for _, kind in graded) else "Expected aspects"
    return Section(id="checks", title=title, tables=(table,))


def checks_by_prompt(seen: Lookup, spec: Spec) -> Section | None:
    """Every aspect of every prompt."""
    rows: dict[tuple[str, str, str], dict[Key, list[AspectSummary]]] = {}
    for found in seen.summary.aspects:
        place = (found.group.prompt_id or "all prompts", found.group.aspect_id or "all aspects", found.kind)
        rows.setdefault(place, {}).setdefault(Key(found.group.model_id, found.group.variant_id), []).append(found)
    if not rows:
        return None
    keys = _keys(seen)
    required = {(prompt.id, aspect.id) for prompt in spec.prompts for aspect in prompt.aspects if aspect.required}
    columns = (*(Column(title=title) for title in ("Prompt", "Aspect", "Kind")), *_columns(seen, keys), Column(title="Remark"))
    cells = [
        (Cell(value=short(prompt, 80)), _name(aspect, (prompt, aspect) in required), Cell(value=kind), *_row(models, keys))
        for (prompt, aspect, kind), models in rows.items()
    ]
    shown, notes = bounded(cells)
    table = Table(id="checks-by-prompt", columns=columns, rows=shown, notes=notes)
    return Section(id="checks-by-prompt", title="Checks by prompt", tables=(table,), is_folded=True)


def _keys(seen: Lookup) -> tuple[Key, ...]:
    graded = {Key(found.group.model_id, found.group.variant_id) for found in seen.summary.aspects}
    return tuple(key for key in seen.keys if key in graded or key in seen.measured)


def _columns(seen: Lookup, keys: Iterable[Key], *before: str) -> Iterable[Column]:
    return (Column(title=title, is_number=True) for title in (*before, *(seen.label(key) for key in keys)))


def _name(aspect: str, is_required: bool) -> Cell:
    return Cell(value=short(aspect, 80), mark="required" if is_required else "")


def _row(models: _ByModel, keys: Iterable[Key], *, shares: bool = False) -> tuple[Cell, ...]:
    return (*(_cell(models.get(key, []), shares=shares) for key in keys), Cell(value=_remark([one for found in models.values() for one in found])))


def _cell(found: list[AspectSummary], *, shares: bool) -> Cell:
    """How many answers met it; with `shares` the share of them first."""
    graded = sum(one.graded for one in found)
    counted = (
        (sum(one.abstained for one in found), "undecided"),
        (sum(one.failed for one in found), "failed"),
        (sum(one.ungraded for one in found), "not graded"),
    )
    marks = ", ".join(f"{n:,} {word}" for n, word in counted if n)
    if not graded:
        return Cell(value=marks or "no data", state="no_data")
    passed = sum(one.passed for one in found)
    of = f"{passed:,}/{graded:,}"
    return Cell(value=numbers.share(passed / graded), mark=f"{of}, {marks}" if marks else of) if shares else Cell(value=of, mark=marks)


def _by_whom(seen: Lookup, graded: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Whose word the aspects in words are, and how far it may be believed."""
    judges = [judge_words(judge) for judge in graders(seen.summary)]
    if judges and any(kind != "check" for _, kind in graded):
        first = ", the first of them that decided" if len(judges) > 1 else ""
        yield f"Aspects in words: according to {' and '.join(judges)}{first}."


def _telling(aspects: Iterable[_ByModel], keys: Sequence[Key]) -> Iterator[str]:
    """How many aspects tell the models apart; with one model there is nothing to tell."""
    if len(keys) < 2:
        return
    remarks = [_remark([one for found in models.values() for one in found]) for models in aspects]
    silent = sum(bool(remark) for remark in remarks)
    if silent:
        tell = "tells" if silent == 1 else "tell"
        yield f"{silent:,} of {numbers.count(len(remarks), 'aspect')} {tell} nothing apart: every model always meets it, or none ever does."


def _remark(found: list[AspectSummary]) -> str:
    graded = [aspect for aspect in found if aspect.graded]
    if not graded:
        return "not graded"
    if all(aspect.passed == aspect.graded for aspect in graded):
        return "everybody meets it"
    return "" if any(aspect.passed for aspect in graded) else "nobody meets it"
