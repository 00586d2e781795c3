"""A whole run with a judge behind a real server: measured, then graded, whatever the judge does."""

import signal
import threading

import pytest
from harness.command import Here, bench, start_bench
from harness.judged_spec import KNOWING, TOWNS, judge_at, write_judged_spec
from harness.mock_llm import mock_llm, refusing_endpoint
from harness.published import validated
from harness.scripted_judge import coin, constant, scripted_judge
from harness.written_spec import external, latest

from bench.store.questions import unfolded
from bench.store.reader import read_grades, read_judge, read_judges, read_pairs, read_questions, read_summary

KEY = "sk-judge-secret-0123456789abcdef"
RIGHT = TOWNS[0].reference
PRICES = "{model: price_table, input_per_million: 1000 EUR, output_per_million: 2000 EUR}"
pytestmark = pytest.mark.slow  # a judge is asked some hundred questions before its word counts


@pytest.fixture
def model():
    with mock_llm(text=RIGHT, n=1) as running:
        yield running


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("JUDGE_KEY", KEY)
    return Here(tmp_path, capsys, monkeypatch)


def mean(layout, metric, model="m"):
    return next(
        (each.value for each in read_summary(layout).estimates
         if (each.metric, each.statistic, each.group.model_id) == (metric, "mean", model) and each.group.prompt_id is None), None
    )  # fmt: skip


def lines(layout, grader="local"):
    return {grade.trial_id: grade for grade in read_grades(layout) if grade.grader_id == grader}


def test_a_good_judge_qualifies_and_its_word_counts(tmp_path, run, model):
    with scripted_judge(KNOWING) as judge:
        entry = judge_at(judge, f", api_key: {{env: JUDGE_KEY}}, cost: {PRICES}")
        shown = run("run", write_judged_spec(tmp_path, entry, external("the-measured-model", model.base_url), more="warmup: 0\nrounds: 2"))
        asked = list(judge.log)
    layout = latest(tmp_path)
    record = read_judge(layout, "local")
    assert (record.state, record.qualification.verdict, record.may_count, record.ran) == ("served", "qualified", True, ("logprobs",))
    assert record.counts == {"graded": 24}
    assert record.questions == 12 * 3  # both rounds gave the same answers, which are judged once
    assert record.prompt_tokens == record.read_tokens + record.cached_tokens
    (work,) = record.work
    assert work.requests == len(asked) > record.questions  # probes, and what it can do
    assert work.prompt_tokens > record.prompt_tokens
    assert 0 < work.busy_s <= work.wall_s <= record.duration_s
    (judged,) = read_summary(layout).judge_costs
    assert judged.cost.amount == pytest.approx((work.prompt_tokens + 2 * work.completion_tokens) / 1000)
    assert read_summary(layout).costs == ()  # the models' work is priced by nothing
    assert f"({work.prompt_tokens - work.cached_tokens} input tokens × 1000 EUR + {work.cached_tokens} cached tokens" in judged.cost.formula
    graded = lines(layout)
    assert len(graded) == 24
    assert len({grade.grader_digest for grade in graded.values()}) == 12
    of_town = [grade for grade in graded.values() if grade.aspects[0].p > 0.5]
    assert len(of_town) == 2  # the answer is right about the first town only
    assert mean(layout, "checks_met", "the-measured-model") == 1.0
    assert mean(layout, "judged", "the-measured-model") < mean(layout, "quality", "the-measured-model") < 1.0
    seen = " ".join(str(each.body) for each in asked)
    assert "the-measured-model" not in seen
    assert KEY not in seen
    for path in layout.folder.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path
    assert KEY not in shown.stderr + shown.stdout
    found = validated(layout.folder)
    assert (found["grade"], found["questions"], found["judge"]) == (48, 12, 1)


