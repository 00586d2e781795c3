"""Two runs compared, as sections: the verdicts, what limits them, and answers side by side. For `bench compare`, as text and as Markdown."""

from collections import Counter
from collections.abc import Iterator, Sequence

from tabulate import tabulate

from bench.records.compare import STANDS, Change, Compared, Moved, Narrowed, Once, RunComparison, Unlike
from bench.records.selection import Chosen
from bench.records.view import Cell, Column, Section, Table
from bench.report import glossary, numbers
from bench.report.console import section, wrapped
from bench.report.escape import html_line, markdown, markdown_block, markdown_code, markdown_tight, short, visible

MOST_CHARACTERS = 60_000  # GitHub refuses a comment of more than 65,536
_MOST_ANSWER = 800
_MOST_ROWS = 60
_SIDE = 58  # characters of an answer's line, beside another
_VERDICTS = {"worse": "worse", "better": "better", "same": "same", "cannot_tell": "cannot tell"}
_FORBIDS = {
    "speed": "; no verdict on times and speeds",
    "errors": "; no verdict on the error rate",
    "speed_and_errors": "; no verdict on the error rate nor, since requests failed, on times and speeds",
    "scores": "; no verdict on scores it counts in",
    "nothing": "",
}
_ORDER = ("worse", "better", "cannot_tell", "same")
_TITLES = {"quality": "Quality", "judged": "Judge’s score", "checks_met": "Checks met", "aspect": "Aspect"} | {
    "rss_bytes": "Memory",
    "gpu_bytes": "GPU memory",
    "disk_bytes": "Size on disk",
    "cost": "Cost of the run",
    "cost_per_request": "Cost per request",
    "cost_per_million_tokens": "Cost per 1M tokens",
    "cost_per_accepted_answer": "Cost per accepted answer",
}
_COLUMNS = (
    Column(title="Figure"),
    Column(title="Model"),
    Column(title="Base", is_number=True),
    Column(title="Head", is_number=True),
    Column(title="Change", is_number=True),
    Column(title="Better / equal / worse", is_number=True),
    Column(title="p (adjusted)", is_number=True),
    Column(title="Verdict"),
)


def headline(found: RunComparison) -> str:
    """What it comes to, in one line: `2 worse, 1 better, 3 same, 4 cannot tell`."""
    counted = Counter(change.verdict for change in (*found.changes, *found.levels, *found.aspects))
    told = [f"{counted[verdict]} {_VERDICTS[verdict]}" for verdict in ("worse", "better", "same", "cannot_tell") if counted[verdict]]
    if chose_otherwise(found):
        told.append("another decision")
    return ", ".join(told) or "nothing to compare"


def chose_otherwise(found: RunComparison) -> bool:
    """Whether both asked for a decision, and it is not the same model, or one chose none."""
    return found.base.chosen is not None and found.head.chosen is not None and found.base.chosen.who != found.head.chosen.who


def _decisions(found: RunComparison) -> Iterator[str]:
    """What each of the two chose, where both asked."""
    base, head = found.base.chosen, found.head.chosen
    if base is not None and head is not None:
        variants = {chosen.who.variant_id for chosen in (base, head) if chosen.who}
        yield f"decision: base {_choice(base, variants)}; head {_choice(head, variants)}{': another one' if chose_otherwise(found) else ''}"


def _choice(chosen: Chosen, variants: set[str]) -> str:
    if chosen.who is None:
        return "chooses no model yet" if chosen.verdict == "cannot_tell" else "finds none that meets the requirements"
    wins = f", wins in {numbers.share(chosen.win_share)} of its resamples" if chosen.win_share is not None else ""
    return f"chooses {label(chosen.who.model_id, chosen.who.variant_id, variants)} ({chosen.verdict}{wins})"


