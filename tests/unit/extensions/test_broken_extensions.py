"""Third parties' extensions that raise, hang, print, leave, or return what nobody expects: each becomes what its door says, with its name."""

import asyncio
import itertools
import signal
import sys
import time

import pytest
from harness.calls import request
from harness.foreign import foreign
from harness.serving import context, treatment

from bench.clock import Clock
from bench.errors import Exit, ExtensionBroke, ServingError
from bench.extensions import checks, figures, guard
from bench.records.cost import CostBasis
from bench.records.exchange import Failure
from bench.records.serving import Endpoint
from bench.records.sketch import observation
from bench.records.spec import Load, ModelSpec, SecretName
from bench.report.sketch import SMALLEST

WHOSE = "'it' of other-package 1.0 broke"
SECRET = "sk-very-secret"  # noqa: S105 - made up
numbers = itertools.count()


@pytest.fixture
def it(tmp_path, monkeypatch):
    """`it(door, code)`: the extension `it` of this door, as the registry gives it; `it.registry` is the registry."""

    def make(door, code):
        make.registry = foreign(tmp_path, monkeypatch, door, code, module=f"foreign_{next(numbers)}")
        return make.registry.load(door, "it")

    return make


FIELDS = "unit, better, aggregate, filename, concurrency = 's', 'lower', 'mean', 'report.it.txt', 2"


def body(method, *lines):
    """A class `It` with one method."""
    inside = "\n".join(f"        {line}" for line in lines)
    return f"import sys, time\nclass It:\n    {FIELDS}\n{method}\n{inside}\n"


BAD = [
    ("raise ValueError('no such luck')", "ValueError: no such luck"),
    ("raise SystemExit(3)", "SystemExit: 3"),
    ("sys.exit('enough')", "SystemExit: enough"),
    ("raise type('Panic', (BaseException,), {})('from native code')", "Panic: from native code"),
    ("raise type('Odd', (Exception,), {'__str__': lambda self: 1 / 0})()", "its message cannot be shown"),
    ("raise RuntimeError('x' * 10_000)", "x…"),
    ("raise RuntimeError('half a character: \\ud800')", "half a character: \\ud800"),
    ("return 'yes'", "expected a `Verdict`, found str 'yes'"),
    ("return None", "found None"),
    ("return type('Odd', (), {'__repr__': lambda self: 1 / 0})()", "found Odd ?"),
    ("from bench.protocols import Verdict; return Verdict(passed='perhaps', detail=7)", "a `Verdict` with wrong fields"),
    ("from bench.protocols import Verdict; return Verdict(passed=True, detail='\\ud800')", "a `Verdict` with wrong fields"),
]


@pytest.mark.parametrize(("code", "words"), BAD)
def test_a_check_that_breaks_did_not_decide(it, code, words):
    rule = it("check", body("    def __init__(self, argument): pass\n    def decide(self, text):", code))("x")
    verdict = rule.decide("an answer")
    assert verdict.passed is None
    assert WHOSE in verdict.detail
    assert words in verdict.detail
    assert len(verdict.detail) < 600
    rule.decide("another")
    (trouble,) = it.registry.troubles()
    assert (trouble.door, trouble.name, trouble.n) == ("check", "it", 2)
    assert it.registry.troubles() == ()


def test_what_an_extension_prints_is_kept_from_standard_output(it, capsys):
    rule = it("check", body("    def __init__(self, argument): print('made')\n    def decide(self, text):", "print('here'); return 1"))("x")
    rule.decide("an answer")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "made\nhere\n"


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no alarms, and no hanging extension is interrupted")
@pytest.mark.parametrize("hang", ["time.sleep(60)", "while True: pass"])
def test_a_check_that_hangs_is_interrupted_and_not_asked_again(it, monkeypatch, hang):
    monkeypatch.setattr(checks, "CHECK_S", 0.05)
    before = signal.getitimer(signal.ITIMER_REAL)[0]
    rule = it("check", body("    def __init__(self, argument): pass\n    def decide(self, text):", hang))("x")
    assert "did not return within 0.05 s" in rule.decide("an answer").detail
    assert "not asked again" in rule.decide("an answer").detail
    assert it.registry.troubles()[0].n == 1
    after = signal.getitimer(signal.ITIMER_REAL)[0]
    assert (before == 0) == (after == 0)  # the alarm of whoever had set one is set again
    assert after <= before


