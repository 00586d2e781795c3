import random

import msgspec
import pytest
from harness.report_run import QWEN_REASON, manifest, observations, spec, summary, view

from bench.records.comparison import Contender, ModelComparison
from bench.records.estimate import Counts, Estimate, Group
from bench.records.spec import Load, Slo, Variant
from bench.report.markdown import Markdown
from bench.report.provenance import command
from bench.report.view import build_view


def build(*, of=None, said=None, wanted=None, seen=None):
    return build_view(
        manifest=said or manifest(),
        summary=of or summary(),
        spec=wanted or spec(),
        resolved={"bench": 1},
        observations=observations() if seen is None else seen,
    )


def replace(record, **fields):
    return msgspec.structs.replace(record, **fields)


def cautions(**given):
    return " ".join(build(**given).cautions)


def rows(shown, section, number=0):
    table = shown.section(section).tables[number]
    return [{column.title: cell.text for column, cell in zip(table.columns, row, strict=True)} for row in table.rows]


def test_the_order_of_observations_changes_nothing():
    seen = list(observations())
    random.Random(3).shuffle(seen)
    assert build(seen=seen) == build()


def test_headline_counts_models_and_trials_and_says_how_they_were_asked():
    assert view().headline[1] == (
        "2 of 4 models measured: 36 trials planned, 17 answered, 10 failed, 9 missing. "
        "3 prompts, 3 rounds, one request at a time; temperature 0, at most 150 output tokens, streamed."
    )
    busy = build(wanted=replace(spec(), load=Load(concurrency=8)))
    assert "8 requests in flight (closed loop)" in busy.headline[1]


def test_every_model_is_a_row_of_the_main_table_also_without_numbers():
    found = {row["Model"]: row for row in rows(view(), "results")}
    assert list(found) == ["smollm2-135m", "gemma-3-270m", "qwen2.5-0.5b", "office-server"]
    assert found["smollm2-135m"]["Answered"] == "8 of 9 (1 failed, 1 retried)"
    assert found["smollm2-135m"]["TTFT p95"] == "204 ms (n too small)"
    assert found["qwen2.5-0.5b"]["Latency p50"] == "no data"
    assert found["office-server"]["Latency p50"] == "failed"


def test_what_was_read_of_models_stands_apart_without_those_that_were_never_up():
    found = {row["Model"]: row for row in rows(view(), "results", 1)}
    assert list(found) == ["smollm2-135m", "gemma-3-270m"]
    assert found["smollm2-135m"]["Memory peak"] == "243 MB"
    assert found["gemma-3-270m"]["Cost per 1M output tokens"] == "0.041 EUR"


def test_why_a_model_has_no_numbers_stands_below_the_main_table():
    notes = view().section("results").tables[0].notes
    assert f"qwen2.5-0.5b: unavailable: {QWEN_REASON}." in notes
    assert any(note.startswith("office-server: failed: ") for note in notes)
    assert not any(note.startswith("smollm2-135m") for note in notes)


def test_cost_of_an_accepted_answer_says_how_many_there_were():
    run = next(cost for cost in summary().costs if (cost.model_id, cost.per) == ("smollm2-135m", "run"))
    good = replace(run, per="accepted_answer", amount=run.amount / 2)
    none = replace(run, model_id="gemma-3-270m", per="accepted_answer", amount=None)
    others = tuple(cost for cost in summary().costs if cost.per != "accepted_answer")
    found = {row["Model"]: row for row in rows(build(of=replace(summary(), costs=(*others, good, none))), "results", 1)}
    assert found["smollm2-135m"]["Cost per accepted answer"].endswith(" EUR (2 of 8 accepted)")
    assert found["gemma-3-270m"]["Cost per accepted answer"] == "– (none accepted)"


def test_goodput_says_what_is_good():
    group = Group(model_id="smollm2-135m", variant_id="default")
    rate = Estimate(
        metric="goodput", statistic="rate", unit="1/s", better="higher", group=group, value=0.25, low=0.1, high=0.4, n=9, clusters=3, method="t"
    )
    asked = replace(spec(), slo=Slo(ttft_s=3.0, tpot_s=0.05))
    notes = build(of=replace(summary(), estimates=(*summary().estimates, rate)), wanted=asked).section("results").tables[0].notes
    assert "Goodput: answers with TTFT ≤ 3 s and TPOT ≤ 50 ms, per second." in notes
    assert not any(note.startswith("Goodput") for note in view().section("results").tables[0].notes)


