"""A deterministic model without a server: for tests, for studies of the statistics, and for trying a spec."""

import asyncio
import heapq
import random
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

import msgspec

from bench.clock import Clock, FakeClock
from bench.records.exchange import Completion, Exchange, Failure, FailureKind, Timing, Usage, gaps_of
from bench.records.plan import Request
from bench.records.serving import Endpoint


class FakeModel(msgspec.Struct, frozen=True, kw_only=True):
    """How the fake behaves; written as the query of its base URL: `fake://model?ttft_ms=40&failure_share=0.1`.

    Chunk k (from 0) comes `ttft_ms + k · itl_ms` after the send, each part times a log-normal factor of standard deviation `spread`.
    `failure_share` of the calls end in a failure of kind `failure`. `pace`: `virtual` returns at once, with times on a line of its own
    that runs ahead of the clock; `real` waits.
    """

    ttft_ms: float = 40.0
    itl_ms: float = 8.0
    n: int = 24
    spread: float = 0.1
    failure_share: float = 0.0
    failure: FailureKind = "server"
    pace: Literal["virtual", "real"] = "virtual"
    text: str | None = None


class FakeCapture(msgspec.Struct, frozen=True, kw_only=True):
    """An exchange that was never bytes."""

    exchange: Exchange

    def decode(self) -> Exchange:
        """The exchange."""
        return self.exchange


class Fake:
    """Answers every request by rule: the same requests in the same order get the same answers after the same delays."""

    def __init__(self, endpoint: Endpoint, credential: str | None, clock: Clock) -> None:  # noqa: ARG002 - a fake needs no key
        """Read the model from the query of the endpoint's base URL.

        Raises: ValueError when a setting is none of `FakeModel`'s, or has no sense there.
        """
        self._model = msgspec.convert(dict(parse_qsl(urlsplit(endpoint.base_url).query)), FakeModel, strict=False)
        self._served_model = endpoint.served_model
        self._clock = clock
        self._seen: dict[str, int] = {}
        self._free_s: list[float] = []  # when each place that was in flight before became free, on the virtual line

    async def call(self, request: Request, *, seed: int | None, timeout_s: float, scheduled_s: float | None = None) -> FakeCapture:
        """Answer one request."""
        key = msgspec.json.encode((request.messages, request.generation, seed)).decode()
        repetition = self._seen[key] = self._seen.get(key, 0) + 1
        chance = random.Random(f"{key}{repetition}")  # noqa: S311 - a model of timing, no secret
        now_s = self._clock.now_s()
        sent_s = now_s
        if self._model.pace == "virtual" and self._free_s:
            sent_s = max(heapq.heappop(self._free_s), now_s)
        exchange = self._exchange(request, chance, sent_s, timeout_s)
        if scheduled_s is not None:
            exchange = msgspec.structs.replace(exchange, timing=msgspec.structs.replace(exchange.timing, scheduled_s=scheduled_s))
        finished_s = exchange.timing.finished_s
        await asyncio.sleep(finished_s - sent_s if self._model.pace == "real" else 0)
        if isinstance(self._clock, FakeClock):
            self._clock.advance(max(0.0, finished_s - self._clock.now_s()))
        heapq.heappush(self._free_s, finished_s)
        return FakeCapture(exchange=exchange)

    async def close(self) -> None:
        """There is nothing to close."""

    def _exchange(self, request: Request, chance: random.Random, sent_s: float, timeout_s: float) -> Exchange:
        model = self._model
        n = min(model.n, request.generation.max_tokens or model.n)
        ttft_s, itl_s = (part / 1000 * chance.lognormvariate(0.0, model.spread) for part in (model.ttft_ms, model.itl_ms))
        arrivals = [sent_s + ttft_s + k * itl_s for k in range(n)]
        end_s = arrivals[-1] if arrivals else sent_s + ttft_s
        failure = None
        if chance.random() < model.failure_share:
            failure = Failure(kind=model.failure, message="the fake model failed, as it was told to")
        elif end_s - sent_s > timeout_s:
            failure, end_s = Failure(kind="timeout", message=f"no complete answer within {timeout_s:g} s"), sent_s + timeout_s
        if failure is not None:
            return Exchange(outcome=failure, timing=Timing(scheduled_s=sent_s, sent_s=sent_s, finished_s=end_s))
        tokens = tuple(arrivals) if request.generation.stream else ()
        timing = Timing(
            scheduled_s=sent_s, sent_s=sent_s, finished_s=end_s, first_byte_s=arrivals[0] if tokens else end_s,
            first_token_s=tokens[0] if tokens else None, last_token_s=tokens[-1] if tokens else None, chunks=len(tokens),
            gaps_us=gaps_of(tokens),
        )  # fmt: skip
        return Exchange(outcome=self._completion(request, n), timing=timing)

    def _completion(self, request: Request, n: int) -> Completion:
        """The first n words of the last message, over and over: an answer that has to do with its prompt."""
        words = (request.messages[-1].content if request.messages else "").split() or ["word"]
        text = self._model.text if self._model.text is not None else " ".join(words[k % len(words)] for k in range(n))
        prompt_tokens = sum(len(message.content.split()) for message in request.messages)
        usage = Usage(prompt_tokens=prompt_tokens, completion_tokens=n, counted_by="server")
        is_cut = request.generation.max_tokens is not None and n == request.generation.max_tokens
        return Completion(text=text, finish_reason="length" if is_cut else "stop", usage=usage, served_model=self._served_model)


EXAMPLES = ("fake://model", "fake://model?ttft_ms=5&itl_ms=1&n=8", "fake://model?failure_share=1&failure=rate_limit")