def test_a_wrong_argument_is_the_users_fault_and_anything_else_the_packages(it):
    it("check", body("    def __init__(self, argument):", "raise ValueError('say a number')"))
    assert it.registry.problem("check", "it", "x") == "say a number"
    it("check", body("    def __init__(self, argument):", "raise KeyError('number')"))
    with pytest.raises(ExtensionBroke, match="broke when it was made: KeyError") as caught:
        it.registry.problem("check", "it", "x")
    assert caught.value.code == Exit.MISSING_EXTENSION
    assert "other-package" in caught.value.hint


@pytest.mark.parametrize(
    "code", ["class It:\n    def __init__(self, argument): pass\n", "It = 5\n", "def It(argument): return None\n", "raise SystemExit(0)\n"]
)
def test_what_is_no_check_is_refused_when_it_is_made(it, code):
    with pytest.raises(ExtensionBroke, match=r"it' of other-package 1.0 broke when it was (made|imported)"):
        it("check", code)("x")


COMPARING = "class It:\n    def __init__(self, argument): pass\n    def decide(self, text): raise ValueError\n    def beside(self, reference): {}\n"


def test_a_comparing_check_is_guarded_too(it):
    assert it("check", COMPARING.format("return self"))("x").beside("y").decide("z").passed is None
    with pytest.raises(ExtensionBroke, match="with a reference"):
        it("check", COMPARING.format("return 5"))("x").beside("y")


@pytest.mark.parametrize(
    ("aggregate", "code", "words"),
    [
        ("mean", "return 'fast'", "expected a number, found str 'fast'"),
        ("mean", "return (1, 2)", "expected a number, found tuple (1, 2)"),
        ("mean", "return float('nan')", "finite"),
        ("mean", "return 1 / 0", "ZeroDivisionError"),
        ("ratio", "return 1.0", "(numerator, denominator)"),
        ("ratio", "return (1.0, 2.0, 3.0)", "(numerator, denominator)"),
        ("share", "return 0.5", "expected 0 or 1"),
        ("quantiles", "return ['a']", "a number or several"),
        ("quantiles", "return type('Odd', (list,), {'__iter__': lambda self: iter([1 / 0])})()", "ZeroDivisionError"),
    ],
)
def test_a_metric_that_breaks_has_no_value_there(it, aggregate, code, words):
    metric = it("metric", body(f"    aggregate = {aggregate!r}\n    def measure(self, seen):", code))()
    assert metric.measure(observation()) is None
    (trouble,) = it.registry.troubles()
    assert words in trouble.message
    assert WHOSE in trouble.message


WHOLE = [
    ("mean", "return 3", 3.0),
    ("ratio", "return [1, 2]", (1.0, 2.0)),
    ("share", "return 1", 1.0),
    ("quantiles", "return (1, 2.5)", (1.0, 2.5)),
    ("mean", "return None", None),
]


@pytest.mark.parametrize(("aggregate", "code", "value"), WHOLE)
def test_a_metric_that_is_whole_is_believed(it, aggregate, code, value):
    assert it("metric", body(f"    aggregate = {aggregate!r}\n    def measure(self, seen):", code))().measure(observation()) == value
    assert it.registry.troubles() == ()


