"""Bounds on time and money in promptfoo's tests, as gates of the whole run."""

from collections.abc import Sequence
from typing import Any

from bench.interchange.findings import Findings
from bench.interchange.promptfoo.assertions import Asserted, Limit
from bench.interchange.promptfoo.cases import Case


def gates(tests: Sequence[tuple[Case, Asserted]], findings: Findings) -> list[dict[str, Any]]:
    """A gate where every test has the same bound on latency; other bounds are left out with a finding."""
    found = [limit for _, made in tests for limit in made.limits]
    times = [limit for limit in found if limit.metric == "latency"]
    is_common = bool(times) and all(_bounds(made) == _bounds(tests[0][1]) for _, made in tests) and len(_bounds(tests[0][1])) == 1
    for limit in found:
        if limit.metric == "cost":
            hint = "name a cost model under `cost:` and bound the run: `gates: [{metric: cost, max: 1 USD}]`"
            findings.left_out(limit.spot, "a bound on the cost of one answer has no counterpart", hint)
        elif is_common:
            findings.differs(limit.spot, "a bound on latency becomes a gate on the slowest answer of the run; it decides no single test")
        else:
            hint = "a gate bounds the run: `gates: [{metric: latency, at: max, max: 2 s}]`"
            findings.left_out(limit.spot, "a bound on latency that not all tests share has no counterpart", hint)
    return [{"metric": "latency", "at": "max", "max": f"{times[0].most:g} ms"}] if is_common else []


def _bounds(made: Asserted) -> set[float]:
    return {limit.most for limit in made.limits if _is_time(limit)}


def _is_time(limit: Limit) -> bool:
    return limit.metric == "latency"
