"""Runs compared with each other and with baselines, by the command a user types."""

import json

import pytest
from harness.command import Here
from harness.planted import PROMPTS, another_machine, planted_run, restated
from harness.published import validator

SLOWER = "ttft_ms=44&itl_ms=8.8"
SILENT = "text=nothing"


@pytest.fixture
def bench(tmp_path, capsys, monkeypatch):
    return Here(tmp_path, capsys, monkeypatch)


def compared(bench, *words):
    """The comparison as JSON, which keeps to its published schema."""
    found = json.loads(bench("compare", *words, "--format", "json").stdout)
    validator("comparison").validate(found)
    return found


def verdicts(found, part="changes"):
    return {change["aspect_id"] if part == "aspects" else change["metric"]: change.get("verdict", "cannot_tell") for change in found.get(part, ())}


def test_slower_run_is_worse_in_what_reads_a_clock_and_the_same_in_all_else(tmp_path, bench):
    base, head = planted_run(tmp_path), planted_run(tmp_path, SLOWER)
    found = compared(bench, base.folder, head.folder)
    assert verdicts(found) == {"quality": "same", "error_rate": "same", "ttft": "worse", "latency": "worse", "decode_tps": "worse"}
    ttft = next(change for change in found["changes"] if change["metric"] == "ttft")
    assert ttft["ratio"] == pytest.approx(1.1, rel=1e-4)
    assert (ttft.get("wins", 0), ttft["losses"]) == (0, PROMPTS)
    assert found["aligned"] == PROMPTS
    backwards = compared(bench, head.folder, base.folder)
    assert verdicts(backwards)["ttft"] == verdicts(backwards)["decode_tps"] == "better"


def test_baseline_says_what_its_run_says(tmp_path, bench):
    base, head = planted_run(tmp_path), planted_run(tmp_path, SLOWER)
    bench("baseline", "store", base.folder)
    by_run, by_baseline = compared(bench, base.folder, head.folder), compared(bench, "baseline", head.folder)
    assert by_baseline["changes"] == by_run["changes"]
    assert by_baseline["base"]["kind"] == "baseline"
    shown = bench("compare", "baseline").stdout  # the latest run against the baseline of its spec
    assert "worse" in shown
    assert shown.rstrip().endswith("3 worse, 2 same")


def test_tolerance_decides_what_matters(tmp_path, bench):
    base, head = planted_run(tmp_path), planted_run(tmp_path, SLOWER)
    found = compared(bench, base.folder, head.folder, "--metrics", "ttft,latency", "--tolerance", "ttft=15%")
    assert verdicts(found) == {"ttft": "same", "latency": "worse"}
    error = bench("compare", base.folder, head.folder, "--tolerance", "speed=5%", code=2).stderr
    assert "'speed' is not compared" in error
    assert "no share from 0 to 1" in bench("compare", base.folder, head.folder, "--tolerance", "ttft=5x", code=2).stderr
    assert "there is no metric 'speed'" in bench("compare", base.folder, head.folder, "--metrics", "speed", code=2).stderr


def test_lost_aspect_is_found_and_its_answers_stand_side_by_side(tmp_path, bench):
    base, head = planted_run(tmp_path), planted_run(tmp_path, SILENT)
    found = compared(bench, base.folder, head.folder)
    assert verdicts(found)["quality"] == "worse"
    assert verdicts(found, "aspects") == {"begins": "worse"}
    assert found["moved"][0]["lost"] == ["begins (3/3 → 0/3)"]
    assert found["moved"][0]["base_answer"].startswith("alpha 0 gamma")
    assert found["moved"][0]["head_answer"] == "nothing"
    text = bench("compare", base.folder, head.folder).stdout
    assert "100 % → 0 %: lost begins (3/3 → 0/3)" in text
    assert any(line.startswith("alpha 0 gamma") and line.endswith("nothing") for line in text.splitlines())
    bench("baseline", "store", base.folder)
    assert "no answer at hand: a baseline keeps none" in bench("compare", "baseline", head.folder).stdout


