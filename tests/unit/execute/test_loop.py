import asyncio
import select
import socket

import pytest

from bench.execute import loop


def test_the_loop_can_watch_a_socket_and_returns_the_result():
    async def watch():
        here, there = socket.socketpair()
        with here, there:
            came = asyncio.Event()
            running = asyncio.get_running_loop()
            running.add_reader(here, came.set)
            there.send(b"x")
            await asyncio.wait_for(came.wait(), 60)
            running.remove_reader(here)
            return isinstance(running, asyncio.SelectorEventLoop)

    assert loop.run(watch()) is True


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="only Linux has the direct loop")
class TestDirectly:
    def test_a_watched_socket_is_read_beside_asyncios_own_files_and_timers(self):
        async def watch():
            running = asyncio.get_running_loop()
            (here, there), (plain, other) = socket.socketpair(), socket.socketpair()
            with here, there, plain, other:
                read, came = [], asyncio.Event()
                running.watch(here.fileno(), lambda: bool(read.append(here.recv(10))))
                running.add_reader(plain, came.set)
                for k in range(3):
                    there.send(b"%d" % k)
                    await asyncio.sleep(0.001)
                other.send(b"x")
                await asyncio.wait_for(came.wait(), 60)
                running.remove_reader(plain)
                running.unwatch(here.fileno())
                there.send(b"unheard")
                await asyncio.sleep(0.005)
                return read

        assert loop.run(watch()) == [b"0", b"1", b"2"]

    def test_a_read_may_end_the_watching_of_a_socket_that_is_ready_in_the_same_turn(self):
        async def watch():
            running = asyncio.get_running_loop()
            pairs = [socket.socketpair() for _ in range(4)]
            read = []

            def first(place):
                read.append(place)
                for here, _ in pairs:
                    running.unwatch(here.fileno())
                return False

            for place, (here, there) in enumerate(pairs):
                running.watch(here.fileno(), lambda place=place: first(place))
                there.send(b"x")
            await asyncio.sleep(0.01)
            for pair in pairs:
                for end in pair:
                    end.close()
            return read

        assert len(loop.run(watch())) == 1

    def test_what_a_read_sets_off_runs_in_the_same_turn(self):
        async def watch():
            running = asyncio.get_running_loop()
            here, there = socket.socketpair()
            with here, there:
                done = running.create_future()
                running.watch(here.fileno(), lambda: done.done() or not done.set_result(here.recv(10)))
                running.call_later(0.002, there.send, b"late")
                found = await asyncio.wait_for(done, 60)
                running.unwatch(here.fileno())
                return found

        assert loop.run(watch()) == b"late"

    def test_reads_that_end_nothing_hold_up_neither_timers_nor_other_threads(self):
        async def watch():
            running = asyncio.get_running_loop()
            here, there = socket.socketpair()
            with here, there:
                read = []

                def again():
                    read.append(here.recv(1))
                    there.send(b"x")  # there is always something to read
                    return False

                running.watch(here.fileno(), again)
                there.send(b"x")
                await asyncio.sleep(0.005)
                n = len(read)
                await running.run_in_executor(None, lambda: None)
                running.unwatch(here.fileno())
                return n

        assert loop.run(watch()) > 1
