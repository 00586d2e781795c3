"""What limits belief in a run, in plain words."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from bench.records.estimate import Counts
from bench.records.machine import ClientHealth
from bench.records.run import Manifest
from bench.records.serving import ModelStatus
from bench.stats.outliers import LEAST
from bench.stats.quantile import needed
from bench.summarize.health import WAIT_LIMIT
from bench.summarize.rows import Cell, Row

MEDIAN_NEEDS = needed(0.5)
_CUT_SHARE = 0.5
_COARSE_SHARE = 0.05


def run_notes(manifest: Manifest, counts: Sequence[Counts], late: Sequence[ClientHealth], health: Sequence[ClientHealth]) -> Iterator[str]:
    """About the run as a whole."""
    if late:
        worst = max(block.lag_p99_s for block in late)
        waited = max(block.cpu_wait_share or 0.0 for block in late)
        kept = f", waiting for a processor for {waited:.0%} of the time it wanted one" if waited > WAIT_LIMIT else ""
        lag = f"event loop up to {worst * 1000:.1f} ms late at p99{kept}"
        yield f"The measuring client could not keep up in {len(late)} of {len(health)} blocks ({lag}): latencies there are too long."
    rules = {block.stopped_by for block in health if block.stopped_by}
    if manifest.status in {"interrupted", "stopped", "failed", "running"}:
        rules |= {session.ended_by for session in manifest.sessions[-1:] if session.ended_by not in {None, "finished"}}
    # A model that was never measured has its own row with its reason; here it is about trials missing beside others of the same model.
    begun = [count for count in counts if count.completed or count.failed] if not rules else counts
    if missing := sum(count.missing for count in begun):
        planned = sum(count.planned for count in begun)
        why = f" (ended by: {', '.join(sorted(rule for rule in rules if rule))})" if rules else ""
        yield f"{missing} of {planned} planned trials are missing{why}; every figure speaks of the others."
    elif rules:
        yield f"The run was ended early by: {', '.join(sorted(rule for rule in rules if rule))}."
    if len(manifest.sessions) > 1:
        yield f"The run was resumed: it consists of {len(manifest.sessions)} sessions, and models were loaded again in each."
    if any(session.spec_changed for session in manifest.sessions):
        yield "The spec was changed between sessions: trials of one model may not be alike."


def design_notes(rows: Iterable[Row]) -> Iterator[str]:
    """About what the design can tell. `rows`: measured trials."""
    rounds: dict[str, int] = {}
    for row in rows:
        rounds[row.prompt_id] = max(row.round, rounds.get(row.prompt_id, 0))
    prompts, most = len(rounds), max(rounds.values(), default=LEAST)
    if 0 < prompts < MEDIAN_NEEDS:
        yield f"Few prompts ({prompts}): a median across prompts takes at least {MEDIAN_NEEDS} of them for an interval."
    if most < LEAST:
        yield f"Outliers are looked for from {LEAST} trials of a prompt on; this run has {most} round{'s' * (most != 1)}."


def cell_notes(cells: Mapping[Cell, Sequence[Row]], statuses: Mapping[Cell, ModelStatus]) -> Iterator[str]:
    """About what was seen of each model. The values of `cells` are its measured trials."""
    told: defaultdict[str, list[Cell]] = defaultdict(list)
    for cell, rows in cells.items():
        for note in _notes_of(rows, statuses.get(cell)):
            told[note].append(cell)
    for note, about in told.items():
        yield f"{_names(about, len(cells))}: {note}"


def _notes_of(rows: Sequence[Row], status: ModelStatus | None) -> Iterator[str]:
    answered = [row for row in rows if row.failure is None]
    if not answered:
        return
    estimated = sum(row.counted_by == "estimate" and row.completion_tokens is not None for row in answered)
    if estimated:
        yield f"tokens of {estimated} of {len(answered)} answers are estimated, not counted by the server; figures per token are approximate."
    uncounted = sum(row.completion_tokens is None for row in answered)
    if uncounted:
        yield f"nobody counted the tokens of {uncounted} of {len(answered)} answers; they have no figures per token."
    repeats = [row for row in answered if row.round > 1]
    warm = sum(row.prefix == "warm" for row in repeats)
    if warm:
        yield f"{warm} of {len(repeats)} repeated prompts were in the server's prefix cache: read TTFT by prefix, or set `cache: bypass`."
    named = {row.served_model for row in answered if row.served_model}
    if len(named) > 1:
        yield f"answers came from models that call themselves differently: {', '.join(sorted(named))}."
    asked = status.endpoint.served_model if status is not None and status.endpoint is not None else None
    if asked is not None and len(named) == 1 and named != {asked}:
        yield f"asked for {asked}, the server says it answered as {', '.join(named)}."
    yield from _stream_notes(answered)


def _stream_notes(answered: Sequence[Row]) -> Iterator[str]:
    cut = Counter(row.finish_reason for row in answered)["length"]
    if cut > _CUT_SHARE * len(answered):
        yield f"{cut} of {len(answered)} answers were cut at the token limit."
    pairs = [row.values["multi_token_chunks"] for row in answered if "multi_token_chunks" in row.values]
    chunks = sum(float(pair[1]) for pair in pairs)
    coarse = sum(float(pair[0]) for pair in pairs) / chunks if chunks else 0.0
    if coarse > _COARSE_SHARE:
        yield f"up to {coarse:.0%} of the chunks carry more than one token: ITL is the gap between chunks, not tokens."
    stalls = [float(row.values["longest_stall"][0]) for row in answered if "longest_stall" in row.values]
    if stalls:
        yield f"{len(stalls)} of {len(answered)} answers stood still in the middle, the longest for {max(stalls):.2g} s: see “Longest stall”."
    if any(row.stamped_by == "process" for row in answered):
        yield "arrivals were stamped by the measuring process, not by the kernel."


def _names(cells: Sequence[Cell], of: int) -> str:
    if len(cells) == of:
        return "All models" if of > 1 else cells[0].model_id
    variants = {cell.variant_id for cell in cells}
    return ", ".join(cell.model_id if len(variants) == 1 and len({c.model_id for c in cells}) == len(cells) else "/".join(cell) for cell in cells)
