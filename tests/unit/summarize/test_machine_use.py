"""The machine while a model was measured, and the energy of its answers, from lines and rows whose figures are known."""

import msgspec
import numpy as np
import pytest
from harness.summarized import plan_of

from bench.records.cost import CostBasis
from bench.records.sketch import observation
from bench.records.spec import ModelSpec
from bench.records.telemetry import (
    EnergyReading,
    GpuFacts,
    GpuReading,
    GpuUse,
    HostReading,
    Idle,
    MachineUse,
    ProcessReading,
    Slice,
    SourceLost,
    SourceState,
    TelemetryStart,
)
from bench.summarize.contention import TICK_S, contention, notes
from bench.summarize.energy import Declared, declared, energy
from bench.summarize.machine import machine_use
from bench.summarize.rows import read_rows
from bench.summarize.sessions import sessions, states
from bench.summarize.table import Cell

GPU = GpuFacts(id="nvidia:0", name="Made-up GPU", memory_bytes=24_000_000_000)
START = TelemetryStart(
    interval_s=0.5,
    cores=4,
    memory_bytes=16_000_000_000,
    clock_zero_ns=0,
    sources=(SourceState(name="host", state="read", detail="/proc"), SourceState(name="nvml", state="absent", detail="no NVIDIA GPU")),
    gpus=(GPU,),
)


def piece(n, watts=100.0, *, others_cores=0.0, key=("m", "treatment m default"), zones=("a",), width_s=0.5, is_known=True):
    """The n-th slice: a server that uses one core, a client a tenth of one."""
    host = HostReading(
        user_s=(1.1 + others_cores) * width_s,
        system_s=0.0,
        idle_s=(2.9 - others_cores) * width_s,
        pressure_cpu_s=0.1 * width_s,
        pressure_memory_s=0.0,
        available_bytes=8_000_000_000 - n,
    )
    server = ProcessReading(
        model_id=key[0], treatment_digest=key[1], cpu_s=width_s if is_known else None, rss_bytes=1_000 + n, threads=5, processes=1, is_known=is_known
    )
    client = ProcessReading(model_id="", treatment_digest="", cpu_s=0.1 * width_s)
    return Slice(
        from_s=n * width_s,
        to_s=(n + 1) * width_s,
        readings=1,
        host=host,
        processes=(client, server),
        gpus=(GpuReading(id="nvidia:0", memory_used_bytes=n, utilisation=0.5, power_w=watts, slowed_share=0.0, others_bytes=0),),
        energy=tuple(EnergyReading(source="x", zone=zone, counter_j=watts * width_s, integral_j=watts * width_s * 1.01) for zone in zones),
    )


def idle(watts=20.0, busy=0.01):
    return Idle(from_s=-4.0, to_s=-1.0, energy=(EnergyReading(source="x", zone="a", counter_j=watts * 3),), busy_share=busy)


def told(*lines):
    return sessions({"w1": (START, *lines)})


def rows_of(*seen):
    rows = read_rows(seen, {})
    return rows, {cell: some.where(~some.is_warmup) for cell, some in rows.by_cell().items()}


def asked(sent_s, finished_s, **more):
    return observation(**({"sent_s": sent_s, "scheduled_s": sent_s, "finished_s": finished_s, "completion_tokens": 10, "worker": "w1"} | more))


ONE = Cell("m", "default")


def energy_of(lines, *seen):
    rows, measured = rows_of(*seen)
    return {Cell(facts.model_id, facts.variant_id): (facts, estimate) for facts, estimate in energy(measured, rows, told(*lines))}


def test_energy_of_a_model_alone_is_that_of_its_window():
    lines = [idle(), *(piece(n) for n in range(20))]
    facts, estimate = energy_of(lines, *(asked(n, n + 1, prompt_id=f"p{n}") for n in range(2, 8)))[ONE]
    assert (facts.basis, facts.sources, facts.idle_w) == ("measured", ("x a",), 20.0)
    assert (facts.window_s, facts.gross_j) == (pytest.approx(6.0), pytest.approx(600.0))
    assert (facts.idle_j, facts.net_j) == (pytest.approx(120.0), pytest.approx(480.0))
    assert (facts.counter_j, facts.integral_j) == (pytest.approx(600.0), pytest.approx(606.0))
    assert (facts.per_request_j, facts.per_token_j) == (pytest.approx(80.0), pytest.approx(8.0))
    assert (estimate.metric, estimate.value, estimate.unit) == ("energy_j", pytest.approx(80.0), "J")
    assert estimate.method.startswith("x a less power at rest; ")


def test_warm_up_and_its_energy_are_left_out():
    lines = [idle(), *(piece(n, 400.0 if n < 4 else 100.0) for n in range(20))]
    facts, _ = energy_of(lines, asked(0, 2, is_warmup=True), asked(2, 4))[ONE]
    assert facts.gross_j == pytest.approx(200.0)