def test_speed_on_another_machine_cannot_be_told_unless_asked(tmp_path, bench):
    base, head = planted_run(tmp_path), another_machine(planted_run(tmp_path, SLOWER), cpu="another CPU", cores=64)
    found = compared(bench, base.folder, head.folder)
    assert verdicts(found) == {"quality": "same", "error_rate": "same", "ttft": "cannot_tell", "latency": "cannot_tell", "decode_tps": "cannot_tell"}
    assert {change["reason"] for change in found["changes"] if change["metric"] == "ttft"} == {"other machines (cpu, cores)"}
    assert [(one["what"], one["head"]) for one in found["unlike"]] == [("machine: cpu", "another CPU"), ("machine: cores", "64")]
    asked = compared(bench, base.folder, head.folder, "--across-machines")
    assert verdicts(asked)["ttft"] == "worse"
    assert any("across machines, as asked" in note for note in asked["notes"])


def test_what_is_alike_only_in_part_is_narrowed_with_its_reason(tmp_path, bench):
    base = planted_run(tmp_path)
    head = planted_run(tmp_path, prompts=PROMPTS + 1, reworded=(0, 1))
    found = compared(bench, base.folder, head.folder)
    assert found["aligned"] == PROMPTS - 2
    assert found["narrowed"] == [
        {"what": "prompts", "count": 1, "of": PROMPTS + 1, "reason": "only in head", "examples": ["p12"]},
        {"what": "prompts", "count": 2, "of": PROMPTS + 1, "reason": "asked in other words or with other settings", "examples": ["p00", "p01"]},
    ]
    assert {change["n_prompts"] for change in found["changes"]} == {PROMPTS - 2}
    across = compared(bench, base.folder, head.folder, "--across-requests")
    assert across["aligned"] == PROMPTS
    assert [each["reason"] for each in across["narrowed"]] == ["only in head"]


def test_other_checks_leave_the_scores_out_and_the_times_in(tmp_path, bench):
    base, head = planted_run(tmp_path), planted_run(tmp_path, check="contains: gamma")
    found = compared(bench, base.folder, head.folder)
    assert sorted(verdicts(found)) == ["decode_tps", "error_rate", "latency", "ttft"]
    assert [(each["what"], each["count"]) for each in found["narrowed"]] == [("scores", PROMPTS), ("aspects", PROMPTS)]
    assert "graded by other aspects" in bench("compare", base.folder, head.folder).stdout


def test_other_load_forbids_verdicts_on_times(tmp_path, bench):
    base, head = planted_run(tmp_path), planted_run(tmp_path, more="load: {kind: closed, concurrency: 2}")
    found = compared(bench, base.folder, head.folder)
    assert verdicts(found)["ttft"] == "cannot_tell"
    assert [(one["what"], one["limits"]) for one in found["unlike"]] == [("load", "speed")]


def test_nothing_in_common_is_refused_with_the_reason(tmp_path, bench):
    base, head = planted_run(tmp_path), planted_run(tmp_path, reworded=range(PROMPTS))
    shown = bench("compare", base.folder, head.folder, code=7)
    assert "no prompt was asked in the same words by both: 12 of 12 asked in other words" in shown.stderr
    assert "--across-requests" in shown.stderr
    other = planted_run(tmp_path, more="variants: [{id: short, generation: {max_tokens: 8}}]")
    shown = bench("compare", base.folder, other.folder, code=7)
    assert "no model was asked in the same variant by both: m [default] in base and m [short] in head" in shown.stderr


def test_few_prompts_tell_nothing_and_say_how_many_would(tmp_path, bench):
    base, head = planted_run(tmp_path, prompts=4), planted_run(tmp_path, SLOWER, prompts=4)
    found = compared(bench, base.folder, head.folder)
    assert set(verdicts(found).values()) == {"cannot_tell"}
    assert {change["reason"] for change in found["changes"]} == {"too few prompts: 4 of 7"}