def sections(found: RunComparison) -> tuple[Section, ...]:
    """All of it but the answers."""
    variants = {change.variant_id for change in (*found.changes, *found.levels, *found.aspects)}
    shown = [_figures(found.changes, variants, "figures")] if found.changes or not found.levels else []
    if found.levels:
        shown.append(_figures(found.levels, variants, "levels"))
    if found.aspects:
        shown.append(_figures(found.aspects, variants, "aspects"))
    text = (f"base {_side(found.base)}", f"head {_side(found.head)}", *_decisions(found), *_limits(found))
    parts = [Section(id="verdicts", title="Verdicts", text=text, tables=tuple(shown))]
    if found.once:
        parts.append(Section(id="once", title="Measured once", tables=(_once(found.once, variants),)))
    return tuple(parts)


def _side(side: Compared) -> str:
    commit = f", commit {short(side.commit, 40)[:10]}" if side.commit else ""
    of = "baseline of run" if side.kind == "baseline" else "run"
    return f"{short(side.spec_name, 60)} {short(side.spec_version, 30)}, {of} {short(side.run_id, 60)}, {short(side.started_at, 30)}{commit}"


def _limits(found: RunComparison) -> Iterator[str]:
    alike = "were asked by both" if found.across_requests else "were asked in the same words by both"
    yield f"{numbers.count(found.aligned, 'pair')} of a model and a prompt {alike}."
    yield from (_unlike(one) for one in found.unlike)
    yield from (_narrowed(one) for one in found.narrowed)
    yield from found.notes


def _unlike(one: Unlike) -> str:
    where = f" of {short(one.model_id, 60)} [{short(one.variant_id or '', 40)}]" if one.model_id else ""
    forbids = f"; of times and speeds only “{STANDS[one.pushed]}” is said" if one.pushed in STANDS else _FORBIDS[one.limits]
    if one.base == one.head:
        return f"limit: {short(one.what, 80)}{where}: {short(one.base, 160)} in both{forbids}"
    return f"unlike: {short(one.what, 80)}{where}: {short(one.base, 160)} → {short(one.head, 160)}{forbids}"


def _narrowed(one: Narrowed) -> str:
    examples = ", ".join(short(each, 80) for each in one.examples)
    return f"left out: {one.count} of {numbers.count(one.of, one.what.removesuffix('s'))} {one.reason}" + (f" ({examples})" if examples else "")


def _figures(changes: Sequence[Change], variants: set[str], name: str) -> Table:
    ordered = sorted(changes, key=lambda change: _ORDER.index(change.verdict))
    rows = tuple(_row(change, variants) for change in ordered[:_MOST_ROWS])
    notes = [f"{len(ordered) - _MOST_ROWS} more are in the JSON."] if len(ordered) > _MOST_ROWS else []
    if name == "figures":
        notes += _notes(changes)
    elif name == "levels":
        told = ", ".join(dict.fromkeys(f"{_title(change)} {_tolerance(change)}" for change in changes))
        notes.append(
            "Over all answers, × head / base; of a percentile or a rate by the intervals of both runs, as if they were independent; a reading "
            f"decides as it was read. Tolerance: {told}."
        )
    else:
        notes.append("An aspect of one prompt alone is tested over its rounds, any other over its prompts.")
    return Table(id=name, columns=_COLUMNS, rows=rows, notes=tuple(notes))


def _notes(changes: Sequence[Change]) -> Iterator[str]:
    yield (
        "Head against base on the same prompts, whose rounds count once. Change: of scores in points; of times and speeds × head / base, a geometric "
        "mean over prompts. [95 % interval]."
    )
    told = dict.fromkeys(f"{_title(change)} {_tolerance(change)}" for change in changes)
    yield f"Same: the whole interval lies within the tolerance ({', '.join(told)}). Better, worse: p ≤ 0.05, adjusted for all figures, and beyond it."
    if any(change.verdict == "cannot_tell" and change.mde is not None for change in changes):
        yield "Would find: the change that such runs find in 4 of 5 cases."


def _tolerance(change: Change) -> str:
    shown = f"{change.tolerance * 100:g}"
    return f"{shown} {'%' if change.effect == 'ratio' else 'point' if shown == '1' else 'points'}"


