"""What changed between two versions of specs, as text for a terminal and as Markdown for a comment. Everything from specs is escaped and cut."""

from collections.abc import Iterator, Sequence

from bench.records.diff import DiffReport, Effect, Piece, SpecChange, SpecDiff, TrialFate, VersionRise
from bench.records.plan import Budget
from bench.report import escape
from bench.report.numbers import money

MOST_CHANGES = 100  # of one spec
MOST_CHARACTERS = 60_000  # of the Markdown: a comment of GitHub may have 65,536
_CONTEXT = 60  # characters of unchanged text on each side of a change
_MOST_PIECE = 1_500  # characters of one stretch that went or came
_MOST_TEXT = 4_000  # characters of one text compared by words
_COLUMNS = ("kept", "graded_again", "run_again", "added", "removed")
_HEADS = ("kept", "graded again", "run again", "added", "removed")
_SAYS: dict[Effect, str] = {
    "treatment": "what is sent, or what answers: those cells are new",
    "measurement": "numbers are not comparable",
    "scope": "trials come in or go; the rest stays comparable",
    "policy": "the same numbers, another decision",
    "cosmetic": "nothing that is measured or decided",
}


def text(report: DiffReport) -> str:
    """For a terminal."""
    note = f"note: {report.note}\n" if report.note else ""
    if not report.specs:
        return escape.visible(f"{note}no spec changed\n")
    return escape.visible(note + "\n".join("\n".join(_text(diff)) + "\n" for diff in report.specs))


def markdown(report: DiffReport) -> str:
    """For a comment: GitHub-flavoured, with what is long folded away. No longer than a comment may be."""
    note = f"⚠️ {escape.markdown(escape.short(report.note, 500))}\n\n" if report.note else ""
    if not report.specs:
        return f"{note}No spec changed.\n"
    made, left = note, len(report.specs)
    for diff in report.specs:
        part = "\n".join(_markdown(diff)) + "\n"
        if len(made) + len(part) > MOST_CHARACTERS:
            short = "\n".join(_markdown(diff, most=0)) + "\n"
            if len(made) + len(short) > MOST_CHARACTERS:
                break
            part = short
        made += f"{part}\n"
        left -= 1
    return made + (f"And {left} more: `bench diff` shows them.\n" if left else "")


def _text(diff: SpecDiff) -> Iterator[str]:
    yield f"{escape.one_line(diff.name)}: {_title(diff)}"
    if diff.note:
        yield f"  note          {diff.note}"
    for change in diff.changes[:MOST_CHANGES]:
        yield f"  {change.effect:<13} {_where(change)}{_kind(change)}: {change.why}"
        yield from (f"    {line}" for line in _values(change))
    yield from _more(len(diff.changes) - MOST_CHANGES)
    for place in diff.moved[:MOST_CHANGES]:
        yield f"  no change     {escape.short(place)} stands at another place"
    if diff.trials and any(getattr(one, name) for one in diff.trials for name in _COLUMNS[1:]):
        yield f"  trials        {', '.join(_totals(diff.trials))}"
        for one in diff.trials:
            yield f"    {escape.short(one.model_id, 80)} [{escape.short(one.variant_id, 80)}]: {', '.join(_totals((one,)))}"
    elif diff.trials:
        yield f"  trials        all {sum(one.kept for one in diff.trials):,} keep their results"
    if diff.rerun is not None:
        yield f"  to run        {_rerun(diff.rerun)}"
    if diff.version is not None:
        yield f"  version       {_version(diff.version)}"


def _title(diff: SpecDiff) -> str:
    if diff.is_broken:
        return f"not valid, {escape.short(diff.after or '')}"
    if diff.before is None:
        return f"new, {escape.short(diff.after or '')}"
    if diff.after is None:
        return f"removed, {escape.short(diff.before)}"
    worst = f"{diff.effect}: {_SAYS[diff.effect]}" if diff.effect is not None else "no change"
    return f"{escape.short(diff.before)} → {escape.short(diff.after)}: {worst}"