def test_markdown_is_one_comment_and_nothing_in_it_is_markup_of_an_answer(tmp_path, bench):
    base, head = planted_run(tmp_path), planted_run(tmp_path, "text=<img src=x> @team [a](http://b) ```")
    text = bench("compare", base.folder, head.folder, "--format", "markdown").stdout
    assert text.startswith("### bench compare: 2 worse, ")
    assert text.count("<details>") == text.count("</details>")
    block = text[text.index("**head**") :].split("\n\n")[1]
    assert block.startswith("````text\n<img src=x>")  # a fence that the answer cannot leave
    assert "<img" not in text.replace("<img src=x> @team [a](http://b) ```\n````", "")
    assert len(text) < 60_000
    bench("compare", base.folder, head.folder, "--format", "markdown", "--output", tmp_path / "comment.md")
    assert (tmp_path / "comment.md").read_text(encoding="utf-8") == text


def test_baseline_is_small_deterministic_and_keeps_to_its_schema(tmp_path, bench):
    run = planted_run(tmp_path)
    shown = bench("baseline", "store", run.folder)
    path = tmp_path / "baselines" / "planted.json"
    assert shown.stdout == "baselines/planted.json\n"
    content = path.read_bytes()
    validator("baseline").validate(json.loads(content))
    assert len(content) < 500 * PROMPTS + 5000
    assert b"alpha" not in content  # no prompt, no answer
    bench("baseline", "store", run.folder)  # again the same
    assert path.read_bytes() == content
    assert sum(line.strip().startswith('{"aspects"') for line in content.decode().splitlines()) == PROMPTS  # a prompt of a model is a line
    assert "planted.json  planted  1.0.0" in bench("baseline", "list").stdout
    assert "36 trials of 12 prompts, 0 failed" in bench("baseline", "show", "planted").stdout


def test_baseline_is_replaced_only_by_what_is_not_worse(tmp_path, bench):
    base, head = planted_run(tmp_path), planted_run(tmp_path, SLOWER)
    assert "to replace" in bench("baseline", "promote", base.folder, code=2).stderr
    bench("baseline", "store", base.folder)
    path = tmp_path / "baselines" / "planted.json"
    before = path.read_bytes()
    assert "promote RUN" in bench("baseline", "store", head.folder, code=2).stderr
    shown = bench("baseline", "promote", head.folder, code=2)
    assert "worse than the baseline (3 worse, 2 same): ttft of m" in shown.stderr
    assert path.read_bytes() == before
    bench("baseline", "promote", head.folder, "--accept-worse")
    assert path.read_bytes() != before
    assert "3 better, 2 same" in bench("baseline", "promote", base.folder).stdout.splitlines()
    assert path.read_bytes() == before
    bench("baseline", "store", head.folder, "--as", "laptop")
    assert sorted(each.name for each in path.parent.iterdir()) == ["planted.json", "planted.laptop.json"]


def test_figure_over_all_answers_that_has_become_worse_is_not_promoted(tmp_path, bench):
    base, head = planted_run(tmp_path), planted_run(tmp_path, SLOWER)
    bench("baseline", "store", base.folder)
    shown = bench("baseline", "promote", head.folder, "--metrics", "ttft:p50,output_tps", code=2)
    assert "worse than the baseline (2 worse): ttft:p50 of m, output_tps of m" in shown.stderr


def test_baseline_of_a_busy_machine_says_what_it_cannot_prove(tmp_path, bench):
    run = planted_run(tmp_path)
    summary = json.loads(run.summary.read_bytes())
    beside = {"kind": "cpu", "value": 0.6, "limit": 0.1, "unit": "share", "text": "others took 60 %", "spoils": ["latency"]}
    use = {"model_id": "m", "variant_ids": ["default"], "window_s": 9.0, "read_s": 9.0, "cores": 2, "contention": [beside]}
    run.summary.write_text(json.dumps(summary | {"machine": [use]}), encoding="utf-8")
    shown = bench("baseline", "store", run.folder)
    assert "while m (others took 60 %) was measured: a gate on what it may have spoilt can fail, not pass" in shown.stderr
    head = planted_run(tmp_path, SLOWER)
    found = compared(bench, "baseline", head.folder, "--metrics", "ttft")
    assert (verdicts(found)["ttft"], found["changes"][0]["reason"]) == ("worse", "despite other work on the machine in base")
    text = bench("compare", "baseline", head.folder, "--metrics", "ttft").stdout
    assert "unlike: other work on the machine of m [default]: others took 60 % → –; of times and speeds only “worse” is said" in " ".join(
        text.split()
    )


