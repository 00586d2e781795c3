"""Any server that speaks the OpenAI chat API, on the measured wire."""

import msgspec

from bench.clock import Clock
from bench.providers.chat_answer import read_answer
from bench.providers.chat_request import chat_body
from bench.providers.request_head import request_head
from bench.providers.wire.pool import Pool, parse_origin
from bench.providers.wire.received import Received
from bench.records.exchange import Exchange
from bench.records.plan import Request
from bench.records.serving import Endpoint

_MOST_ENCODED = 64  # bodies kept; more prompts than that in turn are encoded each time


class ChatCapture(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as it arrived, and what is needed to read it."""

    received: Received
    zero_ns: int
    scheduled_s: float | None
    credential: str | None

    def decode(self) -> Exchange:
        """The outcome and its timing."""
        return read_answer(self.received, zero_ns=self.zero_ns, scheduled_s=self.scheduled_s, credential=self.credential)


class OpenAIChat:
    """Sends chat completions to one endpoint over kept connections, and captures the answers."""

    def __init__(self, endpoint: Endpoint, credential: str | None, clock: Clock) -> None:
        """Open nothing yet.

        Raises: ValueError when the endpoint's base URL or the credential cannot stand in a request.
        """
        origin = parse_origin(endpoint.base_url)
        self._head = request_head(origin, f"{origin.path}/chat/completions", accept="text/event-stream, application/json", credential=credential)
        self._endpoint = endpoint
        self._credential = credential
        self._clock = clock
        self._pool = Pool(origin)
        self._encoded: dict[int, tuple[Request, bytes]] = {}  # by identity: the request itself is kept beside it

    async def call(self, request: Request, *, seed: int | None, timeout_s: float, scheduled_s: float | None = None) -> ChatCapture:
        """Send one request and wait for the end of its answer."""
        body = self._body(request, seed)
        received = await self._pool.exchange(b"%b%d\r\n\r\n%b" % (self._head, len(body), body), timeout_s)
        return ChatCapture(received=received, zero_ns=self._clock.zero_ns, scheduled_s=scheduled_s, credential=self._credential)

    def _body(self, request: Request, seed: int | None) -> bytes:
        """The call's body. Rounds of one request differ in their seed alone, so the rest is encoded once."""
        if request.cache == "bypass":
            return msgspec.json.encode(chat_body(request, self._endpoint, seed))
        known = self._encoded.get(id(request))
        if known is None or known[0] is not request:
            if len(self._encoded) == _MOST_ENCODED:
                self._encoded.clear()
            known = (request, msgspec.json.encode(chat_body(request, self._endpoint, None))[:-1])
            self._encoded[id(request)] = known
        return known[1] + b"}" if seed is None else b'%b,"seed":%d}' % (known[1], seed)

    async def close(self) -> None:
        """Close every connection."""
        self._pool.close()
