import asyncio
import time

import pytest

from bench.clock import Clock
from bench.execute.lag import LoopLag
from bench.execute.load.closed import EXAMPLES, Closed
from bench.records.spec import Load


def health(work):
    async def run():
        lag = LoopLag(Clock())
        await work()
        return lag.finish(worker="w", treatment_digests=("t",), keep_alive_requests=0, stopped_by=None)

    return asyncio.run(run())


def test_a_blocked_loop_is_seen():
    async def block():
        await asyncio.sleep(0.02)
        time.sleep(0.1)  # noqa: ASYNC251 - blocking is the point

    found = health(block)
    assert found.lag_max_s > 0.05
    assert found.lag_p50_s <= found.lag_p99_s <= found.lag_max_s


def test_a_busy_process_is_seen_in_its_cpu_share():
    async def busy():
        until = time.process_time() + 0.1
        while time.process_time() < until:
            pass

    async def idle():
        await asyncio.sleep(0.1)

    assert health(busy).cpu_share > health(idle).cpu_share


@pytest.mark.parametrize(("load", "concurrency"), EXAMPLES)
def test_a_closed_loop_sends_as_soon_as_a_place_is_free(load, concurrency):
    shape = Closed(load)
    assert shape.concurrency == concurrency
    assert list(shape.arrivals(3, seed=1)) == [None] * 3


@pytest.mark.parametrize("load", [Load(concurrency=0), Load(settings={"rate": 3})])
def test_a_closed_loop_refuses_what_makes_no_sense(load):
    with pytest.raises(ValueError, match="concurrency"):
        Closed(load)