def test_a_prompt_asked_a_few_times_has_no_interval_of_its_own():
    group = Group(model_id="smollm2-135m", variant_id="default", prompt_id="standup")
    of_prompt = Estimate(
        metric="decode_tps", statistic="ratio", unit="tokens/s", better="higher", group=group, value=60, low=0, high=150, n=2, clusters=1, method="t"
    )
    others = tuple(found for found in summary().estimates if (found.metric, found.group) != ("decode_tps", group))
    for n, shown in ((2, "60 tokens/s"), (5, "60 tokens/s [0–150]")):
        found = rows(build(of=replace(summary(), estimates=(*others, replace(of_prompt, n=n)))), "prompts")
        assert next(row["Decode"] for row in found if (row["Prompt"], row["Model"]) == ("standup", "smollm2-135m")) == shown


def test_trials_are_called_missing_only_beside_others_of_their_model():
    found = {row["Model"]: row["Answered"] for row in rows(view(), "results")}
    assert found["qwen2.5-0.5b"] == "0 of 9"
    part = replace(summary().counts[1], completed=5, missing=4)
    found = {row["Model"]: row for row in rows(build(of=replace(summary(), counts=(summary().counts[0], part))), "results")}
    assert found["gemma-3-270m"]["Answered"] == "5 of 9 (4 missing)"


def test_a_run_that_measured_nothing_says_so_once_and_counts_what_it_planned():
    none = tuple(replace(count, completed=0, failed=0, retried=0, missing=9, failures={}) for count in summary().counts)
    lost = tuple(
        replace(status, state="unavailable", reason="gone", rss_loaded_bytes=None, rss_peak_bytes=None, disk_bytes=None, endpoint=None)
        for status in summary().models
    )
    of = replace(summary(), counts=none, models=lost, estimates=(), aspects=(), outliers=(), costs=())
    shown = build(of=of, said=replace(manifest(), status="failed"), seen=())
    assert "0 of 4 models measured" in shown.headline[1]
    assert "3 prompts, 3 rounds" in shown.headline[1]
    assert shown.cautions[0] == "Nothing could be measured; `bench run specs/summarizer.yaml --resume` tries again."
    assert len(shown.section("results").tables) == 1
    assert shown.section("outliers") is None


def test_an_interrupted_run_is_called_that():
    health = (replace(summary().health[0], stopped_by="interrupt"),)
    text = cautions(of=replace(summary(), health=health), said=replace(manifest(), status="interrupted"))
    assert "This run was interrupted; `bench run specs/summarizer.yaml --resume` continues it." in text


def test_highlights_name_a_best_only_where_intervals_are_apart():
    found = {row["Question"]: row for row in rows(view(), "highlights")}
    assert found["Fastest first token (TTFT p50)"]["Best"] == "smollm2-135m"
    assert found["Fastest whole answer (Latency p50)"]["Best"] == "not distinguishable: smollm2-135m, gemma-3-270m"
    assert found["Least memory (Memory peak)"]["How sure"] == "one reading each, no interval"


@pytest.mark.parametrize(
    ("drift", "p_holm", "verdict", "is_first"),
    [(1.73, 0.001, "cannot_tell", True), (1.73, 0.001, "cannot_tell", False), (1.1, 0.001, "better", True), (1.73, 0.3, "cannot_tell", True)],
)
def test_nobody_is_best_by_what_the_machines_drift_may_have_made(drift, p_holm, verdict, is_first):
    smollm, gemma = (Contender(model_id=name, variant_id="default") for name in ("smollm2-135m", "gemma-3-270m"))
    a, b = (smollm, gemma) if is_first else (gemma, smollm)
    one = ModelComparison(
        metric="ttft", unit="s", better="lower", a=a, b=b, effect="ratio", ratio=0.6, p_holm=p_holm, n_prompts=3, needed=6, verdict=verdict,
        is_apart=True, drift=drift,
    )  # fmt: skip
    shown = build(of=replace(summary(), comparisons=(one,)))
    found = next(row for row in rows(shown, "highlights") if row["Question"] == "Fastest first token (TTFT p50)")
    (column,) = (place for place, each in enumerate(shown.section("results").tables[0].columns) if each.title == "TTFT p50")
    is_bold = any(row[column].is_best for row in shown.section("results").tables[0].rows)
    is_hidden = verdict == "cannot_tell" and p_holm < 0.05
    assert is_bold is not is_hidden
    assert (found["Best"], found["How sure"]) == (
        ("not distinguishable: smollm2-135m, gemma-3-270m", "intervals apart, but within drift, × 1.73")
        if is_hidden
        else ("smollm2-135m", "clear: intervals apart")
    )


