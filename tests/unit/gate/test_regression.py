"""Gates against a baseline: one run of a made-up model, and baselines of it whose numbers are planted."""

import pytest
from harness.fake_bench import fake_registry
from harness.planted import planted_run
from msgspec.structs import replace

from bench.comparing import stand
from bench.errors import RunFolderError
from bench.gating import Again, gated, gated_again
from bench.grading import graded_by
from bench.records.spec import GateSpec
from bench.records.telemetry import Contention, MachineUse
from bench.spec.load import load_spec
from bench.store.baselines import write_baseline
from bench.store.reader import read_manifest, read_summary

REGISTRY = fake_registry()


@pytest.fixture(scope="module")
def layout(tmp_path_factory):
    return planted_run(tmp_path_factory.mktemp("planted"))


@pytest.fixture(scope="module")
def standing(layout):
    return stand(layout, REGISTRY, ("latency", "decode_tps", "quality", "ttft", "error_rate")).side.run


def answered(run, change):
    """The baseline with every answer of its model changed; `change` gets the answer's number, too."""
    (model,) = run.models
    return replace(run, models=(replace(model, answers=tuple(change(number, one) for number, one in enumerate(model.answers))),))


def scaled(run, metric, factor, spread=0.01):
    """The baseline in which each prompt's value was so many times today's, give or take a little."""

    def change(number, one):
        value, n = one.values[metric]
        return replace(one, values=one.values | {metric: (value * factor * (1 + spread * (number % 3 - 1)), n)})

    return answered(run, change)


def held(layout, base, tmp_path, *gates):
    path = tmp_path / "base.json"
    write_baseline(path, base)
    spec = graded_by(layout, REGISTRY, load_spec(layout.resolved, extensions=REGISTRY, environ={}).spec)
    return gated_again(layout, REGISTRY, Again(replace(spec, gates=gates), read_summary(layout), (), str(path)))


def gate(metric, most=0.1, **more):
    return GateSpec(metric=metric, baseline="b", max_regression=most, **more)


@pytest.mark.parametrize("metric", ["latency", "ttft", "decode_tps"])
@pytest.mark.parametrize("planted", [(1.5, "fail"), (1.0, "pass"), (0.5, "pass"), (1.1, "undecided")], ids=str)
def test_times_and_speeds_regress_as_a_share_of_the_baseline(layout, standing, tmp_path, metric, planted):
    times_worse, outcome = planted
    factor = times_worse if metric == "decode_tps" else 1 / times_worse
    (found,) = held(layout, scaled(standing, metric, factor), tmp_path, gate(metric))
    expected = 1 - 1 / times_worse if metric == "decode_tps" else times_worse - 1
    if times_worse == 1.1 and metric == "decode_tps":
        outcome = "pass"  # 10 % more before is 9 % less now
    assert (found.outcome, found.baseline, found.most) == (outcome, str(tmp_path / "base.json"), 0.1)
    assert found.value == pytest.approx(expected, abs=0.01)
    assert found.low <= found.value <= found.high
    assert found.n == 12


def test_a_run_in_few_numbers_keeps_what_contended_for_the_machine(layout):
    cpu, swap = (
        Contention(kind=kind, value=0.6, limit=0.1, unit="share", text=kind, spoils=spoils)
        for kind, spoils in (("cpu", ("latency", "energy_j")), ("swap", ("latency", "rss_peak_bytes")))
    )
    busy = MachineUse(model_id="m", variant_ids=("default",), window_s=9.0, read_s=9.0, cores=2, contention=(cpu, swap))
    (model,) = stand(layout, REGISTRY, summary=replace(read_summary(layout), machine=(busy,))).side.run.models
    assert model.contention == {"times": "cpu; swap", "energy": "cpu", "memory": "swap"}
    heat = Contention(kind="heat", value=3, limit=1, unit="times", text="heat", spoils=("latency",))
    (model,) = stand(layout, REGISTRY, summary=replace(read_summary(layout), machine=(replace(busy, contention=(cpu, heat)),))).side.run.models
    assert model.contention == {"times": "cpu; heat"}  # what slows the clocks may make an answer's energy less


def quiet(layout):
    """The run's summary, as of a machine and a client that had nothing else to do, whatever this one has."""
    return replace(read_summary(layout), machine=(), client_saturated=False, limited_by=None)