def test_every_question_and_reply_is_kept_with_the_shared_beginning_once(tmp_path, run, model):
    with scripted_judge(constant()) as judge:
        run("run", write_judged_spec(tmp_path, judge_at(judge), external("m", model.base_url), n=3))
        asked = [[(message["role"], message["content"]) for message in seen.body["messages"]] for seen in judge.log]
    kept = list(read_questions(latest(tmp_path), "local"))
    assert len(kept) == 3
    for line in kept:
        assert len(line.head[-1].content) > 200
        for each in unfolded(line):
            whole = [(message.role, message.content) for message in each.question.messages] + [("assistant", each.question.prefix)]
            assert whole in asked
            assert each.reply.tokens[0].alternatives


def test_a_judge_that_flips_coins_changes_nothing_but_its_own_number(tmp_path, run, model):
    with scripted_judge(coin()) as judge:
        run("run", write_judged_spec(tmp_path, judge_at(judge), external("m", model.base_url), check="{max_words: 2}"))
    layout = latest(tmp_path)
    record = read_judge(layout, "local")
    assert (record.qualification.verdict, record.may_count) == ("unqualified", False)
    assert record.qualification.reasons
    assert mean(layout, "quality") == mean(layout, "checks_met") == 0.0
    assert mean(layout, "judged") > 0.2


def test_an_unqualified_judge_counts_where_the_spec_says_so(tmp_path, run, model):
    with scripted_judge(constant()) as judge:
        run("run", write_judged_spec(tmp_path, judge_at(judge), external("m", model.base_url), judging=", allow_unqualified: true"))
    layout = latest(tmp_path)
    assert (read_judge(layout, "local").may_count, read_judge(layout, "local").qualification.verdict) == (True, "unqualified")
    assert mean(layout, "quality") < mean(layout, "checks_met")


def test_a_judge_that_is_not_there_costs_no_answer_and_may_come_later(tmp_path, run, model):
    away = refusing_endpoint().base_url
    entry = f'{{runtime: external, base_url: "{away}", model: judge}}'
    shown = run("run", write_judged_spec(tmp_path, entry, external("m", model.base_url), n=3), code=8)
    layout = latest(tmp_path)
    assert "exit 8: judge local (aspects) is unavailable: nothing listens on" in shown.stderr
    record = read_judge(layout, "local")
    assert (record.state, record.may_count) == ("unavailable", False)
    assert "nothing listens on" in record.reason
    assert mean(layout, "quality") == 1.0
    assert layout.report("report.md").exists()
    n = len(model.log)
    with scripted_judge(constant()) as judge:
        later = write_judged_spec(tmp_path, judge_at(judge), external("m", model.base_url), n=3, name="later.yaml")
        run("judge", "--spec", later)
    assert len(model.log) == n
    assert read_judge(layout, "local").counts == {"graded": 3}
    assert mean(layout, "judged") is not None


def test_a_gate_waits_for_a_judge_and_is_decided_when_it_comes(tmp_path, run, model):
    away = f'{{runtime: external, base_url: "{refusing_endpoint().base_url}", model: judge}}'
    gated = "warmup: 0\ngates: [{metric: judged, min: 99 %}]\nreport: {formats: [json, junit]}"
    shown = run("run", write_judged_spec(tmp_path, away, external("m", model.base_url), more=gated), code=8)
    assert "exit 8: gate judged ≥ 99 % of m is undecided: judge local (aspects) is unavailable" in shown.stderr
    run("gate", "--junit", "gates.xml", code=8)
    for written in (tmp_path / "gates.xml", latest(tmp_path).report("report.junit.xml")):
        assert '<error message="undecided: judge local (aspects) is unavailable' in written.read_text(encoding="utf-8")
    with scripted_judge(KNOWING) as judge:
        later = write_judged_spec(tmp_path, judge_at(judge), external("m", model.base_url), more="warmup: 0", name="later.yaml")
        shown = run("judge", "--spec", later, code=1)
    assert "exit 1: gate judged ≥ 99 % of m failed" in shown.stderr
    run("gate", code=1)