def test_one_measured_model_is_best_at_nothing():
    first = tuple(estimate for estimate in summary().estimates if estimate.group.model_id == "smollm2-135m")
    only = replace(summary(), estimates=first, counts=summary().counts[:1], models=summary().models[:1])
    assert build(of=only).section("highlights") is None


def test_points_without_intervals_are_not_ranked():
    points = tuple(replace(estimate, low=None, high=None, note="n too small") for estimate in summary().estimates)
    found = {row["Question"]: row for row in rows(build(of=replace(summary(), estimates=points)), "highlights")}
    assert found["Fastest first token (TTFT p50)"]["How sure"] == "n too small for an interval"
    assert found["Fastest first token (TTFT p50)"]["Best"].startswith("not distinguishable")


def test_status_of_every_model_has_its_reason_and_what_to_do():
    found = {row["Model"]: row for row in rows(view(), "models")}
    assert found["qwen2.5-0.5b"]["State"] == "unavailable"
    assert "hub.example" in found["qwen2.5-0.5b"]["Reason or remark"]
    assert "bench models pull" in found["qwen2.5-0.5b"]["What to do"]


def test_aspects_that_do_not_tell_models_apart_are_flagged():
    found = {row["Aspect"]: row for row in rows(view(), "checks")}
    assert [found["names-friday (required)"][name] for name in ("Prompts", "smollm2-135m", "gemma-3-270m", "Remark")] == [
        "3",
        "100 % (8/8)",
        "0 % (0/9)",
        "",
    ]
    assert found["short"]["Remark"] == "nobody meets it"
    assert "decision" not in found
    notes = view().section("checks").tables[0].notes
    assert "1 of 2 aspects tells nothing apart: every model always meets it, or none ever does." in notes
    assert notes[-1] == "3 expected aspects in words are not graded."


def test_aspects_that_a_judge_graded_stand_with_the_checks():
    graded = tuple(replace(one, graded=one.ungraded, ungraded=0, passed=one.ungraded) if one.kind == "expect" else one for one in summary().aspects)
    shown = build(of=replace(summary(), aspects=graded))
    assert shown.section("checks").title == "Expected aspects"
    found = {row["Aspect"]: row for row in rows(shown, "checks")}
    assert found["decision"]["Remark"] == "everybody meets it"
    assert "2 of 3 aspects tell nothing apart" in " ".join(shown.section("checks").tables[0].notes)


def test_with_one_model_no_aspect_is_blamed_for_telling_nothing_apart():
    alone = tuple(found for found in summary().aspects if found.group.model_id == "smollm2-135m")
    counts = tuple(found for found in summary().counts if found.model_id == "smollm2-135m")
    notes = build(of=replace(summary(), aspects=alone, counts=counts)).section("checks").tables[0].notes
    assert not any("apart" in note for note in notes)


def test_every_aspect_of_every_prompt_can_be_looked_up():
    found = {(row["Prompt"], row["Aspect"]): row["Remark"] for row in rows(view(), "checks-by-prompt")}
    assert found["standup", "short"] == "nobody meets it"
    assert found["standup", "names-friday (required)"] == ""
    met = tuple(replace(aspect, passed=aspect.graded) for aspect in summary().aspects)
    found = {(row["Prompt"], row["Aspect"]): row["Remark"] for row in rows(build(of=replace(summary(), aspects=met)), "checks-by-prompt")}
    assert found["standup", "short"] == "everybody meets it"
    assert found["standup", "decision"] == "not graded"