def test_a_metric_that_hangs_is_not_asked_again(it, monkeypatch):
    monkeypatch.setattr(figures, "MEASURE_S", 0.05)
    metric = it("metric", body("    def measure(self, seen):", "time.sleep(60)"))()
    begun = time.monotonic()
    assert [metric.measure(observation()) for _ in range(50)] == [None] * 50
    assert time.monotonic() - begun < 30
    assert it.registry.troubles()[0].n == 1


@pytest.mark.parametrize("field", ["unit = 7", "better = 'louder'", "aggregate = 'sum'", "measure = None"])
def test_a_broken_metric_is_left_out_and_the_others_are_there(it, field):
    code = body(f"    def measure(self, seen): return 1.0\n    {field}\n    def other(self):", "pass")
    it("metric", code)
    found = it.registry.every("metric")
    assert "it" not in found
    assert "ttft" in found
    assert "when it was made" in it.registry.troubles()[0].message


BASIS = CostBasis(model=ModelSpec(id="m", runtime="x"), variant_id="v", requests=1, wall_s=1, busy_s=1, prompt_tokens=1, completion_tokens=1)
COST = "from bench.records.cost import CostEstimate as C; return C(model_id={0!r}, variant_id='v', cost_model='it', per={1!r}, amount={2}, currency='EUR', basis='declared', formula='')"  # noqa: E501


@pytest.mark.parametrize(
    ("code", "words"),
    [("return 5", "a `CostEstimate`"), (COST.format("other", "run", 1.0), "of its basis"), (COST.format("m", "request", 1.0), "of its basis"),
     (COST.format("m", "run", "'much'"), "wrong fields"), ("raise OSError('no network')", "no network")],
)  # fmt: skip
def test_a_cost_that_breaks_is_an_amount_that_cannot_be_said(it, code, words):
    found = it("cost", body("    def __init__(self, settings): pass\n    def run_cost(self, basis):", code))({}).run_cost(BASIS)
    assert (found.model_id, found.variant_id, found.amount) == ("m", "v", None)
    assert words in found.note
    assert WHOSE in found.note


@pytest.mark.parametrize("name", ["run.json", "report.md", "../report.txt", "report.../x", "REPORT.MD", "report"])
def test_a_report_cannot_take_the_place_of_another_file(it, name):
    code = body("    def render(self, view, template):", "return ''").replace("'report.it.txt'", repr(name))
    with pytest.raises(ExtensionBroke, match="filename"):
        it("report", code)()


@pytest.mark.parametrize("code", ["return b''", "raise KeyError(1)", "sys.exit()"])
def test_a_report_that_breaks_says_so(it, code):
    with pytest.raises(ExtensionBroke, match="on a report"):
        it("report", body("    def render(self, view, template):", code))().render(SMALLEST, None)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("return iter([0.0])", "expected 3 arrivals, found int 1"),
        ("return [0.0, 'soon', 2.0]", "never fall"),
        ("return [1.0, 0.5, 2.0]", "here from 1"),
        ("return [-1.0, 0.0, 0.0]", "here from 0"),
        ("return [float('nan')] * 3", "never fall"),
        ("yield 0.0; raise KeyError('rate')", "KeyError: 'rate'"),
        ("return 5", "TypeError"),
    ],
)
def test_a_load_shape_that_breaks_ends_before_anything_is_sent(it, code, words):
    shape = it("load", body("    def __init__(self, load): pass\n    def arrivals(self, n, seed):", code))(Load(kind="it"))
    with pytest.raises(ExtensionBroke) as caught:
        shape.arrivals(3, 1)
    assert words in caught.value.message
    assert WHOSE in caught.value.message


def test_an_endless_load_shape_gives_as_many_arrivals_as_are_asked_for(it):
    code = body("    def __init__(self, load): pass\n    def arrivals(self, n, seed):", "due = 0", "while True:", "    yield due", "    due += 1")
    assert list(it("load", code)(Load(kind="it")).arrivals(3, 1)) == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("line", ["concurrency = 0", "concurrency = 'many'", "max_wait_s = -1"])