@pytest.mark.parametrize("fault", ["500", "garbage", "401"])
def test_a_judge_that_gives_no_reply_is_unusable_and_can_be_asked_again(tmp_path, run, model, fault):
    with scripted_judge(constant(), fault=fault) as judge:
        spec = write_judged_spec(tmp_path, judge_at(judge), external("m", model.base_url), n=2, more="warmup: 0\nretries: 0")
        shown = run("run", spec, code=8)
        assert "gives no reply" in shown.stderr
        n = len(model.log)
        judge.set(fault="")
        run("judge")
    assert len(model.log) == n
    assert read_judge(latest(tmp_path), "local").state == "served"


def test_a_judge_that_is_away_later_takes_back_nothing(tmp_path, run, model):
    with scripted_judge(constant()) as judge:
        run("run", write_judged_spec(tmp_path, judge_at(judge), external("m", model.base_url), n=2))
    before = read_judge(latest(tmp_path), "local")
    shown = run("judge", code=8)
    assert "is unavailable: nothing listens on" in shown.stderr
    assert read_judge(latest(tmp_path), "local") == before


def test_a_judge_that_goes_away_in_the_middle_keeps_what_it_said(tmp_path, run, model):
    def leaves(seen):
        if judge.abilities.fault == "" and sum(each.form == "yes_no" for each in judge.log) > 20 and is_measured(seen):
            judge.set(fault="500")
        return 0.95

    def is_measured(seen):
        return bool(seen.answers) and seen.answers[0].startswith("The bakery of Arles is closed")

    with scripted_judge(leaves) as judge:
        spec = write_judged_spec(tmp_path, judge_at(judge), external("m", model.base_url), more="warmup: 0\nretries: 0")
        run("run", spec, code=8)
        layout = latest(tmp_path)
        record = read_judge(layout, "local")
        assert record.state == "failed"
        judge.script = constant()
        judge.set(fault="")
        run("judge")
    assert read_judge(layout, "local").state == "served"
    assert sum(read_judge(layout, "local").counts.values()) == 12
    assert len(lines(layout)) == sum(1 for _ in read_grades(layout)) - 12


def interrupt():
    """Ctrl-C in this very process, from the judge's thread."""
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)


def once(is_so, do):
    """For `judge.heard`: do it at the first question at which something holds. Its asker waits for the reply, so nothing hangs on who is faster."""
    done = []

    def heard(_seen):
        if not done and is_so():
            done.append(True)
            do()

    return heard


def test_a_killed_stage_goes_on_where_it_ended(tmp_path, run, model):
    started = []
    with scripted_judge(constant()) as judge:
        judge.heard = once(lambda: n_lines(tmp_path) >= 4, lambda: started[0].send_signal(signal.SIGKILL))
        spec = write_judged_spec(tmp_path, judge_at(judge), external("m", model.base_url))
        started.append(start_bench("run", spec, folder=tmp_path))
        started[0].communicate(timeout=200)
        assert started[0].returncode == -signal.SIGKILL
        before = n_lines(tmp_path)
        assert 4 <= before < 12
        answered, asked = len(model.log), len(judge.log)
        run("run", spec, "--resume")
        again = [seen for seen in judge.log[asked:] if seen.answers and seen.answers[0] == RIGHT and seen.form == "yes_no"]
    layout = latest(tmp_path)
    assert len(model.log) == answered
    assert len(lines(layout)) == 12
    assert len(again) <= 3 * (12 - before)  # neither the probes nor what was graded is asked again
    assert read_judge(layout, "local").counts == {"graded": 12}
    assert read_judge(layout, "local").questions == 36


def n_lines(folder):
    return sum(path.read_bytes().count(b"\n") for path in folder.glob("runs/*/*/grades/local.jsonl"))