def test_aspects_in_words_that_nobody_graded_are_said():
    assert "need a judge" in cautions(wanted=replace(spec(), judge=None))


def test_decision_and_gates_stand_first_and_gates_that_did_not_pass_above_the_others():
    assert [section.id for section in view().sections[:2]] == ["selection", "gates"]
    found = rows(view(), "gates")
    assert [(row["Gate"], row["Model"], row["Outcome"]) for row in found] == [
        ("decode_tps ≥ 40 tokens/s", "gemma-3-270m", "FAILED"),
        ("aspect names-friday ≥ 90 %", "gemma-3-270m", "FAILED"),
        ("load_s ≤ 1 s", "gemma-3-270m", "FAILED"),
        ("ttft p95 ≤ 800 ms", "smollm2-135m", "undecided"),
        ("ttft p95 ≤ 800 ms", "gemma-3-270m", "undecided"),
        ("rss_bytes ≤ 300 MB", "smollm2-135m", "undecided"),
        ("score ≥ 0.2", "smollm2-135m", "undecided"),
        ("score ≥ 0.2", "gemma-3-270m", "undecided"),
        ("latency ≤ 5 s", "office-server", "undecided"),
        ("decode_tps ≥ 40 tokens/s", "smollm2-135m", "passed"),
        ("aspect names-friday ≥ 90 %", "smollm2-135m", "passed"),
    ]
    assert view().sections[1].text[0] == "11 gates: 3 failed, 6 undecided, 2 passed."


def test_what_ended_the_run_early_is_said_with_the_command_that_continues_it():
    stopped = replace(summary(), health=(replace(summary().health[0], stopped_by="max_error_rate"),))
    text = cautions(of=stopped, said=replace(manifest(), status="stopped"))
    assert "was stopped by max_error_rate; `bench run specs/summarizer.yaml --resume` continues it" in text


def test_a_quick_or_partial_run_says_so():
    text = cautions(said=replace(manifest(), quick=True, only=("models=a",), skip=("prompts=b",)))
    assert "--quick, --only models=a, --skip prompts=b, --set rounds=3" in text


def test_variants_are_named_where_there_are_several():
    variant = {"variant_id": "gpu"}
    counts = (*summary().counts, Counts(model_id="smollm2-135m", **variant, planned=9, completed=9, failed=0, missing=0, retried=0))
    extra = tuple(replace(e, group=replace(e.group, variant_id="gpu")) for e in summary().estimates if e.group.model_id == "smollm2-135m")
    both = replace(summary(), counts=counts, estimates=(*summary().estimates, *extra))
    shown = build(of=both, wanted=replace(spec(), variants=(Variant(id="default"), Variant(id="gpu"))))
    assert [row["Model"] for row in rows(shown, "results")][:2] == ["smollm2-135m · default", "smollm2-135m · gpu"]
    assert "in 2 variants" in shown.headline[1]


def test_a_run_without_anything_still_has_a_report():
    nothing = replace(summary(), estimates=(), aspects=(), outliers=(), costs=(), health=(), counts=(), models=(), notes=())
    shown = build(of=nothing, seen=())
    assert "0 of 0 models measured" in shown.headline[1]
    assert Markdown().render(shown, None).startswith("# summarizer 1.0.0\n")


def test_an_unknown_metric_is_in_the_details_under_its_own_name():
    group = Group(model_id="smollm2-135m", variant_id="default")
    own = Estimate(
        metric="politeness", statistic="mean", unit="points", better="higher", group=group, value=3.2, low=3.0, high=3.4, n=9, clusters=3, method="t"
    )
    found = rows(build(of=replace(summary(), estimates=(*summary().estimates, own))), "estimates")
    assert found[-1]["Metric"] == "politeness"
    assert found[-1]["Value"] == "3.20 points [3.00–3.40]"


