"""What limits belief in a run, in plain words."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from bench.records.estimate import Counts
from bench.records.machine import ClientHealth
from bench.records.run import Manifest
from bench.records.serving import ModelStatus
from bench.stats.outliers import LEAST
from bench.stats.quantile import needed
from bench.summarize.health import WAIT_LIMIT
from bench.summarize.part import Mask
from bench.summarize.rows import Rows
from bench.summarize.table import Cell

MEDIAN_NEEDS = needed(0.5)
_CUT_SHARE = 0.5
_COARSE_SHARE = 0.05
_MOST_NAMED = 8


def lag_notes(behind: Sequence[ClientHealth]) -> Iterator[str]:
    """About a client whose loop was late without harm."""
    if behind:
        worst = max(block.lag_p99_s for block in behind)
        yield (
            f"The client's event loop was up to {worst * 1000:.1f} ms late at p99 (bursts of sends, answers being read); "
            "no latency holds that: arrivals carry the kernel's time, and requests left in time."
        )


def run_notes(manifest: Manifest, counts: Sequence[Counts], late: Sequence[ClientHealth], health: Sequence[ClientHealth]) -> Iterator[str]:
    """About the run as a whole."""
    if late:
        worst = max(block.lag_p99_s for block in late)
        waited = max(block.cpu_wait_share or 0.0 for block in late)
        kept = f", waiting for a processor for {waited * 100:.0f} % of the time it wanted one" if waited > WAIT_LIMIT else ""
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


def design_notes(rows: Rows) -> Iterator[str]:
    """About what the design can tell. `rows`: measured trials."""
    prompts, most = np.unique(rows.codes("prompt")).size, int(rows.codes("round").max(initial=0)) if len(rows) else LEAST
    if 0 < prompts < MEDIAN_NEEDS:
        yield f"Few prompts ({prompts}): a median across prompts takes at least {MEDIAN_NEEDS} of them for an interval."
    if most < LEAST:
        yield f"Outliers are looked for from {LEAST} trials of a prompt on; this run has {most} round{'s' * (most != 1)}."


def cell_notes(cells: Mapping[Cell, Rows], statuses: Mapping[Cell, ModelStatus]) -> Iterator[str]:
    """About what was seen of each model. The values of `cells` are its measured trials."""
    told: defaultdict[str, list[Cell]] = defaultdict(list)
    for cell, rows in cells.items():
        for note in _notes_of(rows, statuses.get(cell)):
            told[note].append(cell)
    for note, about in told.items():
        yield f"{_names(about, cells)}: {note}"
    yield from _stalls(cells)


def _stalls(cells: Mapping[Cell, Rows]) -> Iterator[str]:
    """One sentence of all: in a run with many models each would have a sentence of its own numbers."""
    found: dict[Cell, str] = {}
    longest_s = 0.0
    for cell, rows in cells.items():
        answered = rows.where(rows.codes("failure") == 0)
        stalls = answered.values("longest_stall")[:, 0]
        stalls = stalls[~np.isnan(stalls)]
        if stalls.size:
            found[cell] = f"{stalls.size} of {len(answered)}"
            longest_s = max(longest_s, float(stalls.max()))
    if found:
        which = ", ".join(f"{_names([cell], cells)} {n}" for cell, n in list(found.items())[:_MOST_NAMED])
        more = f" and of {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
        yield f"Answers stood still in the middle, the longest for {longest_s:.2g} s ({which}{more}): see “Longest stall”."


def _notes_of(rows: Rows, status: ModelStatus | None) -> Iterator[str]:
    answered = rows.where(rows.codes("failure") == 0)
    n = len(answered)
    if not n:
        return
    is_counted = ~np.isnan(answered.number("completion_tokens"))
    estimated = int((is_counted & _is(answered, "counted_by", "estimate")).sum())
    if estimated:
        yield f"tokens of {estimated} of {n} answers are estimated, not counted by the server; figures per token are approximate."
    uncounted = n - int(is_counted.sum())
    if uncounted:
        yield f"nobody counted the tokens of {uncounted} of {n} answers; they have no figures per token."
    is_repeat = answered.codes("round") > 1
    warm = int((is_repeat & _is(answered, "prefix", "warm")).sum())
    if warm:
        yield f"{warm} of {is_repeat.sum()} repeated prompts were in the server's prefix cache: read TTFT by prefix, or set `cache: bypass`."
    named = list(answered.counts("served_model"))
    if len(named) > 1:
        yield f"answers came from models that call themselves differently: {', '.join(named)}."
    asked = status.endpoint.served_model if status is not None and status.endpoint is not None else None
    # `@main` is how servers of Hugging Face models name the revision that everyone gets who asks for none.
    if asked is not None and len(named) == 1 and named[0] not in {asked, f"{asked}@main"}:
        yield f"asked for {asked}, the server says it answered as {', '.join(named)}."
    yield from _stream_notes(answered)


def _stream_notes(answered: Rows) -> Iterator[str]:
    cut = answered.counts("finish_reason").get("length", 0)
    if cut > _CUT_SHARE * len(answered):
        yield f"{cut} of {len(answered)} answers were cut at the token limit."
    pairs = np.nansum(answered.values("multi_token_chunks"), axis=0)
    coarse = float(pairs[0] / pairs[-1]) if pairs[-1] else 0.0
    if coarse > _COARSE_SHARE:
        yield f"up to {coarse * 100:.0f} % of the chunks carry more than one token: ITL is the gap between chunks, not tokens."
    if "process" in answered.counts("stamped_by"):
        yield "arrivals were stamped by the measuring process, not by the kernel."


def _is(rows: Rows, name: str, word: str) -> Mask:
    """Which rows have this word."""
    words = rows.words(name)
    return np.asarray(rows.codes(name) == (words.index(word) if word in words else -1))


def _names(cells: Sequence[Cell], among: Mapping[Cell, object]) -> str:
    """Of which models a note speaks, as the tables call them: with the variant where the run has more than one."""
    if len(cells) == len(among):
        return "All models" if len(among) > 1 else cells[0].model_id
    has_variants = len({cell.variant_id for cell in among}) > 1
    return ", ".join(f"{cell.model_id} · {cell.variant_id}" if has_variants else cell.model_id for cell in cells)