def _title(change: Change) -> str:
    title = _TITLES.get(change.metric) or glossary.title(change.metric)
    return title if change.statistic in {None, "rate", "value"} else f"{title} {change.statistic}"


def label(model_id: str, variant_id: str, variants: set[str]) -> str:
    """A model, with its variant where there are several."""
    return short(model_id, 60) if len(variants) < 2 else f"{short(model_id, 60)} [{short(variant_id, 40)}]"


def _row(change: Change, variants: set[str]) -> tuple[Cell, ...]:
    name = _title(change) if change.aspect_id is None else f"{short(change.aspect_id, 60)}"
    shown = numbers.scale(change.unit, [change.base, change.head])
    tally = f"{change.wins:,} / {change.ties:,} / {change.losses:,}" if change.statistic is None else "–"
    return (
        Cell(value=name),
        Cell(value=label(change.model_id, change.variant_id, variants)),
        *(_value(value, shown) for value in (change.base, change.head)),
        _effect(change),
        Cell(value=tally),
        Cell(value=_p(change.p_adjusted), state="no_data" if change.p_adjusted is None else "value"),
        _verdict(change),
    )


def _value(value: float | None, shown: numbers.Scale) -> Cell:
    if value is None:
        return numbers.NO_DATA
    return Cell(value=numbers.with_unit(numbers.significant(value * shown.factor), shown.unit))


def _effect(change: Change) -> Cell:
    value = change.ratio if change.effect == "ratio" else change.difference
    if value is None:
        return numbers.NO_DATA
    factor, unit, sign = (1.0, "", "× ") if change.effect == "ratio" else (100.0, "points", "+" if value > 0 else "")
    low, high = change.low, change.high
    if low is None or high is None:
        return Cell(value=f"{sign}{numbers.with_unit(numbers.significant(value * factor, 3), unit)}", state="uncertain")
    few = numbers.decimals_for_digits(value * factor, 3)
    decimals = min(numbers.decimals_for_width((high - low) * factor), few + 1) if high > low else few
    bounds = numbers.interval(low * factor, high * factor, decimals)
    return Cell(value=f"{sign}{numbers.with_unit(numbers.plain(value * factor, decimals), unit)}", interval=bounds)


def _p(p: float | None) -> str:
    return "–" if p is None else "<0.001" if p < 0.001 else ">0.99" if p > 0.99 else numbers.plain(p, 2 if p >= 0.1 else 3)


def _verdict(change: Change) -> Cell:
    reason = short(change.reason or "", 200)
    if change.verdict == "cannot_tell":
        could = _could(change)
        return Cell(value="cannot tell", mark="; ".join(part for part in (reason, could) if part), state="uncertain")
    return Cell(value=_VERDICTS[change.verdict], mark=reason, is_best=change.verdict in {"better", "worse"})


def _could(change: Change) -> str:
    if change.mde is None:
        return ""
    if change.effect == "ratio":
        return f"would find × {numbers.significant(change.mde)} or × {numbers.significant(1 / change.mde)}"
    return f"would find {numbers.significant(change.mde * 100, 2)} points"


def _once(once: Sequence[Once], variants: set[str]) -> Table:
    columns = (Column(title="Fact"), Column(title="Model"), *(Column(title=title, is_number=True) for title in ("Base", "Head", "Ratio")))
    rows = []
    for one in once:
        shown = numbers.scale(one.unit, [one.base, one.head])
        ratio = f"× {numbers.significant(one.head / one.base)}" if one.base > 0 else "–"
        values = (_value(value, shown) for value in (one.base, one.head))
        rows.append(
            (
                Cell(value=_TITLES.get(one.fact) or glossary.title(one.fact)),
                Cell(value=label(one.model_id, one.variant_id, variants)),
                *values,
                Cell(value=ratio),
            )
        )
    return Table(id="once", columns=columns, rows=tuple(rows), notes=("One value per run: what of it is noise cannot be told.",))