def _where(change: SpecChange) -> str:
    return " › ".join(escape.short(key, 80) for key in change.where) or "the text"


def _place(change: SpecChange) -> str | None:
    """Where it is written now; of what was removed, where it was."""
    at = change.after_at or change.before_at
    return f"{escape.short(at.file)}:{at.line}:{at.column}" if at is not None else escape.short(change.file) or None


def _kind(change: SpecChange) -> str:
    return "" if change.kind in ("changed", "text") else f" {change.kind}"


def _values(change: SpecChange) -> Iterator[str]:
    if (place := _place(change)) is not None:
        yield f"at {place}"
    if change.pieces:
        yield "".join(_piece(one, place, len(change.pieces)) for place, one in enumerate(change.pieces))[:_MOST_TEXT]
    elif change.before is not None or change.after is not None:
        yield f"{_value(change.before)} → {_value(change.after)}"


def _value(value: str | None) -> str:
    return "nothing" if value is None else escape.short(value) or "empty"


def _piece(one: Piece, place: int, n: int) -> str:
    shown = escape.visible(_kept(one, place, n)).replace("\n", "↵ ")
    return shown if one.kind == "same" else f"[-{shown}-]" if one.kind == "removed" else f"{{+{shown}+}}"


def _kept(one: Piece, place: int, n: int) -> str:
    """Of an unchanged stretch what stands beside a change; of a changed one what a reader can take."""
    if one.kind != "same":
        return one.text if len(one.text) <= _MOST_PIECE else f"{one.text[:_MOST_PIECE]}… (of {len(one.text):,} characters)"
    before, after = one.text[:_CONTEXT] if place else "", one.text[-_CONTEXT:] if place < n - 1 else ""
    return one.text if (len(one.text) <= 2 * _CONTEXT and place not in (0, n - 1)) or len(one.text) <= _CONTEXT else f"{before} … {after}"


def _totals(trials: Sequence[TrialFate]) -> Iterator[str]:
    found = [(sum(getattr(one, name) for one in trials), head) for name, head in zip(_COLUMNS, _HEADS, strict=True)]
    yield from [f"{n:,} {head}" for n, head in found if n] or ["none"]


def _more(n: int) -> Iterator[str]:
    if n > 0:
        yield f"  and {n:,} more changes"


def _rerun(budget: Budget) -> str:
    tokens = f"about {budget.prompt_tokens_estimate:,} prompt tokens"
    if budget.completion_tokens_max is not None:
        tokens += f", at most {budget.completion_tokens_max:,} output tokens"
    seconds = budget.expected_s
    lasts = "an unknown time" if seconds is None else f"about {seconds / 60:.0f} min" if seconds >= 120 else f"about {seconds:.0f} s"
    price = f"about {money(budget.cost.amount, budget.cost.currency)}" if budget.cost else "cost not known"
    made = f"{budget.requests:,} requests and {budget.warmup_requests:,} to warm up ({tokens}), {lasts}, {price} ({budget.basis})"
    return made if budget.judge is None else f"{made}; then at most {budget.judge.questions:,} questions to the judge about their answers"


def _version(rise: VersionRise) -> str:
    if rise.before == rise.after:
        return f"{rise.after}, as it was: {'nothing needs it to rise' if rise.is_enough else f'{rise.part} must rise, to {rise.least} at least'}"
    if rise.is_enough:
        return f"{rise.before} → {rise.after}, as it should" if rise.part != "none" else f"{rise.before} → {rise.after}, though nothing needs it"
    if rise.part == "none":
        return f"{rise.before} → {rise.after}: a version must not fall"
    return f"{rise.before} → {rise.after} is not enough: {rise.part} must rise, to {rise.least} at least"


