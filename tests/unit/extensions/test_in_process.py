"""A model inside bench's own process: what its adapter is given, what becomes of what it gives, and that nothing waits for it for ever."""

import asyncio
import itertools
import threading
import time

import pytest
from harness.calls import request
from harness.foreign import foreign
from harness.serving import context, treatment

from bench.clock import Clock
from bench.errors import ServingError
from bench.extensions import calling
from bench.records.exchange import Completion
from bench.records.spec import Gpu, ModelSpec
from bench.serving.process_tree import is_readable

WHOSE = "runtime 'it' of other-package 1.0 broke"
ADAPTER = """
import threading, time
from bench.protocols import Ending
seen = []
class It:
    {fields}
    def load(self, settings):
        seen.append(settings)
        {load}
    def generate(self, messages, settings):
        seen.append((messages, settings))
        {generate}
    def close(self):
        seen.append("closed")
        {close}
"""
numbers = itertools.count()


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """`serve(generate=…)`: the model of an adapter with this body, up; `serve.seen`: what it was told."""
    up = []

    def make(*, fields="pass", load="pass", generate="return 'Said.'", close="pass", **model):
        module = f"adapter_{next(numbers)}"
        code = ADAPTER.format(fields=fields, load=load, generate=generate, close=close)
        make.registry = foreign(tmp_path, monkeypatch, "runtime", code, module=module)
        runtime = make.registry.load("runtime", "it")()
        make.seen = __import__(module).seen
        one = treatment(ModelSpec(id="m", runtime="it", **model), threads=3, gpu=Gpu(mode="off"))
        up.append(runtime.serve(one, context(tmp_path)))
        return up[-1]

    yield make
    for served in up:
        served.close()


def answers(served, *requests, timeout_s=5.0, scheduled_s=None):
    """All asked at once."""

    async def run():
        provider = served.provider(served.endpoint, None, Clock())
        calls = (provider.call(one, seed=7, timeout_s=timeout_s, scheduled_s=scheduled_s) for one in requests or (request(),))
        captures = await asyncio.gather(*calls)
        await provider.close()
        return [capture.decode() for capture in captures]

    return asyncio.run(run())


def test_an_adapter_is_told_what_the_spec_says(serve):
    served = serve(model="big", settings={"path": "here", "threads": 5})
    (exchange,) = answers(served, request("Hello?", max_tokens=9, temperature=0.5, stop=("x",)))
    assert exchange.outcome.text == "Said."
    loaded, (messages, settings) = serve.seen
    assert loaded == {"model": "big", "threads": 5, "gpu": {"mode": "off", "layers": None, "devices": ()}, "path": "here"}
    assert messages == [{"role": "user", "content": "Hello?"}]
    assert settings == {"max_tokens": 9, "temperature": 0.5, "stop": ("x",), "seed": 7}
    assert (served.endpoint.transport, served.endpoint.served_model, served.endpoint.pid) == ("in-process", "big", None)
    assert served.endpoint.load_s >= 0
    served.close()
    served.close()
    assert serve.seen[-1] == "closed"
    assert serve.seen.count("closed") == 1


@pytest.mark.skipif(not is_readable(), reason="the extra `local` is not installed, and memory is not read")
def test_its_memory_is_what_the_process_grew_by(serve):
    served = serve(load="self.weights = bytearray(b'x' * 64_000_000)")
    facts = served.facts()
    assert 50_000_000 < facts.rss_loaded_bytes < 200_000_000
    assert facts.rss_peak_bytes >= facts.rss_loaded_bytes
    assert "in-process" in facts.notes[0]


PACED = """for word in ('a', '', 'b', 'c'):
            time.sleep(0.003)
            yield word
        yield Ending(finish_reason='length', completion_tokens=3)"""


def test_pieces_are_stamped_as_they_are_yielded(serve):
    (exchange,) = answers(serve(generate=PACED), scheduled_s=-1.0)
    timing = exchange.timing
    assert (exchange.outcome.text, exchange.outcome.finish_reason, exchange.outcome.usage.completion_tokens) == ("abc", "length", 3)
    assert (timing.scheduled_s, timing.chunks, timing.stamped_by, timing.first_byte_s) == (-1.0, 3, "process", None)
    assert min(timing.gaps_us) >= 3000
    assert timing.sent_s < timing.first_token_s < timing.last_token_s <= timing.finished_s
    assert timing.gaps_us[0] >= 6000  # nothing came between


def test_a_whole_text_and_an_answer_that_is_not_to_be_streamed_have_no_stamps(serve):
    (whole,) = answers(serve())
    (joined,) = answers(serve(generate="yield from 'abc'"), request(stream=False))
    for exchange in (whole, joined):
        assert isinstance(exchange.outcome, Completion)
        assert (exchange.timing.chunks, exchange.timing.first_token_s, exchange.timing.gaps_us) == (0, None, ())


