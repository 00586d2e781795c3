"""Whether and when a failed attempt is tried again."""

import random

from bench.records.exchange import Failure, FailureKind

# Kinds that another try can mend. Not among them: `unreachable` (nothing listens: the answer is the same at once), `authentication`,
# `bad_request`, `context_length`, `empty` (the request or the model, not the moment), `out_of_memory` (trying again does not free any).
MENDABLE: frozenset[FailureKind] = frozenset({"rate_limit", "server", "timeout", "protocol"})
_FIRST_DELAY_S = 0.5
_LONGEST_DELAY_S = 30.0
# A server may ask for an hour; a benchmark waits a minute at most, and then lets the attempt fail by itself.
LONGEST_RETRY_AFTER_S = 60.0


def delay_s(failure: Failure, *, trial_id: str, attempt: int, retries: int) -> float | None:
    """Seconds to wait before attempt + 1; None when this failure is final.

    Exponential back-off with full jitter (half to whole of 0.5 s · 2^(attempt − 1), at most 30 s), drawn from a generator seeded by trial and
    attempt; a Retry-After is kept to, up to 60 s, plus the jitter's share so that requests do not come back all at once.
    """
    if failure.kind not in MENDABLE or attempt > retries:
        return None
    ceiling = min(_FIRST_DELAY_S * 2.0 ** min(attempt - 1, 16), _LONGEST_DELAY_S)
    jitter = random.Random(f"{trial_id}:{attempt}").uniform(0.5, 1.0)  # noqa: S311 - spreads retries, protects nothing
    if failure.retry_after_s is not None:
        return min(failure.retry_after_s, LONGEST_RETRY_AFTER_S) + (jitter - 0.5) * min(ceiling, 0.5)
    return ceiling * jitter