def test_an_interrupt_keeps_what_was_graded(tmp_path, run, model):
    with scripted_judge(constant()) as judge:
        judge.heard = once(lambda: n_lines(tmp_path) >= 2, interrupt)
        spec = write_judged_spec(tmp_path, judge_at(judge), external("m", model.base_url))
        run("run", spec, code=130)
        assert 2 <= n_lines(tmp_path) < 12
        assert latest(tmp_path).report("report.md").exists()
        run("run", spec, "--resume")
    assert len(lines(latest(tmp_path))) == 12


def test_an_interrupt_before_it_is_known_who_grades_takes_back_nothing(tmp_path, run, model):
    with scripted_judge(KNOWING) as judge:
        run("run", write_judged_spec(tmp_path, judge_at(judge), external("m", model.base_url)))
        before, asked = read_judge(latest(tmp_path), "local"), len(judge.log)
        judge.heard = once(lambda: len(judge.log) == asked + 3, interrupt)
        run("judge", code=130)
    after = read_judge(latest(tmp_path), "local")
    assert (after.may_count, after.counts, after.qualification) == (True, {"graded": 12}, before.qualification)
    assert after.work[0].requests in {before.work[0].requests + 2, before.work[0].requests + 3}  # the third one was called off, or not
    assert mean(latest(tmp_path), "judged") is not None


def test_what_was_asked_before_an_interrupt_among_the_probes_is_part_of_the_cost(tmp_path, run, model):
    with scripted_judge(KNOWING) as judge:
        judge.heard = once(lambda: len(judge.log) == 60, interrupt)
        spec = write_judged_spec(tmp_path, judge_at(judge, f", cost: {PRICES}"), external("m", model.base_url))
        run("run", spec, code=130)
        (first,) = read_judge(latest(tmp_path), "local").work
        assert 50 <= first.requests <= 60
        stopped = len(judge.log)
        run("judge")
        record = read_judge(latest(tmp_path), "local")
        assert record.counts == {"graded": 12}
        assert record.work[0].requests == first.requests + len(judge.log) - stopped
    (judged,) = read_summary(latest(tmp_path)).judge_costs
    assert judged.cost.amount == pytest.approx((record.work[0].prompt_tokens + 2 * record.work[0].completion_tokens) / 1000)


def test_a_limit_of_time_holds_for_the_judge_too(tmp_path, run, model):
    with scripted_judge(constant()) as judge:
        spec = write_judged_spec(tmp_path, judge_at(judge), external("m", model.base_url), more="warmup: 0\nlimits: {duration: 300 s}")
        judge.heard = once(lambda: len(judge.log) == 5, interrupt)
        run("run", spec, code=130)  # all is measured, and nothing judged
        resolved = latest(tmp_path).resolved
        resolved.write_text(resolved.read_text(encoding="utf-8").replace("300", "0.5"), encoding="utf-8")
        judge.heard = lambda _seen: None
        judge.set(delay_s=1.0)
        shown = run("judge", code=6)
    assert "limits.duration of 0.5 s is over" in shown.stderr
    assert mean(latest(tmp_path), "quality") == 1.0
    assert not read_judge(latest(tmp_path), "local").counts


def test_a_slip_in_a_name_is_no_judge_of_the_run(tmp_path, run, model):
    with scripted_judge(constant()) as judge:
        run("run", write_judged_spec(tmp_path, judge_at(judge), external("m", model.base_url), n=3))
        for words, told in (
            (("--use", "locale"), "--use locale: there is no such judge"),
            (("--use", "../../local"), "--use ../../local: there is no such judge"),
            (("--method", "scores"), "--method scores: there is no such method"),
        ):
            assert told in run("judge", *words, code=2).stderr
    assert [record.grader_id for record in read_judges(latest(tmp_path))] == ["local"]


