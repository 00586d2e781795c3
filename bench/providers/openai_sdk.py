"""The official SDK (openai 3.x): what an application would feel, and the way through proxies and to HTTP/2-only servers.

Its times are not the wire's: they are taken after the SDK's own parsing, and contain its connection set-up, because it opens a new connection
for every streamed answer (openai-python issue 3440). Never mix them into one table with the wire's.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import openai
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from bench.clock import Clock
from bench.providers.chat_chunks import Reading
from bench.providers.chat_request import chat_body
from bench.providers.failures import clean, from_error_object, from_status
from bench.providers.odd_chunks import repaired
from bench.providers.wire.connection import BODY_LIMIT_BYTES
from bench.providers.wire.sse import MOST_EVENTS
from bench.records.exchange import Completion, Exchange, Failure, Timing, gaps_of_ns
from bench.records.plan import Request
from bench.records.serving import Endpoint

# Fields that the SDK's signature does not know go beside it.
_FOREIGN = ("ignore_eos", "cache_prompt", "cache_salt")
# The SDK lets errors of its HTTP library through while it streams; which library that is depends on its version (httpx, httpx2).
_HTTP = next(part.__module__.partition(".")[0] for part in openai.DefaultAsyncHttpxClient.__mro__ if part.__module__.startswith("httpx"))
_TRANSPORT_ERROR: type[Exception] = sys.modules[_HTTP].HTTPError
_BROKEN = (openai.OpenAIError, _TRANSPORT_ERROR, TimeoutError, ValueError)


class SdkCapture(msgspec.Struct, kw_only=True):
    """The SDK's objects as they came, with the time right after each. Times are readings of `perf_counter_ns`."""

    sent_ns: int
    zero_ns: int
    scheduled_s: float | None
    credential: str | None
    is_stream: bool
    timeout_s: float
    arrivals: list[tuple[ChatCompletion | ChatCompletionChunk, int]] = msgspec.field(default_factory=list)
    finished_ns: int = 0
    error: Exception | None = None

    def decode(self) -> Exchange:
        """The outcome and its timing."""
        reading = Reading()
        problem: Exception | None = self.error
        try:
            for chunk, stamp in self.arrivals:
                reading.add(repaired(chunk.to_dict(mode="json", warnings=False)), stamp)
        except msgspec.ValidationError as error:
            problem = problem or error
        outcome: Completion | Failure
        if problem is not None:
            outcome = _failure(problem, self.credential, self.timeout_s)
        else:
            outcome = reading.outcome(self.credential, status=200, is_stream=self.is_stream)
        return Exchange(outcome=outcome, timing=self._timing(reading))

    def _timing(self, reading: Reading) -> Timing:
        def seconds(stamp_ns: int) -> float:
            return (stamp_ns - self.zero_ns) * 1e-9

        tokens_ns = reading.marks if self.is_stream else []
        sent = seconds(self.sent_ns)
        return Timing(
            scheduled_s=sent if self.scheduled_s is None else self.scheduled_s,
            sent_s=sent,
            finished_s=seconds(self.finished_ns),
            first_byte_s=seconds(self.arrivals[0][1]) if self.arrivals else None,
            first_token_s=seconds(tokens_ns[0]) if tokens_ns else None,
            last_token_s=seconds(tokens_ns[-1]) if tokens_ns else None,
            chunks=len(tokens_ns),
            gaps_us=gaps_of_ns(tokens_ns),
        )


class OpenAISdk:
    """Sends chat completions through `AsyncOpenAI`. Its own retries are off: the engine's count."""

    def __init__(self, endpoint: Endpoint, credential: str | None, clock: Clock) -> None:
        """Open nothing yet. Proxies are taken from the environment, as the SDK does."""
        self._endpoint = endpoint
        self._credential = credential
        self._clock = clock
        bounded = openai.DefaultAsyncHttpxClient(event_hooks={"response": [_bound]})
        self._client = openai.AsyncOpenAI(base_url=endpoint.base_url, api_key=credential or "none", max_retries=0, http_client=bounded)

    async def call(self, request: Request, *, seed: int | None, timeout_s: float, scheduled_s: float | None = None) -> SdkCapture:
        """Send one request and wait for the end of its answer."""
        body = chat_body(request, self._endpoint, seed)
        foreign = {name: body.pop(name) for name in _FOREIGN if name in body}
        is_stream = bool(body["stream"])
        capture = SdkCapture(
            sent_ns=time.perf_counter_ns(), zero_ns=self._clock.zero_ns, scheduled_s=scheduled_s, credential=self._credential, is_stream=is_stream,
            timeout_s=timeout_s,
        )  # fmt: skip
        try:
            async with asyncio.timeout(timeout_s):
                await self._collect(body, foreign, capture)
        except _BROKEN as error:
            capture.error = error
        capture.finished_ns = time.perf_counter_ns()
        return capture

    async def _collect(self, body: dict[str, Any], foreign: dict[str, Any], capture: SdkCapture) -> None:
        answer = await self._client.chat.completions.create(**body, extra_body=foreign or None)
        if isinstance(answer, openai.AsyncStream):
            async with answer:
                async for chunk in answer:
                    capture.arrivals.append((chunk, time.perf_counter_ns()))
                    if len(capture.arrivals) > MOST_EVENTS:
                        raise ValueError(f"the answer has more than {MOST_EVENTS} events")
        else:
            capture.arrivals.append((answer, time.perf_counter_ns()))

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()


async def _bound(response: Any) -> None:
    """Have an answer break off where the wire's would, unpacked as the SDK reads it: a server may send one event without end."""
    read = response.aiter_bytes

    async def counted(chunk_size: int | None = None) -> AsyncIterator[bytes]:
        n_bytes = 0
        async with contextlib.aclosing(read(chunk_size)) as parts:
            async for part in parts:
                n_bytes += len(part)
                if n_bytes > BODY_LIMIT_BYTES:
                    raise ValueError(f"the answer is larger than {BODY_LIMIT_BYTES} bytes")
                yield part

    response.aiter_bytes = counted


def _failure(error: Exception, credential: str | None, timeout_s: float) -> Failure:
    """The failure that the SDK's exception stands for."""
    match error:
        case openai.APIStatusError():
            return from_status(error.status_code, error.response.headers, error.response.content, credential)
        case openai.APITimeoutError() | TimeoutError():
            return Failure(kind="timeout", message=f"no complete answer within {timeout_s:g} s")
        case openai.APIConnectionError():
            return _connection_failure(error, credential)
        case openai.APIError() if error.body is not None:
            return from_error_object(error.body, credential)
        case _:
            return Failure(kind="protocol", message=clean(f"the answer cannot be read: {error}", credential))


def _connection_failure(error: openai.APIConnectionError, credential: str | None) -> Failure:
    cause = error.__cause__
    if cause is not None and "Connect" in type(cause).__name__:
        return Failure(kind="unreachable", message=clean(f"no connection: {cause}", credential))
    return Failure(kind="protocol", message=clean(f"the connection broke: {cause or error}", credential))