def test_a_load_shape_with_odd_places_is_refused(it, line):
    with pytest.raises(ExtensionBroke, match="when it was made"):
        it("load", body(f"    def __init__(self, load): self.{line}\n    def arrivals(self, n, seed):", "return [None] * n"))(Load(kind="it"))


STAGED = """
from bench.protocols import Stage
class It:
    concurrency, ended = 1, None
    def __init__(self, load): pass
    def arrivals(self, n, seed): return [None] * n
    def stages(self, trials, seed):
        yield Stage(trials=trials, arrivals=iter([None] * len(trials)), opens=(0.0,))
        {}
    def observe(self, sample): {}
"""


def test_a_staged_load_that_breaks_ends_there_with_its_reason(it):
    from harness.calls import trial  # noqa: PLC0415 - only here

    shape = it("load", STAGED.format("yield 'another'", "pass"))(Load(kind="it"))
    assert len(list(shape.stages([trial(1)], 1))) == 1
    assert "expected a `Stage`, found str 'another'" in shape.ended
    shape = it("load", STAGED.format("1 / 0", "1 / 0"))(Load(kind="it"))
    stages = shape.stages([trial(1)], 1)
    next(stages)
    shape.observe(None)
    assert list(stages) == []
    assert "ZeroDivisionError" in shape.ended


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        ("Stage(trials=trials, arrivals=iter([None]), opens=('now',))", "`opens`, times in seconds from 0"),
        ("Stage(trials=trials, arrivals=iter([None]), opens=(float('nan'),))", "`opens`, times in seconds from 0"),
        ("Stage(trials=[*trials, 5], arrivals=iter([None, None]), opens=(0.0,))", "trials of the block"),
        ("Stage(trials=type('Odd', (list,), {'__iter__': lambda self: 1 / 0})(), arrivals=iter([None]), opens=(0.0,))", "ZeroDivisionError"),
    ],
)
def test_a_stage_that_is_none_ends_the_load_with_its_reason(it, stage, words):
    from harness.calls import trial  # noqa: PLC0415 - only here

    shape = it("load", STAGED.format(f"yield {stage}", "pass"))(Load(kind="it"))
    assert len(list(shape.stages([trial(1)], 1))) == 1
    assert words in shape.ended


def serve(runtime, tmp_path, **fields):
    model = ModelSpec(id="m", runtime="it", **fields)
    return runtime.serve(treatment(model), context(tmp_path, environ={"KEY": SECRET}))


RUNTIME = "from bench.records.serving import Endpoint, ServingFacts\nclass It:\n    def serve(self, treatment, context):\n        {}\n"
SERVED = """
import types, time
from bench.records.serving import Endpoint, ServingFacts
class It:
    def serve(self, treatment, context):
        return types.SimpleNamespace(
            endpoint=Endpoint(base_url="{url}", served_model="m", owned=False), credential=None,
            facts=lambda: {facts}, death=lambda: {death}, close=lambda: {close},
        )
"""


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise MemoryError('17 GB')", "MemoryError: 17 GB"),
        ("raise SystemExit", "SystemExit"),
        ("return None", "AttributeError"),
        ("return __import__('types').SimpleNamespace(endpoint='http://x', credential=None, facts=1, death=1, close=1)", "expected a `Endpoint`"),
        ("raise RuntimeError(f'the key {context.environ[\"KEY\"]} is wrong')", "the key *** is wrong"),
    ],
)
def test_a_runtime_that_breaks_is_a_model_that_failed(it, tmp_path, code, words):
    with pytest.raises(ServingError) as caught:
        serve(it("runtime", RUNTIME.format(code))(), tmp_path, api_key=SecretName(env="KEY"))
    assert caught.value.state == "failed"
    assert WHOSE in caught.value.message
    assert words in caught.value.message
    assert all(SECRET not in trouble.message + trouble.trace for trouble in it.registry.troubles())


