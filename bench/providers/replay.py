"""Answers of a recorded run, told again with their times: for demonstrations without a model, and to judge or compare what was already answered.

What comes out was measured then, not now; the runtime of the same name says so in the model's status.
"""

import asyncio
import heapq
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import msgspec

from bench.clock import Clock, FakeClock
from bench.digest import digest
from bench.records.exchange import Exchange, Failure, Timing
from bench.records.plan import Request
from bench.records.sample import Sample
from bench.records.serving import Endpoint
from bench.store.recorded import read_answers


class ReplayedCapture(msgspec.Struct, frozen=True, kw_only=True):
    """An exchange that was read before."""

    exchange: Exchange

    def decode(self) -> Exchange:
        """The exchange."""
        return self.exchange


class Replay:
    """Answers each request with what decided its trial in the run: found by the request's digest, and by its round where the spec sets a seed.

    Without a seed nothing that is sent tells the rounds apart: then the answers come in the recorded order, warm-up first.
    """

    def __init__(self, endpoint: Endpoint, credential: str | None, clock: Clock) -> None:  # noqa: ARG002 - a recording needs no key
        """Read the run that the base URL names: `replay:FOLDER?model=…&variant=…&pace=…`.

        Raises: RunFolderError when it cannot be read.
        """
        url = urlsplit(endpoint.base_url)
        asked = dict(parse_qsl(url.query))
        self._answers = read_answers(Path(url.path), asked["model"], asked["variant"])
        self._is_real = asked.get("pace") == "real"
        self._clock = clock
        self._told: dict[str, int] = {}  # answers given, by request
        self._digests: dict[int, tuple[Request, str]] = {}
        self._free_s: list[float] = []  # when each place that was in flight before became free, on the simulated line

    async def call(self, request: Request, *, seed: int | None, timeout_s: float, scheduled_s: float | None = None) -> ReplayedCapture:
        """The recorded answer, or a failure that says what is missing."""
        sample = self._find(request, seed)
        sent_s = now_s = self._clock.now_s()
        if not self._is_real and self._free_s:
            sent_s = max(heapq.heappop(self._free_s), now_s)
        exchange = _moved(sample, sent_s, scheduled_s, timeout_s)
        finished_s = exchange.timing.finished_s
        await asyncio.sleep(finished_s - sent_s if self._is_real else 0)
        if isinstance(self._clock, FakeClock):
            self._clock.advance(max(0.0, finished_s - self._clock.now_s()))
        heapq.heappush(self._free_s, finished_s)
        return ReplayedCapture(exchange=exchange)

    async def close(self) -> None:
        """There is nothing to close."""

    def _find(self, request: Request, seed: int | None) -> Sample | Failure:
        """The next sample for this request."""
        asked = self._digest(request)
        first_seed = request.generation.seed
        number = None if seed is None or first_seed is None else seed - first_seed + 1
        if number is not None and (sample := self._answers.by_round.get((asked, number))) is not None:
            return sample  # the round is known: what is asked once more (to warm up, say) is answered so
        found = self._answers.in_order.get(asked, [])
        place = self._told[asked] = self._told.get(asked, -1) + 1
        if number is None and place < len(found):
            return found[place]
        what = f"only {len(found)} answers" if found and number is None else "no answer"
        message = (
            f"not recorded: run {self._answers.run_id} has {what} to this request{'' if number is None else f' in round {number}'} ({asked[:8]})"
        )
        return Failure(kind="bad_request", message=f"{message}; replay what was asked then: the same prompts and generation settings, no more rounds")

    def _digest(self, request: Request) -> str:
        known = self._digests.get(id(request))
        if known is None or known[0] is not request:
            known = self._digests[id(request)] = request, digest(msgspec.to_builtins(request))
        return known[1]


def _moved(found: Sample | Failure, sent_s: float, scheduled_s: float | None, timeout_s: float) -> Exchange:
    """What was recorded, as if it were sent now."""
    due_s = sent_s if scheduled_s is None else scheduled_s
    if isinstance(found, Failure):
        return Exchange(outcome=found, timing=Timing(scheduled_s=due_s, sent_s=sent_s, finished_s=sent_s))
    was = found.timing
    if was.finished_s - was.sent_s > timeout_s:
        failure = Failure(
            kind="timeout", message=f"no complete answer within {timeout_s:g} s; the recorded one took {was.finished_s - was.sent_s:.3g} s"
        )
        return Exchange(outcome=failure, timing=Timing(scheduled_s=due_s, sent_s=sent_s, finished_s=sent_s + timeout_s))

    def then(at_s: float | None) -> float | None:
        return None if at_s is None else at_s - was.sent_s + sent_s

    timing = msgspec.structs.replace(
        was, scheduled_s=due_s, sent_s=sent_s, finished_s=was.finished_s - was.sent_s + sent_s, first_byte_s=then(was.first_byte_s),
        first_token_s=then(was.first_token_s), last_token_s=then(was.last_token_s),
    )  # fmt: skip
    return Exchange(outcome=found.outcome, timing=timing)