def test_scores_stand_by_whose_word_they_are_only_where_a_judge_spoke():
    group = Group(model_id="smollm2-135m", variant_id="default")
    by_checks, judged = (
        Estimate(metric=name, statistic="mean", unit="score", better="higher", group=group, value=0.5, n=n, clusters=3, method="t")
        for name, n in (("checks_met", 9), ("judged", 9))
    )
    whole = summary()
    for judges, shown in (((replace(judged, n=0),), set()), ((judged,), {"By checks", "By the judge"})):
        view = build(of=replace(whole, estimates=(*whole.estimates, by_checks, *judges)))
        words = {row[0].value for row in view.definitions.rows}
        assert {row["Metric"] for row in rows(view, "estimates")} & {"By checks", "By the judge", "judged", "checks_met"} == shown
        assert words & {"By checks", "By the judge"} == shown


def test_long_tables_are_bounded_and_say_what_is_left_out():
    many = tuple(summary().outliers[0] for _ in range(250))
    table = build(of=replace(summary(), outliers=many)).section("outliers").tables[0]
    assert len(table.rows) == 200
    assert table.notes == ("50 more rows are in the CSV report.",)


def test_a_long_answer_is_cut_with_a_mark():
    answer = next(answer for answer in view().answers if answer.model_id == "gemma-3-270m" and answer.prompt_id == "standup")
    assert answer.is_cut
    assert len(answer.text) <= 1500


def test_the_command_to_reproduce_is_safe_to_paste():
    session = replace(manifest().sessions[0], command=("bench", "run", "/home/ada/a b; rm -rf x.yaml", "--set", "description=$(id)\n"))
    section = build(said=replace(manifest(), sessions=(session,))).section("reproduce")
    assert section.commands == ("bench run 'a b; rm -rf x.yaml' --set 'description=$(id)'",)


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("/home/ada/x.yaml", "x.yaml"),
        ("--runs=/home/ada/runs", "--runs=runs"),
        ("C:\\Users\\ada\\x.yaml", "x.yaml"),
        ("specs/x.yaml", "specs/x.yaml"),
        ("--set", "--set"),
    ],
)
def test_the_command_does_not_say_where_a_person_keeps_things(word, shown):
    session = replace(manifest().sessions[0], command=("bench", "run", word))
    assert command(replace(manifest(), sessions=(session,))) == ("bench", "run", shown)


def test_throughput_is_shown_where_several_requests_are_in_flight():
    assert "Throughput" not in rows(view(), "results")[0]
    assert rows(build(wanted=replace(spec(), load=Load(concurrency=8))), "results")[0]["Throughput"] == "49.2 tokens/s"


def test_prefixes_stand_side_by_side_and_are_left_out_where_none_was_warm():
    assert rows(view(), "prefix")[0] == {
        "Model": "smollm2-135m",
        "TTFT p50, cold": "160 ms [144–176]",
        "n cold": "4",
        "TTFT p50, warm": "90 ms [81–99]",
        "n warm": "4",
    }
    cold = tuple(found for found in summary().estimates if found.group.prefix != "warm")
    section = build(of=replace(summary(), estimates=cold)).section("prefix")
    assert section.tables == ()
    assert "No answer was given from a warm prefix" in section.text[0]


def test_a_doubt_that_the_summary_notes_already_say_is_said_once():
    assert "Only 3 prompts" in cautions()
    assert "Only 3 prompts" not in cautions(of=replace(summary(), notes=("Few prompts (3): …",)))


def test_how_dependable_a_model_is_stands_in_the_main_table_when_asked_for():
    group = Group(model_id="smollm2-135m", variant_id=summary().counts[0].variant_id)
    common = {"statistic": "share", "unit": "share", "better": "higher", "group": group, "n": 9, "clusters": 9, "method": "Wilson score"}
    more = tuple(
        Estimate(metric=metric, value=value, low=value - 0.1, high=value + 0.1, **common)
        for metric, value in (("pass@1", 0.5), ("pass@3", 0.75), ("pass^3", 0.25))
    )
    said = replace(summary(), estimates=(*summary().estimates, *more))
    shown = build(of=said, wanted=replace(spec(), report=replace(spec().report, pass_k=(1, 3))))
    found = next(row for row in rows(shown, "results") if row["Model"] == "smollm2-135m")
    assert [name for name in found if name.startswith("pass")] == ["pass@1", "pass@3", "pass^3"]
    assert found["pass^3"].startswith("25 %")
    assert "pass^3" in {row[0].text for row in shown.definitions.rows}
