"""Ollama by its own chat API, on the measured wire: the same requests as by OpenAI's, with its options, its thinking and its durations."""

import msgspec

from bench.clock import Clock
from bench.providers.ollama_answer import read_lines
from bench.providers.ollama_request import PATH, ollama_body
from bench.providers.request_head import request_head, whole
from bench.providers.wire.pool import Pool, parse_origin
from bench.providers.wire.received import Received
from bench.records.exchange import Exchange
from bench.records.plan import Request
from bench.records.serving import Endpoint, root_of

_MOST_ENCODED = 64  # bodies kept; more prompts than that in turn are encoded each time


class LinesCapture(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as it arrived, and what is needed to read it."""

    received: Received
    zero_ns: int
    scheduled_s: float | None
    credential: str | None
    is_streamed: bool

    def decode(self) -> Exchange:
        """The outcome and its timing."""
        return read_lines(self.received, zero_ns=self.zero_ns, scheduled_s=self.scheduled_s, credential=self.credential, is_streamed=self.is_streamed)


class OllamaChat:
    """Sends chats to one endpoint over kept connections, and captures the answers."""

    def __init__(self, endpoint: Endpoint, credential: str | None, clock: Clock) -> None:
        """Open nothing yet.

        Raises: ValueError when the endpoint's base URL or the credential cannot stand in a request.
        """
        origin = parse_origin(root_of(endpoint.base_url))
        self._head = request_head(origin, f"{origin.path}{PATH}", accept="application/x-ndjson, application/json", credential=credential)
        self._endpoint = endpoint
        self._credential = credential
        self._clock = clock
        self._pool = Pool(origin)
        self._encoded: dict[int, tuple[Request, bytes]] = {}  # by identity: the request itself is kept beside it

    async def call(self, request: Request, *, seed: int | None, timeout_s: float, scheduled_s: float | None = None) -> LinesCapture:
        """Send one request and wait for the end of its answer."""
        received = await self._pool.exchange(whole(self._head, self._body(request, seed)), timeout_s)
        return LinesCapture(
            received=received,
            zero_ns=self._clock.zero_ns,
            scheduled_s=scheduled_s,
            credential=self._credential,
            is_streamed=request.generation.stream,
        )

    def _body(self, request: Request, seed: int | None) -> bytes:
        """The call's body. Rounds of one request differ in their seed alone, the last of the options, so the rest is encoded once."""
        if request.cache == "bypass":
            return _with_seed(msgspec.json.encode(ollama_body(request, self._endpoint)), seed)
        known = self._encoded.get(id(request))
        if known is None or known[0] is not request:
            if len(self._encoded) == _MOST_ENCODED:
                self._encoded.clear()
            known = (request, msgspec.json.encode(ollama_body(request, self._endpoint)))
            self._encoded[id(request)] = known
        return _with_seed(known[1], seed)

    async def close(self) -> None:
        """Close every connection."""
        self._pool.close()


def _with_seed(body: bytes, seed: int | None) -> bytes:
    r"""A body that ends with its options, with the seed behind them.

    >>> _with_seed(b'{"options":{}}', 7), _with_seed(b'{"options":{"num_ctx":1}}', 7)
    (b'{"options":{"seed":7}}', b'{"options":{"num_ctx":1,"seed":7}}')
    """
    if seed is None:
        return body
    comma = b"" if body.endswith(b"{}}") else b","
    return b'%b%b"seed":%d}}' % (body[:-2], comma, seed)
