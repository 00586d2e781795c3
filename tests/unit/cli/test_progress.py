"""Progress without a terminal: what matters, once, and not more than a log can bear; with one: the same words above the bars."""

import io

import pytest
from harness.calls import block, trial
from rich.progress import Progress

from bench.cli.progress import SAME_TROUBLE, Bars, Lines, Quiet, console_progress
from bench.execute.progress import BlockFinished, BlockStarted, KeptAlive, RetryPlanned, SeatDied, Stopped, TrialDone
from bench.records.exchange import Completion, Failure, Timing
from bench.records.sample import Sample
from bench.records.serving import Endpoint, ModelStatus

TIMING = Timing(scheduled_s=0, sent_s=0, finished_s=1)


def done(number, failure=None):
    outcome = Completion(text="x") if failure is None else Failure(kind=failure, message="no \x1b[31mway")
    one = trial(number)
    return TrialDone(trial=one, sample=Sample(trial_id=one.id, attempt=1, is_final=True, outcome=outcome, timing=TIMING, worker="w1"))


def status(state="served", reason=None, hint=None):
    endpoint = Endpoint(base_url="http://h/v1", served_model="x", owned=True, load_s=1.25, device="cpu") if state == "served" else None
    return ModelStatus(model_id="m1", variant_id="default", treatment_digest="t1", state=state, reason=reason, hint=hint, endpoint=endpoint)


def said(capsys):
    return capsys.readouterr().err.splitlines()


def test_a_block_says_its_tenths(capsys):
    lines = Lines()
    lines.notify(BlockStarted(block=block(*(trial(number) for number in range(100)))))
    for number in range(100):
        lines.notify(done(number))
    shown = said(capsys)
    assert shown[0] == "measuring m1: 100 requests"
    assert shown[-1] == "  100 of 100"
    assert len(shown) == 11


def test_failures_of_one_kind_are_told_a_few_times_only(capsys):
    lines = Lines()
    lines.notify(BlockStarted(block=block(*(trial(number) for number in range(60)))))
    for number in range(50):
        lines.notify(done(number, "server"))
    lines.notify(done(50, "timeout"))
    failed = [line for line in said(capsys) if line.startswith("failed:")]
    assert len(failed) == SAME_TROUBLE + 1
    assert failed[0] == "failed: m1 p0: server: no \\x1b[31mway"
    assert "not shown" in failed[SAME_TROUBLE - 1]
    assert "timeout" in failed[-1]


def test_rare_events_are_told_in_words(capsys):
    lines = Lines()
    failure = Failure(kind="rate_limit", message="slow down")
    lines.notify(RetryPlanned(trial=trial(1), attempt=1, failure=failure, delay_s=1.0))
    lines.notify(SeatDied(model_id="m1", treatment_digest="t1", reason="killed", not_tried=7))
    lines.notify(Stopped(reason="cost", message="5 EUR spent"))
    lines.notify(KeptAlive(model_id="m1", treatment_digest="t1", failure=failure))
    lines.notify(KeptAlive(model_id="m1", treatment_digest="t1"))
    lines.note("something to know")
    assert said(capsys) == [
        "retry: m1 p1 attempt 1 ended in rate_limit: slow down",
        "died: m1: killed; 7 trials not tried",
        "stopped: 5 EUR spent",
        "keep-alive failed: m1: slow down",
        "something to know",
    ]


def test_a_model_comes_up_once_and_fails_with_reason_and_hint(capsys):
    lines = Lines()
    lines.status(status())
    lines.status(status())
    lines.status(status("failed", "it broke", "mend it"))
    assert said(capsys) == ["m1 [default]: served, loaded in 1.2 s on cpu", "m1 [default]: failed: it broke (mend it)"]


def test_a_transfer_says_at_most_three_lines(capsys):
    lines = Lines()
    for done_bytes in range(101):
        lines.transferred("download x", done_bytes, 100)
    assert 1 <= len(said(capsys)) <= 3


def everything(shown):
    shown.transferred("download [x]", 1, 10)
    shown.transferred("download [x]", 10, 10)
    shown.status(status())
    shown.status(status())
    shown.note("[bold]a note")
    shown.notify(BlockStarted(block=block(trial(1), trial(2))))
    shown.notify(done(1))
    shown.notify(done(2, "server"))
    shown.notify(BlockFinished(health=None))


def test_bars_take_the_same_calls_and_write_markup_as_text(capsys):
    with Progress("{task.description}", "{task.fields[note]}", transient=True) as bars:
        bars.console.file = out = io.StringIO()
        everything(Bars(bars))
    shown = out.getvalue()
    assert "[bold]a note" in shown
    assert shown.count("served, loaded in 1.2 s") == 1
    assert "failed: m1 p2" in shown
    capsys.readouterr()


def test_quiet_says_nothing(capsys):
    with console_progress(quiet=True) as shown:
        assert isinstance(shown, Quiet)
        everything(shown)
    assert said(capsys) == []


@pytest.mark.parametrize(("terminal", "kind"), [(True, Bars), (False, Lines)])
def test_a_terminal_has_bars_and_a_log_has_lines(monkeypatch, terminal, kind):
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: terminal, raising=False)
    monkeypatch.setattr("sys.stderr", stream)
    with console_progress(quiet=False) as shown:
        assert isinstance(shown, kind)