def held_as(layout, base, path, given):
    """A gate on TTFT against a baseline, of a run with such a summary: outcome, cause and reason."""
    wanted, summary = given
    write_baseline(path, base)
    spec = graded_by(layout, REGISTRY, load_spec(layout.resolved, extensions=REGISTRY, environ={}).spec)
    (found,) = gated_again(layout, REGISTRY, Again(replace(spec, gates=(wanted,)), summary, (), str(path)))
    return found.outcome, found.cause, found.reason.partition(": ")[2]


OTHERS = Contention(kind="cpu", value=0.6, limit=0.1, unit="share", text="others took 60 %", spoils=("latency", "energy_j"))
BUSY = MachineUse(model_id="m", variant_ids=("default",), window_s=9.0, read_s=9.0, cores=2, contention=(OTHERS,))
SLOWER, FASTER = 1 / 1.5, 1.5  # what the baseline was, of what this run is


@pytest.mark.parametrize("by", ["contention", "client"])
def test_what_was_there_when_the_baseline_was_measured_leaves_a_pass_open_and_a_breach_proven(layout, standing, tmp_path, by):
    def told(factor, **more):
        base = scaled(standing, "ttft", factor)
        (model,) = base.models
        base = replace(base, client_saturated=True) if by == "client" else replace(base, models=(replace(model, contention={"times": "others"}),))
        return held_as(layout, base, tmp_path / "base.json", (gate("ttft", **more), quiet(layout)))

    name = {"contention": "other work on the machine", "client": "a client that could not keep up"}[by]
    assert told(SLOWER)[:2] == ("fail", "bound")
    why = f"{name} in the baseline's run may make this one look better than it is: no proof that it holds"
    assert told(FASTER) == ("undecided", by, why)
    assert told(1 / 1.1)[:2] == ("undecided", "noise")
    assert told(1 / 1.1, on_noise="pass")[:2] == ("pass", "noise")  # which asks for no proof but of a breach
    proven = told(FASTER, on_noise="pass")
    assert proven[:2] == ("pass", "bound")  # so what is better than that is not worse off
    assert proven[2].endswith(f"{why} (`on_noise: pass` asks for no proof of that)")
    assert told(FASTER, on_noise="value")[:2] == ("undecided", by)


@pytest.mark.parametrize("by", ["contention", "client"])
def test_what_is_there_in_this_run_leaves_a_breach_open_and_a_pass_proven(layout, standing, tmp_path, by):
    summary = replace(quiet(layout), client_saturated=True) if by == "client" else replace(quiet(layout), machine=(BUSY,))

    def told(factor):
        return held_as(layout, scaled(standing, "ttft", factor), tmp_path / "base.json", (gate("ttft"), summary))

    assert told(FASTER)[:2] == ("pass", "bound")
    why = {
        "contention": "others took 60 % while this was measured, which may be why: no proof of a breach",
        "client": "the client was saturated: its own delay is part of this number, so it proves no breach",
    }[by]
    assert told(SLOWER) == ("undecided", by, why)


def test_other_work_in_both_runs_decides_nothing(layout, standing, tmp_path):
    for factor in (SLOWER, FASTER):
        base = scaled(standing, "ttft", factor)
        base = replace(base, models=(replace(base.models[0], contention={"times": "others"}),))
        found = held_as(layout, base, tmp_path / "base.json", (gate("ttft"), replace(quiet(layout), machine=(BUSY,))))
        assert found == ("undecided", "baseline", "other work on the machine (others → others took 60 %)")


def test_other_work_beside_another_model_says_nothing_of_this_one(layout, standing, tmp_path):
    base = scaled(standing, "ttft", FASTER)
    other = replace(base.models[0], model_id="other", contention={"times": "others"})
    base = replace(base, models=(*base.models, other))
    assert held_as(layout, base, tmp_path / "base.json", (gate("ttft"), quiet(layout)))[:2] == ("pass", "bound")


def test_a_baseline_that_was_driven_out_of_memory_seems_small_and_proves_no_growth(layout, standing, tmp_path):
    (model,) = standing.models
    for size, outcome in ((100e6, "undecided"), (900e6, "pass")):
        base = replace(standing, models=(replace(model, facts={"rss_peak_bytes": size}, contention={"memory": "3 MB went to swap"}),))
        assert held_as(layout, base, tmp_path / "base.json", (gate("rss_bytes"), quiet(layout)))[0] == outcome