def test_several_graders_stand_side_by_side(tmp_path, run, model):
    with scripted_judge(constant()) as judge:
        run("run", write_judged_spec(tmp_path, judge_at(judge), external("m", model.base_url), n=3))
        n = len(model.log)
        run("judge", "--method", "score")
        run("judge", "--method", "verdict")
    layout = latest(tmp_path)
    assert len(model.log) == n
    assert [record.grader_id for record in read_judges(layout)] == ["local", "local-score", "local-verdict"]
    assert [record.ran for record in read_judges(layout)] == [("logprobs",), ("logprobs",), ("verdict",)]
    assert all(len(lines(layout, name)) == 3 for name in ("checks", "local", "local-score", "local-verdict"))
    assert validated(layout.folder)["judge"] == 3


def test_another_rubric_grades_an_old_run_anew(tmp_path, run, model):
    with scripted_judge(constant()) as judge:
        spec = write_judged_spec(tmp_path, judge_at(judge), external("m", model.base_url), n=3)
        run("run", spec)
        first = lines(latest(tmp_path))
        text = spec.read_text(encoding="utf-8").replace('"id": "sold"', '"id": "resold"').replace("{max_words: 50}", "{max_words: 1}")
        spec.with_name("later.yaml").write_text(text, encoding="utf-8")
        n = len(model.log)
        run("judge", "--spec", "later.yaml")
        layout = latest(tmp_path)
        assert len(model.log) == n
        second = lines(layout)
        assert first.keys() == second.keys()
        assert {grade.aspects[-1].aspect_id for grade in second.values()} == {"resold"}
        assert mean(layout, "checks_met") == 0.0
        shown = run("report", "--show")  # also later the run is told by what it was graded by last
        assert mean(layout, "checks_met") == 0.0, shown.stdout
        spec.with_name("strange.yaml").write_text(text.replace("What is new in", "What is old in"), encoding="utf-8")
        shown = run("judge", "--spec", "strange.yaml", code=2)
    assert "no prompt of this spec is one of the run's" in shown.stderr


def test_a_judge_that_turns_out_to_be_a_measured_model_is_refused(tmp_path, run):
    with scripted_judge(constant()) as judge:
        entry = judge_at(judge)
        spec = write_judged_spec(tmp_path, entry, external("m", judge.base_url + "/", model="judge"), n=2)
        shown = run("run", spec, code=8)
        assert "would grade its own answers: it is the model m" in shown.stderr
        spec.write_text(spec.read_text(encoding="utf-8").replace("{use: local}", "{use: local, allow_self: true}"), encoding="utf-8")
        run("run", spec)
    assert read_judge(latest(tmp_path), "local").judges_itself == ("m",)


def test_pairs_are_compared_in_both_orders(tmp_path, run, model):
    with scripted_judge(KNOWING) as judge, mock_llm(text="I like trains.", n=1) as other:
        models = (external("m", model.base_url), external("o", other.base_url))
        run("run", write_judged_spec(tmp_path, judge_at(judge), *models, judging=", method: pairwise"))
    layout = latest(tmp_path)
    pairs = list(read_pairs(layout))
    assert len(pairs) == 12
    assert {pair.grader_id for pair in pairs} == {"local-pairwise"}
    assert [pair.preferred for pair in pairs].count("first") == 1
    assert read_judge(layout, "local-pairwise").counts == {"graded": 12}
    assert validated(layout.folder)["pair"] == 12


def test_a_member_of_a_panel_that_does_not_qualify_has_no_word(tmp_path, run, model):
    with scripted_judge(KNOWING) as judge, scripted_judge(coin()) as other:
        entries = f"  local: {judge_at(judge)}\n  coin: {judge_at(other)}"
        shown = run("run", write_judged_spec(tmp_path, entries, external("m", model.base_url), judging=", method: panel, members: [coin]"))
    record = read_judge(latest(tmp_path), "local-panel")
    assert (record.qualification.verdict, record.ran) == ("qualified", ("panel",))
    assert "judge coin: unqualified, so it has no word in the panel" in shown.stderr