def _markdown(diff: SpecDiff, most: int = MOST_CHANGES) -> Iterator[str]:
    is_fine = not diff.is_broken and (diff.version is None or diff.version.is_enough)
    state = "not valid" if diff.is_broken else "new" if diff.before is None else "removed" if diff.after is None else diff.effect or "no change"
    yield f"### {'' if is_fine else '⚠️ '}{escape.markdown(escape.short(diff.name, 80))}: {state}"
    yield ""
    yield escape.markdown(_title(diff))
    yield ""
    if diff.note:
        yield from (escape.markdown(diff.note), "")
    if diff.version is not None:
        yield from (f"**Version** {escape.markdown(_version(diff.version))}", "")
    shown = diff.changes[:most]
    if shown:
        yield from ("| Effect | What | From → to | Why |", "| :-- | :-- | :-- | :-- |")
        yield from (_row(change) for change in shown)
        yield ""
    if len(diff.changes) > len(shown):
        yield from (f"{len(diff.changes) - len(shown):,} more changes: `bench diff` shows them.", "")
    for change in (one for one in shown if one.pieces):
        yield from (
            f"**{escape.markdown(_where(change))}**",
            "",
            "<details><summary>word by word</summary>",
            "",
            _words(change),
            "",
            "</details>",
            "",
        )
    if diff.moved and most:
        yield from (f"Moved, which is no change: {escape.markdown(escape.short(', '.join(diff.moved), 1_000))}", "")
    yield from _markdown_trials(diff)


def _row(change: SpecChange) -> str:
    where = escape.markdown(_where(change) + _kind(change))
    values = "word by word below" if change.pieces else "" if change.before is change.after is None else _cell(change)
    at = change.after_at or change.before_at
    named = f"{change.file}:{at.line}" if at is not None and at.file == change.file else change.file
    file = f"<br>{escape.markdown_code(escape.short(named))}" if change.file else ""
    return f"| **{change.effect}** | {where}{file} | {values} | {escape.markdown(change.why)} |"


def _cell(change: SpecChange) -> str:
    return " → ".join("–" if value is None else escape.markdown_code(escape.short(value)) or "empty" for value in (change.before, change.after))


def _words(change: SpecChange) -> str:
    """What went struck out and what came underlined, as HTML that GitHub keeps: no mark of Markdown survives next to any letter."""
    made = ""
    for place, one in enumerate(change.pieces):
        shown = escape.visible(_kept(one, place, len(change.pieces))).replace("\n", "↵ ")
        lead, tail = shown[: len(shown) - len(shown.lstrip())], shown[len(shown.rstrip()) :] if shown.strip() else ""
        inside = escape.markdown(shown) if shown.strip() else shown
        tag = {"same": "", "removed": "del", "added": "ins"}[one.kind]
        part = f"{lead}<{tag}>{inside}</{tag}>{tail}" if tag and shown.strip() else f"{lead}{inside if shown.strip() else ''}{tail}"
        if len(made) + len(part) > _MOST_TEXT:
            return f"{made} …"
        made += part
    return made.strip()


def _markdown_trials(diff: SpecDiff) -> Iterator[str]:
    if diff.trials:
        yield f"| Model | Variant | {' | '.join(head.capitalize() for head in _HEADS)} |"
        yield "| :-- | :-- | --: | --: | --: | --: | --: |"
        for one in diff.trials[:MOST_CHANGES]:
            names = (escape.markdown(escape.short(name, 80)) for name in (one.model_id, one.variant_id))
            yield f"| {' | '.join(names)} | {' | '.join(f'{getattr(one, name):,}' for name in _COLUMNS)} |"
        yield ""
        if len(diff.trials) > MOST_CHANGES:
            yield from (f"And {len(diff.trials) - MOST_CHANGES:,} more rows; all together: {', '.join(_totals(diff.trials))}.", "")
    if diff.rerun is not None:
        yield f"To run: {escape.markdown(_rerun(diff.rerun))}."
    elif diff.trials and diff.after is not None:
        yield "Nothing must be run again."


def complaint(diff: SpecDiff) -> str:
    """One line about a version that did not rise as it must."""
    said = _version(diff.version) if diff.version is not None else "unknown"
    return f"{escape.short(diff.after or diff.name)}: version {said} ({diff.effect or 'no'} change)"