def test_a_runtimes_own_refusal_goes_on_as_it_is(it, tmp_path):
    code = RUNTIME.format("from bench.errors import ServingError; raise ServingError('no GPU', hint='buy one', state='unavailable')")
    with pytest.raises(ServingError, match=r"^no GPU$") as caught:
        serve(it("runtime", code)(), tmp_path)
    assert caught.value.state == "unavailable"
    assert it.registry.troubles() == ()


def test_a_runtime_that_hangs_is_given_up_after_the_load_timeout(it, tmp_path, monkeypatch):
    monkeypatch.setattr("bench.extensions.answering._MORE_TO_LOAD_S", 0.0)
    runtime = it("runtime", RUNTIME.format("__import__('time').sleep(60)"))()
    with pytest.raises(ServingError, match=r"did not return within 0\.05 s"):
        serve(runtime, tmp_path, load_timeout_s=0.05)


def test_a_served_model_that_breaks_has_notes_and_goes_on(it, tmp_path):
    served = serve(it("runtime", SERVED.format(url="http://localhost:9/v1", facts="5", death="1 / 0", close="1 / 0"))(), tmp_path)
    assert served.death() is None
    assert served.death() is None
    served.close()
    notes = served.facts().notes
    assert [note.split(": ")[0].rpartition(" broke ")[2] for note in notes] == [
        "when asked whether it lives",
        "when it was closed",
        "when asked for its facts",
    ]
    assert served.endpoint.transport == "http"


def test_what_a_served_model_says_when_it_breaks_has_no_key_in_it(it, tmp_path):
    code = SERVED.format(url="http://localhost:9/v1", facts="{}['" + SECRET + "']", death="None", close="None")  # KeyError: 'sk-…'
    served = serve(it("runtime", code)(), tmp_path, api_key=SecretName(env="KEY"))
    (note,) = served.facts().notes
    assert "KeyError: '***'" in note
    assert all(SECRET not in trouble.message + trouble.trace for trouble in it.registry.troubles())


def test_what_is_not_spoken_to_over_http_is_not_said_to_be(it, tmp_path):
    served = serve(it("runtime", SERVED.format(url="carrier-pigeon:loft", facts="ServingFacts()", death="None", close="None"))(), tmp_path)
    assert served.endpoint.transport == "other"


PROVIDER = """
import asyncio, time, types
from bench.records.exchange import *
class It:
    def __init__(self, endpoint, credential, clock):
        self.credential = credential
        {made}
    async def call(self, request, *, seed, timeout_s, scheduled_s=None):
        {call}
    async def close(self):
        {close}
def answer(**times):
    times = {{"scheduled_s": 0.0, "sent_s": 0.0, "finished_s": 1.0, **times}}
    return types.SimpleNamespace(decode=lambda: Exchange(outcome=Completion(text="Said."), timing=Timing(**times)))
"""


def asked(it, *, made="pass", call="return answer()", close="pass", timeout_s=1.0):
    kind = it("provider", PROVIDER.format(made=made, call=call, close=close))

    async def run():
        provider = kind(Endpoint(base_url="it:x", served_model="m", owned=False), SECRET, Clock())
        capture = await provider.call(request(), seed=None, timeout_s=timeout_s)
        await provider.close()
        return capture.decode()

    return asyncio.run(run()).outcome