@pytest.mark.parametrize(
    ("generate", "kind", "words"),
    [
        ("raise RuntimeError('no CUDA')", "extension", "broke on a request: RuntimeError: no CUDA"),
        ("raise SystemExit(1)", "extension", "SystemExit: 1"),
        ("raise KeyboardInterrupt", "extension", "KeyboardInterrupt"),
        ("raise MemoryError('17 GB')", "out_of_memory", "MemoryError: 17 GB"),
        ("yield 'a'; 1 / 0", "extension", "ZeroDivisionError"),
        ("return 5", "extension", "expected a text or pieces of it, found int 5"),
        ("yield b'a'", "extension", "expected a piece of text"),
        ("yield Ending(finish_reason=7)", "extension", "wrong fields"),
        ("yield Ending(); yield 'more'", "extension", "expected nothing after the `Ending`"),
        ("yield ''", "empty", "no text"),
        ("return ''", "empty", "no text"),
    ],
)
def test_an_adapter_that_breaks_is_a_failed_request(serve, generate, kind, words):
    (exchange,) = answers(serve(generate=generate))
    assert exchange.outcome.kind == kind
    assert words in exchange.outcome.message


def test_an_adapter_that_broke_answers_the_next_request(serve):
    served = serve(generate="if len(seen) == 2: raise SystemExit\n        return 'Said.'")
    assert [answers(served)[0].outcome.kind, answers(served)[0].outcome.text] == ["extension", "Said."]


def test_an_endless_answer_is_cut_off(serve, monkeypatch):
    monkeypatch.setattr(calling, "_MOST_CHARACTERS", 1000)
    (exchange,) = answers(serve(generate="while True: yield 'x' * 100"))
    assert "more than 1,000 characters" in exchange.outcome.message


def test_half_a_character_does_not_break_the_file(serve):
    (exchange,) = answers(serve(generate="yield 'a\\ud800'"))
    assert exchange.outcome.text == "a\\ud800"


def test_an_answer_that_takes_too_long_is_given_up_and_the_next_one_is_answered(serve):
    served = serve(generate="while len(seen) == 2:\n            time.sleep(0.005)\n            yield 'x'\n        yield 'done'")
    (late,) = answers(served, timeout_s=0.05)
    assert late.outcome.kind == "timeout"
    assert "still works on it" in late.outcome.message
    assert answers(served)[0].outcome.text == "done"


def test_an_adapter_that_hangs_keeps_its_thread_and_no_more(serve):
    served = serve(generate="threading.Event().wait(0.3)\n        return 'late'")
    first, second = answers(served, request("a"), request("b"), timeout_s=0.05)
    assert {first.outcome.kind, second.outcome.kind} == {"timeout"}
    assert "no thread was free" in second.outcome.message
    assert all(thread.daemon for thread in threading.enumerate() if thread.name.startswith("bench-it"))


def test_the_event_loop_never_waits_for_an_adapter(serve):
    served = serve(generate="time.sleep(0.2); return 'Said.'")

    async def run():
        provider = served.provider(served.endpoint, None, Clock())
        call = asyncio.create_task(provider.call(request(), seed=None, timeout_s=5.0))
        turns = 0
        while not call.done():
            await asyncio.sleep(0.005)
            turns += 1
        return turns

    assert asyncio.run(run()) > 3


def test_slots_are_answers_at_once(serve):
    alone = serve(generate="both = threading.active_count(); time.sleep(0.01); return str(len([one for one in seen if isinstance(one, tuple)]))")
    first, second = answers(alone, request("a"), request("b"))
    assert (first.outcome.text, second.outcome.text) == ("1", "2")
    meeting = serve(fields="slots = 2; door = threading.Barrier(2)", generate="self.door.wait(5); return 'met'")
    assert [each.outcome.text for each in answers(meeting, request("a"), request("b"))] == ["met", "met"]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"load": "raise OSError('no weights')"}, "when it loaded a model: OSError: no weights"),
        ({"load": "raise SystemExit"}, "SystemExit"),
        ({"load": "time.sleep(1)", "load_timeout_s": 0.05}, "it was not loaded within 0.05 s"),
        ({"fields": "slots = 0"}, "`slots`, a whole number from 1"),
    ],
)
def test_a_model_that_cannot_be_loaded_failed(serve, how, words):
    with pytest.raises(ServingError) as caught:
        serve(**how)
    assert caught.value.state == "failed"
    assert WHOSE in caught.value.message
    assert words in caught.value.message


def test_a_model_that_cannot_be_closed_is_left_behind(serve, monkeypatch):
    monkeypatch.setattr("bench.extensions.in_process._CLOSE_S", 0.05)
    begun = time.monotonic()
    serve(close="time.sleep(1)").close()
    assert time.monotonic() - begun < 30
    assert "when it was closed: it did not return" in serve.registry.troubles()[0].message
    serve(close="1 / 0").close()
    assert "ZeroDivisionError" in serve.registry.troubles()[0].message