def test_requests_side_by_side_share_evenly_and_add_up():
    lines = [idle(0.0), *(piece(n) for n in range(8))]
    together = energy_of(lines, asked(0, 4), asked(1, 3, model_id="n"))
    first, second = together[ONE][0], together[Cell("n", "default")][0]
    assert (first.gross_j, second.gross_j) == (pytest.approx(300.0), pytest.approx(100.0))
    assert first.gross_j + second.gross_j == pytest.approx(400.0)


def test_models_that_take_turns_have_each_the_power_of_their_turns():
    lines = [idle(0.0), *(piece(n, 300.0 if n % 4 < 2 else 50.0) for n in range(16))]
    turns = [asked(n, n + 1, model_id="m" if n % 2 == 0 else "n", prompt_id=f"p{n}") for n in range(8)]
    found = energy_of(lines, *turns)
    assert found[ONE][0].gross_j == pytest.approx(4 * 300.0)
    assert found[Cell("n", "default")][0].gross_j == pytest.approx(4 * 50.0)


def test_time_between_requests_counts_for_the_run_and_not_for_an_answer():
    lines = [idle(20.0), *(piece(n, 20.0 if 2 <= n < 6 else 100.0) for n in range(8))]
    facts, _ = energy_of(lines, asked(0, 1), asked(3, 4))[ONE]
    assert (facts.window_s, facts.gross_j, facts.net_j) == (pytest.approx(4.0), pytest.approx(240.0), pytest.approx(160.0))
    assert facts.per_request_j == pytest.approx(80.0)


@pytest.mark.parametrize(("other_w", "busy", "idle_w", "net_j"), [(50.0, 0.01, 30.0, 420.0), (50.0, 0.9, None, None)])
def test_sessions_take_off_each_its_own_rest_or_none_does(other_w, busy, idle_w, net_j):
    lines = {
        "w1": (START, idle(20.0), *(piece(n) for n in range(20))),
        "w2": (START, idle(other_w, busy), *(piece(n) for n in range(20))),
    }
    rows, measured = rows_of(asked(0, 4, prompt_id="a"), asked(0, 2, prompt_id="b", worker="w2"))
    ((facts, estimate),) = energy(measured, rows, sessions(lines))
    assert (facts.idle_w, facts.net_j) == (pytest.approx(idle_w), pytest.approx(net_j))
    assert facts.per_request_j == pytest.approx((600.0 if net_j is None else net_j) / 2)
    assert estimate.value == facts.per_request_j
    assert any("nothing is taken off" in note for note in facts.notes) == (net_j is None)


def test_failed_requests_are_paid_by_those_that_were_answered():
    lines = [idle(0.0), *(piece(n) for n in range(8))]
    facts, estimate = energy_of(lines, asked(0, 2), asked(2, 4, failure="server"))[ONE]
    assert facts.per_request_j == pytest.approx(400.0)
    assert estimate.value == pytest.approx(400.0)


def test_sensor_that_is_lost_on_the_way_is_no_measurement():
    lines = [idle(), *(piece(n) for n in range(4)), *(piece(n, zones=()) for n in range(4, 8))]
    assert energy_of(lines, asked(0, 4)) == {}


def test_zone_that_is_all_of_the_machine_takes_the_place_of_its_parts():
    whole = EnergyReading(source="plug", zone="wall", role="whole", counter_j=90.0)
    inner = EnergyReading(source="x", zone="core", role="within", counter_j=7.0)
    pieces = [msgspec.structs.replace(piece(n), energy=(*piece(n).energy, inner, whole)) for n in range(4)]
    facts, _ = energy_of(pieces, asked(0, 2))[ONE]
    assert (facts.sources, facts.gross_j) == (("plug wall",), pytest.approx(360.0))


@pytest.mark.parametrize(("line", "words"), [(idle(busy=0.4), "was not at rest before the load (40%"), (None, "power at rest is not known")])
def test_without_power_at_rest_nothing_is_taken_off_and_that_is_said(line, words):
    lines = [*([line] if line else []), *(piece(n) for n in range(8))]
    facts, estimate = energy_of(lines, asked(0, 4))[ONE]
    assert (facts.idle_j, facts.net_j, facts.per_request_j) == (None, None, pytest.approx(400.0))
    assert any(words in note for note in facts.notes)
    assert "less power at rest" not in estimate.method


def test_answers_shorter_than_two_readings_have_a_mean_and_no_interval():
    lines = [idle(), *(piece(n) for n in range(20))]
    _, estimate = energy_of(lines, *(asked(n / 2, n / 2 + 0.5, prompt_id=f"p{n}") for n in range(12)))[ONE]
    assert (estimate.value, estimate.low) == (pytest.approx(40.0), None)
    assert "shorter than 2 readings" in estimate.note