def test_a_score_regresses_in_points(layout, standing, tmp_path):
    def better_before(_, one):
        return replace(one, values=one.values | {"quality": (min(1.0, one.values["quality"][0] + 0.2), one.values["quality"][1])})

    def worse_now(_, one):
        return replace(one, values=one.values | {"quality": (0.5, 3)})

    quality = {each.values["quality"][0] for each in standing.models[0].answers}
    assert quality == {1.0}
    (better,) = held(layout, answered(standing, worse_now), tmp_path, gate("quality"))
    assert (better.outcome, better.value) == ("pass", -0.5)
    (same,) = held(layout, answered(standing, better_before), tmp_path, gate("score"))
    assert (same.outcome, same.value, same.low, same.high) == ("pass", 0.0, 0.0, 0.0)


def test_an_aspect_regresses_in_points_prompt_by_prompt(layout, standing, tmp_path):
    wanted = gate("aspect", aspect="begins")
    (same,) = held(layout, standing, tmp_path, wanted)
    assert (same.outcome, same.value, same.n, same.name) == ("pass", 0.0, 36, "aspect begins worse by ≤ 10 points")
    (better,) = held(layout, answered(standing, lambda _, one: replace(one, aspects={"begins": (0, 3)})), tmp_path, wanted)
    assert (better.outcome, better.value) == ("pass", -1.0)
    assert better.reason.startswith("0 % → 100 %, better by 100 points over 12 prompts")
    other = replace(standing, prompts={name: replace(one, aspects={"begins": "other"}) for name, one in standing.prompts.items()})
    (unlike,) = held(layout, other, tmp_path, wanted)
    assert (unlike.outcome, unlike.cause) == ("undecided", "baseline")
    assert "graded alike" in unlike.reason


def test_another_timeout_leaves_the_error_rate_undecided_and_times_where_nothing_failed_as_they_are(layout, standing, tmp_path):
    other = replace(standing, circumstances=standing.circumstances | {"timeout": "9 s"})
    errors, times = held(layout, other, tmp_path, gate("error_rate"), gate("latency", 0.5))
    assert (errors.outcome, errors.cause, times.outcome) == ("undecided", "baseline", "pass")
    assert "timeout (9 s → 60 s)" in errors.reason
    assert [one.outcome for one in held(layout, standing, tmp_path, gate("error_rate"))] == ["pass"]


def test_a_lost_aspect_fails_also_with_a_single_prompt(tmp_path):
    layout = planted_run(tmp_path, prompts=1, rounds=20, check="contains: beta")
    now = stand(layout, REGISTRY).side.run
    assert now.models[0].answers[0].aspects == {"begins": (0, 20)}
    before = answered(now, lambda _, one: replace(one, aspects={"begins": (20, 20)}))
    (lost,) = held(layout, before, tmp_path, gate("aspect", aspect="begins"))
    assert (lost.outcome, lost.value) == ("fail", 1.0)
    assert " points: " in lost.reason
    assert 0.7 < lost.low < lost.high <= 1.3


def test_sizes_are_readings_and_a_load_time_is_none(layout, standing, tmp_path):
    (model,) = standing.models
    small = replace(standing, models=(replace(model, facts={"rss_peak_bytes": model.facts["rss_peak_bytes"] / 1.2, "load_s": 0.1}),))
    memory, load = held(layout, small, tmp_path, gate("rss_bytes"), gate("load_s"))
    assert (memory.outcome, memory.is_reading) == ("fail", True)
    assert memory.value == pytest.approx(0.2, abs=1e-4)
    assert (load.outcome, load.cause) == ("undecided", "too_few")


def test_a_percentile_takes_both_intervals(layout, standing, tmp_path):
    (model,) = standing.models
    levels = [each for each in model.levels if (each.metric, each.statistic) != ("latency", "mean")]
    (mine,) = [each for each in model.levels if (each.metric, each.statistic) == ("latency", "mean")]
    fast = replace(mine, value=mine.value / 3, low=mine.low / 3, high=mine.high / 3)
    before = replace(standing, models=(replace(model, levels=(*levels, fast)),))
    (found,) = held(layout, before, tmp_path, gate("latency", at="mean"))
    assert found.value == pytest.approx(2.0, abs=1e-3)
    assert found.outcome == "fail"
    (absent,) = held(layout, before, tmp_path, gate("latency", at="p90"))
    assert (absent.cause, absent.reason) == ("baseline", "not both have the p90 of it")


def test_another_machine_decides_no_speed_but_scores(layout, standing, tmp_path):
    elsewhere = replace(standing, machine=replace(standing.machine, cpu="another CPU"))
    speed, memory, quality, disk = held(layout, elsewhere, tmp_path, gate("latency"), gate("rss_bytes"), gate("quality"), gate("disk_bytes"))
    assert [one.cause for one in (speed, memory)] == ["baseline", "baseline"]
    assert "machine: cpu (another CPU → " in speed.reason
    assert [one.outcome for one in (quality, disk)] == ["pass", "pass"]


