import asyncio
import socket

from bench.execute import loop


def test_the_loop_can_watch_a_socket_and_returns_the_result():
    async def watch():
        here, there = socket.socketpair()
        with here, there:
            came = asyncio.Event()
            running = asyncio.get_running_loop()
            running.add_reader(here, came.set)
            there.send(b"x")
            await asyncio.wait_for(came.wait(), 5)
            running.remove_reader(here)
            return isinstance(running, asyncio.SelectorEventLoop)

    assert loop.run(watch()) is True