def test_declared_watts_are_an_estimate_and_say_so():
    basis = CostBasis(
        model=ModelSpec(id="m", runtime="fake"),
        variant_id="default",
        requests=4,
        wall_s=10.0,
        busy_s=8.0,
        prompt_tokens=1,
        completion_tokens=80,
    )
    ((facts, estimate),) = declared([basis], lambda _: Declared(8.0, 25.0))
    assert (facts.basis, facts.sources) == ("declared", ("declared watts",))
    assert (facts.gross_j, facts.idle_j, facts.net_j) == (216.0, 80.0, 136.0)
    assert (facts.per_request_j, facts.per_token_j) == (34.0, 1.7)
    assert "not measured" in estimate.note
    assert list(declared([basis], lambda _: None)) == []


def used(*pieces, seen=None, here=("m",)):
    seen = seen or [asked(1, 4)]
    rows, _ = rows_of(*seen)
    return list(machine_use(plan_of(seen), rows, told(*pieces), here))


def test_use_of_the_machine_is_that_of_the_window():
    (use,) = used(*(piece(n, others_cores=0.2) for n in range(10)))
    assert (use.window_s, use.read_s, use.cores) == (3.0, 3.0, 4)
    assert (use.model_cores, use.client_cores, use.others_cores) == (pytest.approx(1.0), pytest.approx(0.1), pytest.approx(0.2))
    assert (use.rss_peak_bytes, use.threads, use.available_least_bytes) == (1_007, 5, 7_999_999_993)
    assert (use.pressure_cpu, use.swap_in_bytes) == (pytest.approx(0.1), None)
    (gpu,) = use.gpus
    assert (gpu.name, gpu.memory_peak_bytes, gpu.utilisation, gpu.power_w) == ("Made-up GPU", 7, 0.5, 100.0)
    assert use.contention == ()
    assert use.series.power_w == (100.0,) * 6
    assert use.series.model_cores == (1.0,) * 6


def test_model_that_runs_elsewhere_has_no_row():
    assert used(*(piece(n) for n in range(10)), here=()) == []


def test_others_are_not_known_where_the_server_is_not():
    (use,) = used(*(piece(n, is_known=False) for n in range(10)))
    assert (use.model_cores, use.others_cores, use.contention) == (None, None, ())


def test_sessions_are_laid_end_to_end():
    seen = [asked(1, 3), asked(0, 2, worker="w2", round=2)]
    rows, _ = rows_of(*seen)
    both = sessions({"w1": (START, *(piece(n) for n in range(8))), "w2": (START, *(piece(n) for n in range(8)))})
    (use,) = machine_use(plan_of(seen), rows, both, {"m"})
    assert (use.window_s, use.read_s) == (4.0, 4.0)
    assert len(use.series.rss_bytes) == 8


def test_other_work_from_a_tenth_of_the_cores_on_is_contention():
    (quiet,) = used(*(piece(n, others_cores=0.39) for n in range(10)))
    (loud,) = used(*(piece(n, others_cores=1.5) for n in range(10)))
    assert quiet.contention == ()
    (one,) = loud.contention
    assert (one.kind, one.value, one.limit) == ("cpu", pytest.approx(0.375), 0.1)
    assert one.text == "other processes took 1.50 of 4 cores (38 %)"
    assert {"ttft", "decode_tps", "energy_j"} <= set(one.spoils)
    (note,) = notes((loud,), {"m"})
    assert note == "m: other processes took 1.50 of 4 cores (38 %) while it was measured: times, speeds and energy may be spoilt."
    assert next(notes((loud,), ())).endswith("while it was measured: times and speeds may be spoilt.")  # no energy is told
    two = msgspec.structs.replace(loud, model_id="n")
    assert list(notes((loud, two), {"m", "n"})) == [
        "m, n: other processes took 1.50 of 4 cores (38 %) while they were measured: times, speeds and energy may be spoilt."
    ]
    (other,) = loud.contention
    many = [msgspec.structs.replace(loud, model_id=f"m{n}", contention=(msgspec.structs.replace(other, text=f"reason {n}"),)) for n in range(8)]
    assert len(told := list(notes(tuple(many)))) == 7
    assert told[-1] == "2 more models shared the machine with other work, too: see “Machine”."
    served_twice = (quiet, msgspec.structs.replace(loud, variant_ids=("gpu", "fast")))
    assert [each.partition(":")[0] for each in notes(served_twice)] == ["m · gpu, fast"]