def sides(moved: Moved) -> Iterator[tuple[str, str]]:
    """The answers of base and head, cut; what is not kept is said."""
    for name, answer in (("base", moved.base_answer), ("head", moved.head_answer)):
        if answer is None:
            yield name, "(no answer at hand: a baseline keeps none)"
        else:
            yield name, answer if len(answer) <= _MOST_ANSWER else f"{answer[:_MOST_ANSWER].rstrip()} …"


def score(moved: Moved) -> str:
    """How a prompt's score moved, in words."""
    aspects = [*(f"lost {short(each, 120)}" for each in moved.lost), *(f"won {short(each, 120)}" for each in moved.won)]
    return f"{numbers.share(moved.base)} → {numbers.share(moved.head)}" + (f": {', '.join(aspects)}" if aspects else "")


def as_text(found: RunComparison) -> str:
    """The comparison for a terminal, with answers side by side where the score moved most."""
    parts = [section(each).rstrip("\n") for each in sections(found)]
    for one in found.moved:
        parts.append(f"{short(one.prompt_id, 80)}, {short(one.model_id, 60)} [{short(one.variant_id, 40)}]: {score(one)}")
        parts.append(
            tabulate([[wrapped(visible(answer), _SIDE) for _, answer in sides(one)]], ["base", "head"], tablefmt="simple", disable_numparse=True)
        )
    return "\n\n".join((*parts, headline(found))) + "\n"


def as_markdown(found: RunComparison) -> str:
    """The comparison as a comment on a pull request: verdicts first, the rest folded, never longer than a comment may be."""
    left_out = [_narrowed(one) for one in found.narrowed]  # told before the verdicts, which do not speak of it
    parts = [f"### bench compare: {markdown(headline(found))}", "", *(f"- {markdown(text)}" for text in left_out), *([""] if left_out else [])]
    whole, *others = sections(found)
    figures, *aspects = whole.tables
    parts += [*_grid(figures), *(line for table in aspects for line in ("", "**Aspects that moved**", "", *_grid(table)))]
    parts += [
        "",
        "<details><summary>What was compared, and what limits it</summary>",
        "",
        *(f"- {markdown(text)}" for text in whole.text if text not in left_out),
        "",
        "</details>",
    ]
    for other in others:
        inner = (line for table in other.tables for line in _grid(table))
        parts += ["", f"<details><summary>{html_line(other.title)}</summary>", "", *inner, "", "</details>"]
    return _with_answers("\n".join(parts) + "\n", found.moved)


def _with_answers(text: str, moved: Sequence[Moved]) -> str:
    """Answers as long as there is room: the comment stays one."""
    for one in moved:
        told = [f"<details><summary>{html_line(f'{one.prompt_id}, {one.model_id} [{one.variant_id}]: {score(one)}')}</summary>", ""]
        for name, answer in sides(one):
            told += [f"**{name}**", "", str(markdown_block(answer)), ""]
        part = "\n".join(("", *told, "</details>", ""))
        if len(text) + len(part) > MOST_CHARACTERS:
            return text + "\nMore answers moved; `bench compare` shows them.\n"
        text += part
    return text


def _grid(table: Table) -> Iterator[str]:
    yield f"| {' | '.join(markdown(column.title) for column in table.columns)} |"
    yield f"|{'|'.join(' --: ' if column.is_number else ' :-- ' for column in table.columns)}|"
    for row in table.rows:
        yield f"| {' | '.join(_field(cell, is_number=column.is_number) for cell, column in zip(row, table.columns, strict=True))} |"
    yield ""
    yield from (f"<sub>{markdown(note)}</sub><br>" for note in table.notes)


def _field(cell: Cell, *, is_number: bool) -> str:
    if cell.is_code:
        return str(markdown_code(cell.value))
    value = markdown_tight(cell.value) if is_number else markdown(cell.value)
    parts = [f"**{value}**" if cell.is_best else str(value), str(markdown_tight(cell.interval)), str(markdown(cell.mark))]
    return "<br>".join(part for part in parts if part)