def test_wrong_settings_of_a_judge_are_told_before_anything_is_measured(tmp_path, run, model):
    (tmp_path / "mine.j2").write_text("<user>\nNothing to see here.\n", encoding="utf-8")
    with scripted_judge() as judge:
        judging = ", templates: {aspects: mine.j2}"
        shown = run("run", write_judged_spec(tmp_path, judge_at(judge), external("m", model.base_url), judging=judging), code=8)
        assert judge.log == []
    assert "does not show" in shown.stderr
    assert model.log == []


def test_templates_of_ones_own_are_kept_in_the_run(tmp_path, run, model):
    text = '{% extends "answer" %}\n{% block question %}\nIn your own mind: {{ statement }}\nReply with one word: Yes or No.\n{% endblock %}\n'
    (tmp_path / "mine.j2").write_text(text, encoding="utf-8")
    with scripted_judge(constant()) as judge:
        spec = write_judged_spec(tmp_path, judge_at(judge), external("m", model.base_url), n=2, judging=", templates: {aspects: mine.j2}")
        run("run", spec)
        (tmp_path / "mine.j2").unlink()
        first = read_judge(latest(tmp_path), "local")
        run("judge")
        assert any("In your own mind" in str(seen.body) for seen in judge.log)
    assert read_judge(latest(tmp_path), "local").grader_digest == first.grader_digest


def test_a_judge_spends_no_more_than_the_limit_and_goes_on_with_as_much_again(tmp_path, run, model):
    with scripted_judge(KNOWING) as judge:
        spec = write_judged_spec(
            tmp_path, judge_at(judge, f", cost: {PRICES}"), external("m", model.base_url), more="warmup: 0\nlimits: {cost: 5 EUR}"
        )
        shown = run("run", spec, code=6)
        record, asked = read_judge(latest(tmp_path), "local"), len(judge.log)
        assert "the stop rule limits.cost ended the run" in shown.stderr
        assert "limits.cost is 5 EUR" in record.notes[-1]
        assert 5.0 <= record.work[0].prompt_tokens / 1000 + 2 * record.work[0].completion_tokens / 1000 < 6.0
        assert not record.counts  # it had been asked about probes only
        run("judge", "latest", code=6)
        assert len(judge.log) > asked
        requests = read_judge(latest(tmp_path), "local").work[0].requests  # of both sessions, but those called off
        assert len(judge.log) - 2 <= requests <= len(judge.log)


def test_a_judge_that_refuses_a_system_turn_judges_all_the_same(tmp_path, run, model):
    with scripted_judge(KNOWING, refuses_system=400) as judge:
        run("run", write_judged_spec(tmp_path, judge_at(judge), external("m", model.base_url), n=6))
    record = read_judge(latest(tmp_path), "local")
    assert (record.state, record.counts, record.capabilities.system_role) == ("served", {"graded": 6}, False)
    kept = [each for line in read_questions(latest(tmp_path), "local") for each in unfolded(line)]
    assert {message.role for each in kept for message in each.question.messages} == {"user"}


def test_weights_in_a_file_are_found_where_the_run_found_them(tmp_path, run, model):
    (tmp_path / "judge.gguf").write_bytes(b"no model at all")
    spec = write_judged_spec(tmp_path, "{runtime: llama.cpp, weights: 'file:judge.gguf'}", external("m", model.base_url), n=3)
    assert bench("run", spec, folder=tmp_path).returncode == 8
    assert "does not exist" not in (reason := read_judge(latest(tmp_path), "local").reason)
    run("judge", "latest", code=8)
    assert read_judge(latest(tmp_path), "local").reason == reason
    spec.rename(tmp_path / "moved.yaml")
    shown = run("judge", "latest", code=8)
    assert "does not exist" in read_judge(latest(tmp_path), "local").reason
    assert "name it, `bench judge RUN --spec FILE`" in shown.stderr + shown.stdout