USE = MachineUse(model_id="m", variant_ids=("default",), window_s=10.0, read_s=10.0, cores=4)
GPU_USE = GpuUse(id="nvidia:0", name="G", memory_bytes=1_000)


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        ({"steal_share": 0.05}, "steal", "other guests of this machine's host took 5 % of the CPU time"),
        ({"swap_in_bytes": 3_000_000}, "swap", "3 MB went to or from swap"),
        ({"pressure_memory": 0.2}, "memory", "processes waited for memory for 20 % of the time"),
        ({"available_least_bytes": 20_000_000}, "memory", "only 20 MB of memory were left"),
        ({"gpus": (msgspec.structs.replace(GPU_USE, others_peak_bytes=400_000_000),)}, "gpu", "other processes held 400 MB of G (nvidia:0)"),
        (
            {"gpus": (msgspec.structs.replace(GPU_USE, slowed_share=0.5, reasons=("SwThermalSlowdown",)),)},
            "gpu_slowed",
            "G (nvidia:0) ran slower than it could for 50 % of the time: SwThermalSlowdown",
        ),
    ],
)
def test_what_contends_is_named_with_its_figure(said, kind, words):
    (one,) = contention(msgspec.structs.replace(USE, **said), 1_000_000_000, 0, 0.0)
    assert (one.kind, one.text) == (kind, words)
    assert one.value >= one.limit


@pytest.mark.parametrize("read_s", [0.02, 0.2, 1.0, 5.0, 60.0])
def test_ticks_of_a_short_run_are_no_other_work(read_s):
    rng, ticks = np.random.default_rng(7), round(read_s * 2 / TICK_S)

    def told(others, steal):
        """How often each is said of a machine of two cores whose processor time is counted in ticks: of 400 such runs."""
        seen = [{"others_cores": 2 * rng.binomial(ticks, others) / ticks, "steal_share": rng.binomial(ticks, steal) / ticks} for _ in range(400)]
        runs = (msgspec.structs.replace(USE, read_s=read_s, cores=2, **each) for each in seen)
        kinds = [one.kind for run in runs for one in contention(run, None, 0, 0.0)]
        return kinds.count("cpu") / 400, kinds.count("steal") / 400

    assert max(told(0.05, 0.005)) <= 0.05  # half of the limit, a quarter of it
    assert max(told(0.10, 0.02)) <= 0.06  # the limits themselves
    if read_s >= 0.2:
        assert min(told(0.75, 0.25)) > 0.95


def test_other_work_is_told_of_a_day_of_a_machine_with_many_cores():
    long = msgspec.structs.replace(USE, read_s=86_400.0, cores=256, others_cores=64.0, steal_share=0.05)
    assert [one.kind for one in contention(long, None, 0, 0.0)] == ["cpu", "steal"]
    quiet = msgspec.structs.replace(long, others_cores=25.5, steal_share=0.0199)
    assert list(contention(quiet, None, 0, 0.0)) == []


def test_heat_and_a_quota_are_told_too():
    assert [(one.kind, one.text) for one in contention(USE, None, 1, 0.3)] == [
        ("quota", "the container's CPU quota kept 0.30 cores waiting, on average"),
        ("heat", "cores were slowed for their temperature once"),
    ]
    (many,) = contention(USE, None, 0, 3.4)  # seconds of several cores in each second
    assert (many.value, many.text) == (1.0, "the container's CPU quota kept 3.40 cores waiting, on average")


def test_part_of_a_gpu_whose_size_is_not_known_and_that_nobody_else_is_on_has_no_others():
    part = GpuUse(id="nvidia:0/mig:0", name="G", ours_peak_bytes=1 << 30, others_peak_bytes=0)
    assert list(contention(msgspec.structs.replace(USE, gpus=(part,)), None, 0, 0.0)) == []


def test_work_on_a_gpu_that_the_model_is_not_on_can_spoil_its_energy_alone():
    desktop = msgspec.structs.replace(GPU_USE, ours_peak_bytes=0, others_peak_bytes=800, slowed_share=1.0)
    use = msgspec.structs.replace(USE, gpus=(desktop,))
    (one,) = contention(use, None, 0, 0.0)
    assert (one.kind, one.spoils) == ("gpu", ("energy_j",))
    assert one.text.endswith("(nvidia:0), which the model is not on")
    contended = msgspec.structs.replace(use, contention=(one,))
    assert list(notes((contended,), ())) == []
    assert next(notes((contended,), {"m"})).endswith("energy may be spoilt.")


def test_state_of_a_source_is_what_became_of_it():
    lost = SourceLost(at_s=3.25, source="host", reason="gone")
    assert states(told(lost).values()) == (
        SourceState(name="host", state="lost", detail="after 3.2 s: gone"),
        SourceState(name="nvml", state="absent", detail="no NVIDIA GPU"),
    )