def test_a_baseline_of_other_prompts_or_none_is_undecided_with_the_reason(layout, standing, tmp_path):
    asked = answered(standing, lambda _, one: replace(one, request="0" * 16))
    (other,) = held(layout, asked, tmp_path, gate("latency"))
    assert (other.outcome, other.cause) == ("undecided", "baseline")
    assert "cannot be compared with: no prompt was asked in the same words by both" in other.reason
    (model,) = standing.models
    (missing,) = held(layout, replace(standing, models=(model, replace(model, model_id="n"))), tmp_path, gate("latency", model="m"))
    assert missing.outcome == "pass"
    spec = graded_by(layout, REGISTRY, load_spec(layout.resolved, extensions=REGISTRY, environ={}).spec)
    named = replace(spec, gates=(replace(gate("latency"), baseline=str(tmp_path / "none.json")),))
    (nothing,) = gated_again(layout, REGISTRY, Again(named, read_summary(layout)))
    assert nothing.reason.startswith(f"there is no baseline {tmp_path / 'none.json'}: cannot read the baseline")
    with pytest.raises(RunFolderError, match="cannot read the baseline"):  # typed just now, and a slip
        gated_again(layout, REGISTRY, Again(named, read_summary(layout), baseline=str(tmp_path / "nobody.json")))


def test_what_a_baseline_does_not_hold_is_said(layout, standing, tmp_path):
    (found,) = held(layout, standing, tmp_path, gate("goodput"))
    assert (found.outcome, found.reason) == ("undecided", "not both have this figure")


def test_a_run_can_be_the_baseline_and_what_it_was_held_against_is_kept(tmp_path):
    first = planted_run(tmp_path)
    gates = f"gates:\n  - {{metric: quality, baseline: {first.folder.name}, max_regression: 5 %}}"
    second = planted_run(tmp_path, more=gates)
    (found,) = read_summary(second).gates
    assert (found.outcome, found.value, found.position.line) == ("pass", 0.0, found.position.line)
    (kept,) = second.baselines.iterdir()
    assert kept.name == f"{first.folder.name}.json"
    first.manifest.unlink()  # the run is gone
    spec = graded_by(second, REGISTRY, load_spec(second.resolved, extensions=REGISTRY, environ={}).spec)
    (again,) = gated_again(second, REGISTRY, Again(spec, read_summary(second)))
    assert again == replace(found, position=None)


def test_a_client_that_was_late_just_now_counts_before_the_folder_says_so(tmp_path):
    first = planted_run(tmp_path)
    second = planted_run(tmp_path, more=f"gates:\n  - {{metric: tpot, baseline: {first.folder.name}, max_regression: 50 %}}")
    spec = graded_by(second, REGISTRY, load_spec(second.resolved, extensions=REGISTRY, environ={}).spec)

    def outcome(*, is_late):
        seen = gated(second, REGISTRY, read_manifest(second), spec, replace(read_summary(second), client_saturated=is_late))
        return seen.gates[0].outcome, seen.gates[0].reason

    assert outcome(is_late=False)[0] == "pass"
    assert outcome(is_late=True) == ("undecided", "it was measured otherwise: client (kept up → could not keep up)")


def test_a_late_client_is_no_part_of_a_servers_memory(layout, standing, tmp_path):
    (model,) = standing.models
    base = replace(standing, client_saturated=True, models=(replace(model, facts={"rss_peak_bytes": 1e9}),))
    (found,) = held(layout, base, tmp_path, gate("rss_bytes"))
    assert (found.outcome, found.is_reading) == ("pass", True)
    (found,) = held(layout, replace(base, machine=replace(base.machine, cpu="another")), tmp_path, gate("rss_bytes"))
    assert found.reason.startswith("it was measured otherwise: machine: cpu")


@pytest.mark.parametrize(("size", "outcome"), [(1.1e9, "pass"), (1.1001e9, "fail"), (0.9e9, "pass")])
def test_what_is_as_much_worse_as_is_allowed_is_no_breach(layout, standing, tmp_path, size, outcome):
    (model,) = standing.models
    base = replace(standing, models=(replace(model, facts={"rss_peak_bytes": standing.models[0].facts["rss_peak_bytes"] / (size / 1e9)}),))
    found = held_as(layout, base, tmp_path / "base.json", (gate("rss_bytes"), quiet(layout)))
    assert found[0] == outcome
