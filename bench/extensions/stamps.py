"""Whether the times that a third party tells can be true."""

from itertools import pairwise
from math import isfinite

from bench.records.exchange import Timing


def disorder(timing: Timing) -> str | None:
    """What is wrong with the times, in words; None when nothing is."""
    named = [("scheduled_s", timing.scheduled_s), ("sent_s", timing.sent_s), ("first_byte_s", timing.first_byte_s)]
    named += [("first_token_s", timing.first_token_s), ("last_token_s", timing.last_token_s), ("finished_s", timing.finished_s)]
    known = [(name, at_s) for name, at_s in named if at_s is not None]
    if odd := [name for name, at_s in known if not isfinite(at_s)]:
        return f"{odd[0]} is no number"
    for (first, before_s), (second, after_s) in pairwise(known[1:]):
        if after_s < before_s:
            return f"{second} is before {first}"
    if timing.chunks < 0 or (timing.chunks > 0) != (timing.first_token_s is not None):
        return f"{timing.chunks} chunks, first_token_s {timing.first_token_s}"
    if timing.gaps is None and timing.chunks and len(timing.gaps_us) + 1 != timing.chunks:
        return f"{timing.chunks} chunks with {len(timing.gaps_us)} gaps between them"
    if any(gap_us < 0 for gap_us in timing.gaps_us):
        return "a gap is below zero"
    return None
