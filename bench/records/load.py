"""How the load really was: what was asked of a server, what reached it, and how much it could take. Parts of `summary.json`."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """The course of a load in equal slices of `width_s` seconds from its first arrival on; sessions follow one another without a gap.

    Rates are per second. `in_flight` is a slice's mean; `waiting` the mean number of arrivals that were due and not yet sent. `ttft_p50_s` is of
    the requests that were due in the slice, None where none was answered.
    """

    width_s: float
    arrivals_per_s: tuple[float, ...]
    answers_per_s: tuple[float, ...]
    in_flight: tuple[float, ...]
    waiting: tuple[float, ...]
    ttft_p50_s: tuple[float | None, ...]


class Steady(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a load without its beginning and its end, and what was seen in it.

    From the first to the last moment with at least 90 % of the median number in flight. `n` requests lie wholly in it; `cut_before` began earlier,
    `cut_after` ended later. Estimates of the group `window: steady` speak of the n. Unit of the rates: per second.
    """

    from_s: float
    to_s: float
    n: int
    cut_before: int
    cut_after: int
    answers_per_s: float
    in_flight: float


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a sweep. `level`: the concurrency or the rate that was asked for; `good`: requests that met the objective.

    `request_rate` is answers per second: of a closed loop over the whole step, of an open one from its first answer to its last.
    """

    step: int
    level: float
    planned: int
    requests: int
    failed: int
    dropped: int
    good: int
    request_rate: float
    in_flight: float


class Capacity(msgspec.Struct, frozen=True, kw_only=True):
    """The most that a server took: the step with the highest rate at which at least `min_goodput` of the requests met the objective.

    `step` None: not even the first one did. `is_lower_bound`: no criterion ended the sweep, so that more may be possible.
    """

    of: Literal["concurrency", "rate"]
    min_goodput: float
    step: int | None = None
    level: float | None = None
    request_rate: float | None = None
    is_lower_bound: bool = False
    ended: str | None = None


class LoadFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The load of one model as it is served; its variants that share a server share a load. Warm-up has no part in it.

    `send_delay_*`: from arrival to send, None in a closed loop. `waiting_max`: the longest backlog. `dropped`: arrivals that were never sent. A
    retried request counts from its last attempt.
    """

    model_id: str
    variant_ids: tuple[str, ...]
    kind: str
    requests: int
    span_s: float
    arrivals_per_s: float | None
    answers_per_s: float
    in_flight: float
    in_flight_max: int
    send_delay_p50_s: float | None = None
    send_delay_p99_s: float | None = None
    send_delay_max_s: float | None = None
    waiting_max: int = 0
    dropped: int = 0
    not_needed: int = 0  # planned trials that a sweep did not come to
    steady: Steady | None = None
    steps: tuple[Step, ...] = ()
    capacity: Capacity | None = None
    series: Series | None = None


def levels(settings: Mapping[str, Any], steps: int) -> tuple[float, ...]:
    """The load of each step of a sweep, from settings that are valid. Concurrency is rounded to whole numbers.

    >>> levels({"from": 1, "to": 8}, 4)
    (1.0, 2.0, 4.0, 8.0)
    """
    first, last = float(settings["from"]), float(settings["to"])
    shares = [k / (steps - 1) if steps > 1 else 0.0 for k in range(steps)]
    if settings.get("spacing", "geometric") == "geometric":
        found = [first * (last / first) ** share for share in shares]
    else:
        found = [first + (last - first) * share for share in shares]
    return tuple(found) if settings.get("of", "concurrency") == "rate" else tuple(float(round(level)) for level in found)