def test_run_that_was_killed_is_graded_and_said_to_be_unfinished(tmp_path, bench):
    base, head = planted_run(tmp_path), planted_run(tmp_path)
    head.grades_of("checks").unlink()
    restated(head, status="interrupted")
    found = compared(bench, base.folder, head.folder)
    assert verdicts(found)["quality"] == "same"
    assert "Head is interrupted: what it did not come to takes no part." in found["notes"]
    assert "is interrupted" in bench("baseline", "store", head.folder).stderr


def test_metric_without_a_value_for_each_prompt_says_so(tmp_path, bench):
    base, head = planted_run(tmp_path), planted_run(tmp_path)
    seen = bench("compare", base.folder, head.folder, "--metrics", "itl", code=7)
    assert "nothing that was to be compared is in both" in seen.stderr
    assert "No prompt has one value of itl on both sides that compare; itl:p50 is over all answers." in seen.stderr
    (found,) = compared(bench, base.folder, head.folder, "--metrics", "itl:p50")["levels"]
    assert (found["statistic"], found["ratio"]) == ("p50", 1.0)


WHOLE = "slo: {ttft: 43 ms}\ncost: {model: hourly, price_per_hour: 36 EUR}\n"


def test_figures_over_all_answers_are_compared_where_they_are_asked_for(tmp_path, bench):
    base, head = planted_run(tmp_path, more=WHOLE), planted_run(tmp_path, SLOWER, more=WHOLE)
    bench("baseline", "store", base.folder)
    asked = "ttft:p50,output_tps,request_rate,goodput,cost_per_request,rss_bytes"
    found = compared(bench, base.folder, head.folder, "--metrics", asked)
    assert verdicts(found, "levels") == {
        "ttft": "worse", "output_tps": "worse", "request_rate": "worse", "goodput": "worse", "cost_per_request": "worse", "rss_bytes": "same",
    }  # fmt: skip
    assert next(each for each in found["once"] if each["fact"] == "cost_per_request")["unit"] == "EUR"
    assert compared(bench, "baseline", head.folder, "--metrics", asked)["levels"] == found["levels"]
    shown = bench("compare", base.folder, head.folder, "--metrics", asked, "--format", "markdown").stdout
    assert "| TTFT p50 | m |" in shown
    assert "| Cost per request | m |" in shown
    assert "5 worse" in shown
    for word, said in (
        ("ttft:p33", "there is no statistic 'p33'"),
        ("quality:mean", "are compared prompt by prompt"),
        ("speed:p95", "no metric 'speed'"),
    ):
        assert said in bench("compare", base.folder, head.folder, "--metrics", word, code=2).stderr
    loose = bench("compare", base.folder, head.folder, "--metrics", "ttft:p50,cost_per_request", "--tolerance", "ttft:p50=20%,cost_per_request=20%")
    assert loose.stdout.rstrip().endswith("2 same")


def test_file_that_is_no_baseline_is_refused(tmp_path, bench):
    run = planted_run(tmp_path, prompts=1)
    (tmp_path / "not.json").write_text('{"baseline": 1}', encoding="utf-8")
    assert "is no baseline" in bench("compare", "not.json", run.folder, code=5).stderr
    assert "cannot read the baseline" in bench("compare", "baseline", run.folder, code=5).stderr
    (tmp_path / "later.json").write_text('{"baseline": 2}', encoding="utf-8")
    assert "is no baseline" in bench("compare", "later.json", run.folder, code=5).stderr


def test_title_of_a_folded_answer_is_html_where_no_backslash_stands(tmp_path, bench):
    base, head = planted_run(tmp_path), planted_run(tmp_path, SILENT)
    shown = bench("compare", base.folder, head.folder, "--format", "markdown").stdout
    titles = [line for line in shown.splitlines() if line.startswith("<details><summary>p")]
    assert titles
    assert all("m [default]: 100" in title and "\\" not in title for title in titles)
