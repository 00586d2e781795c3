"""Time that no test waits for: an event loop whose clock jumps from timer to timer, and a server on it. The same in every run, on any machine."""

import asyncio
import contextlib
import selectors

from bench.clock import Clock
from bench.providers.fake import FakeCapture
from bench.records.exchange import Completion, Exchange, Timing, Usage
from bench.records.serving import Endpoint


class _Jumping(selectors.DefaultSelector):
    """Never waits for a time: says that it has passed. A turn of the loop takes 10 µs, so that turning until a moment comes ends, too."""

    now_s = 0.0

    def select(self, timeout=None):
        self.now_s += max(timeout or 0.0, 1e-5)
        return super().select(None if timeout is None else 0)


class SimulatedLoop(asyncio.SelectorEventLoop):
    """An event loop on simulated time."""

    def __init__(self):
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self):
        return self._jumping.now_s


class LoopClock(Clock):
    """The running loop's time."""

    def now_s(self):
        return asyncio.get_running_loop().time()


def run_simulated(work):
    """Run this to its end on simulated time."""
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(work)


class SimulatedServer:
    """Answers each request after `ttft_s`, `slots` at a time (0: all at once). When request `stall_at` comes, it begins nothing for `stall_s`."""

    def __init__(self, ttft_s=0.001, *, slots=0, stall_at=0, stall_s=0.0):
        self._ttft_s, self._slots, self._stall_at, self._stall_s = ttft_s, slots, stall_at, stall_s
        self._places = self._stalled_until_s = None
        self.received_s = []
        self.in_flight = self.most_in_flight = 0

    def endpoint(self):
        return Endpoint(base_url="simulated://server", served_model="mock", owned=False)

    def provider(self, _endpoint, _credential, clock):
        self._clock = clock
        self._places = asyncio.Semaphore(self._slots) if self._slots else contextlib.nullcontext()
        self._stalled_until_s = 0.0
        return self

    async def call(self, _request, *, scheduled_s=None, **_unused):
        sent_s = self._clock.now_s()
        self.received_s.append(sent_s)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        if len(self.received_s) == self._stall_at:
            self._stalled_until_s = sent_s + self._stall_s
        await asyncio.sleep(self._stalled_until_s - sent_s)
        async with self._places:
            await asyncio.sleep(self._ttft_s)
        self.in_flight -= 1
        end_s = self._clock.now_s()
        timing = Timing(
            scheduled_s=sent_s if scheduled_s is None else scheduled_s, sent_s=sent_s, finished_s=end_s, first_byte_s=end_s, first_token_s=end_s,
            last_token_s=end_s, chunks=1,
        )  # fmt: skip
        return FakeCapture(exchange=Exchange(outcome=Completion(text="Said.", usage=Usage(completion_tokens=1)), timing=timing))

    async def close(self):
        return None