def test_a_provider_that_is_whole_is_believed(it):
    assert asked(it).text == "Said."
    assert it.registry.troubles() == ()


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"made": "1 / 0"}, "when it was made: ZeroDivisionError"),
        ({"call": "1 / 0"}, "on a request: ZeroDivisionError"),
        ({"call": "await asyncio.sleep(0); raise SystemExit(1)"}, "SystemExit: 1"),
        ({"call": "raise ValueError(self.credential)"}, "ValueError: ***"),
        ({"call": "return 'Said.'"}, "expected an object with `decode()`, found str 'Said.'"),
        ({"call": "return types.SimpleNamespace(decode=lambda: 'Said.')"}, "expected a `Exchange`"),
        ({"call": "return types.SimpleNamespace(decode=lambda: 1 / 0)"}, "on an answer: ZeroDivisionError"),
        ({"call": "return answer(first_token_s=2.0, last_token_s=2.0, chunks=1)"}, "finished_s is before last_token_s"),
        ({"call": "return answer(first_token_s=0.5, last_token_s=0.6, chunks=3, gaps_us=(1,))"}, "3 chunks with 1 gaps"),
        ({"call": "return answer(finished_s=float('nan'))"}, "wrong fields"),
        ({"call": "return answer(chunks=2)"}, "2 chunks, first_token_s None"),
        ({"call": "raise asyncio.CancelledError"}, "it cancelled itself"),
    ],
)
def test_a_provider_that_breaks_is_a_failed_request(it, how, words):
    outcome = asked(it, **how)
    assert isinstance(outcome, Failure)
    assert outcome.kind == "extension"
    assert words in outcome.message
    assert WHOSE in outcome.message
    assert SECRET not in outcome.message


def test_a_provider_that_does_not_end_is_left_behind(it, monkeypatch):
    monkeypatch.setattr("bench.extensions.answering._LATE_S", 0.0)
    stubborn = "while True:\n            try: await asyncio.sleep(60)\n            except asyncio.CancelledError: break\n        return answer()"
    assert "did not return within 0.05 s" in asked(it, call=stubborn, timeout_s=0.05).message


def test_a_provider_that_blocks_the_event_loop_is_interrupted(it, monkeypatch):
    monkeypatch.setattr(guard, "STEP_S", 0.05)
    assert "did not return within 0.05 s" in asked(it, call="await asyncio.sleep(0); time.sleep(60)").message


def test_a_provider_that_cannot_be_closed_does_not_keep_the_answers(it, monkeypatch):
    assert asked(it, close="1 / 0").text == "Said."
    monkeypatch.setattr("bench.extensions.answering.CLOSE_S", 0.05)
    assert asked(it, close="await asyncio.sleep(60)").text == "Said."


def test_a_request_that_is_called_off_is_called_off_in_the_provider(it):
    kind = it("provider", PROVIDER.format(made="self.seen = []; type(self).last = self", call="""
        try: await asyncio.sleep(60)
        except asyncio.CancelledError: self.seen.append('called off'); raise""", close="pass"))  # fmt: skip

    async def run():
        provider = kind(Endpoint(base_url="it:x", served_model="m", owned=False), None, Clock())
        call = asyncio.create_task(provider.call(request(), seed=None, timeout_s=60.0))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.sleep(0)
        return sys.modules[kind_module()].It.last.seen

    def kind_module():
        return max((name for name in sys.modules if name.startswith("foreign_")), key=lambda name: int(name.rpartition("_")[2]))

    assert asyncio.run(run()) == ["called off"]
    assert it.registry.troubles() == ()


def test_a_grader_that_breaks_is_a_judgement_that_failed(it):
    code = body("    def __init__(self, means): pass\n    async def grade(self, candidate):", "return 1.0")
    found = asyncio.run(it("grader", code)(None).grade(None))
    assert found.state == "failed"
    assert "expected a `Judgement`, found float 1.0" in found.rationale


def test_an_interrupt_of_the_user_is_no_fault_of_the_extension(it):
    rule = it("check", body("    def __init__(self, argument): pass\n    def decide(self, text):", "raise KeyboardInterrupt"))("x")
    with pytest.raises(KeyboardInterrupt):
        rule.decide("an answer")
    assert it.registry.troubles() == ()


def test_the_guard_costs_a_built_in_nothing(it):
    it("check", body("    def __init__(self, argument): pass\n    def decide(self, text):", "pass"))
    assert it.registry.load("check", "contains").__module__ == "bench.judge.checks.contains"
