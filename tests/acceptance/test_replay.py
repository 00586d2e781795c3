"""A run told again: the same answers and times without its models, and nothing that seems measured."""

import time

import pytest
from harness.command import Here
from harness.mock_llm import mock_llm
from harness.written_spec import answers, counts, external, latest, states, write_spec

from bench.store.reader import read_statuses, read_summary

SEEDED = "warmup: 1\nrounds: 3\nretries: 0\ngeneration: {seed: 5}"
UNSEEDED = "warmup: 1\nrounds: 3\nretries: 0"


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    return Here(tmp_path, capsys, monkeypatch)


def recorded(folder, run, more, code=0, **behaviour):
    """The folder of a run that was measured on a server which is gone now."""
    with mock_llm(**{"ttft_ms": 20, "itl_ms": 2, "n": 4, **behaviour}) as server:
        run("run", write_spec(folder, external("m", server.base_url), more=more), code=code)
    return latest(folder)


def replayed(layout, folder, *, more=SEEDED, prompts=3, **settings):
    told = ", ".join(f"{name}: {value}" for name, value in {"run": layout.folder.relative_to(folder), **settings}.items())
    return write_spec(folder, f"{{id: m, runtime: replay, settings: {{{told}}}}}", prompts=prompts, more=more)


def by_trial(layout):
    """What was answered and how long each step took, to the microsecond; by prompt and round."""
    return {
        (trial.prompt_id, trial.round): (
            sample.outcome,
            sample.timing.gaps_us,
            sample.timing.stamped_by,
            round((sample.timing.finished_s - sample.timing.sent_s) * 1e6),
            round(((sample.timing.first_token_s or 0) - sample.timing.sent_s) * 1e6) if sample.timing.first_token_s else None,
        )
        for trial, sample in answers(layout)
    }


@pytest.mark.parametrize("more", [SEEDED, UNSEEDED], ids=["by round", "in order"])
def test_the_same_answers_take_the_same_time_again(tmp_path, run, more):
    was = recorded(tmp_path, run, more)
    shown = run("run", replayed(was, tmp_path, more=more))
    again = latest(tmp_path)
    assert again.folder != was.folder
    assert by_trial(again) == by_trial(was)
    figures = [
        {(each.metric, each.statistic): each.value for each in read_summary(layout).estimates if each.metric in {"tpot", "itl", "completion_tokens"}}
        for layout in (was, again)
    ]
    assert figures[0].keys() == figures[1].keys()
    assert all(figures[1][key] == pytest.approx(value, abs=2e-6) for key, value in figures[0].items())
    assert "Replayed, not measured: m." in shown.stdout
    assert "Replayed, not measured: m." in again.report("report.md").read_text(encoding="utf-8").partition("## Results")[0]
    (status,) = read_statuses(again)[-1:]
    assert status.notes[0].startswith("replayed from run ")
    assert not again.selftest.exists()


def test_a_recorded_failure_is_told_again(tmp_path, run):
    was = recorded(tmp_path, run, "warmup: 0\nretries: 0\ngeneration: {seed: 5}", fault="500", fault_first=1)
    assert counts(was) == {("m", "default"): (3, 2, 1, 0)}
    run("run", replayed(was, tmp_path, more="warmup: 0\nretries: 0\ngeneration: {seed: 5}"))
    assert by_trial(latest(tmp_path)) == by_trial(was)


def test_what_was_not_recorded_is_a_failure_that_says_so(tmp_path, run):
    was = recorded(tmp_path, run, SEEDED)
    run("run", replayed(was, tmp_path, prompts=4, more=SEEDED.replace("rounds: 3", "rounds: 4")))
    assert counts(latest(tmp_path)) == {("m", "default"): (16, 9, 7, 0)}
    failures = [sample.outcome for trial, sample in answers(latest(tmp_path)) if trial.round == 4 or trial.prompt_id == "p3"]
    assert {failure.kind for failure in failures} == {"bad_request"}
    assert all("not recorded: run " in failure.message for failure in failures)


def test_in_order_no_answer_is_told_twice(tmp_path, run):
    was = recorded(tmp_path, run, UNSEEDED)
    run("run", replayed(was, tmp_path, more=UNSEEDED.replace("rounds: 3", "rounds: 5")))
    ((_, completed, failed, _),) = counts(latest(tmp_path)).values()
    assert (completed, failed) == (9, 6)


def test_in_real_time_it_takes_as_long(tmp_path, run):
    was = recorded(tmp_path, run, "warmup: 0\ngeneration: {seed: 5}", ttft_ms=120)
    began = time.monotonic()
    run("run", replayed(was, tmp_path, more="warmup: 0\ngeneration: {seed: 5}", pace="real"))
    assert time.monotonic() - began >= 3 * 0.12
    assert by_trial(latest(tmp_path)) == by_trial(was)


def test_a_run_copied_elsewhere_is_replayed_under_another_name(tmp_path, run):
    was = recorded(tmp_path, run, SEEDED)
    copied = was.folder.rename(tmp_path / "kept")
    shown = run("run", write_spec(tmp_path, f"{{id: candidate, runtime: replay, settings: {{run: {copied.name}, model: m}}}}", more=SEEDED))
    assert "Replayed, not measured: candidate." in shown.stdout
    assert counts(latest(tmp_path)) == {("candidate", "default"): (9, 9, 0, 0)}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("run: nowhere", "is no run folder"),
        ("run: RUN, model: other", "has no model 'other'"),
        ("run: RUN, variant: gpu", "has no variant 'gpu'"),
        ("run: RUN, pace: quick", "pace"),
        ("{}", "missing required field `run`"),
    ],
)
def test_what_cannot_be_replayed_is_a_row_with_its_reason(tmp_path, run, settings, said):
    was = recorded(tmp_path, run, "warmup: 0")
    entry = f"{{id: m, runtime: replay, settings: {{{settings}}}}}".replace("RUN", str(was.folder.relative_to(tmp_path))).replace("{{}}", "{}")
    ended = run("run", write_spec(tmp_path, entry), code=3)
    assert said in ended.stderr
    assert states(latest(tmp_path)) == {("m", "default"): "unavailable"}


def test_a_model_that_was_not_served_then_is_not_now(tmp_path, run):
    run("run", write_spec(tmp_path, external("m", "http://127.0.0.1:9/v1")), code=3)
    ended = run("run", replayed(latest(tmp_path), tmp_path, more="warmup: 0"), code=3)
    assert "it was unavailable in that run" in ended.stderr


def test_several_variants_are_told_apart(tmp_path, run):
    was = recorded(tmp_path, run, "warmup: 0\nvariants: [{id: a, threads: 1}, {id: b, threads: 2}]")
    assert "name one with `settings: {variant: …}`" in run("run", replayed(was, tmp_path, more="warmup: 0"), code=3).stderr
    run("run", replayed(was, tmp_path, more="warmup: 0", variant="b"))
    assert "variant=b" in read_statuses(latest(tmp_path))[-1].endpoint.base_url
    assert counts(latest(tmp_path)) == {("m", "default"): (3, 3, 0, 0)}
