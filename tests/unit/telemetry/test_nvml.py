"""NVIDIA GPUs by the real nvidia-ml-py, over a made-up library that tells a trace (tests/data/nvml/README.md says where that comes from)."""

import pytest

pynvml = pytest.importorskip("pynvml", reason="nvidia-ml-py, the extra `gpu`, is not installed")

from harness.nvml_replay import NO_PERMISSION, NOT_SUPPORTED, Library, install  # noqa: E402 - needs the package

from bench.errors import MissingExtension, SourceAbsent  # noqa: E402
from bench.protocols import TelemetryMeans, WatchedTree  # noqa: E402
from bench.telemetry.slices import Slicer  # noqa: E402
from bench.telemetry.sources import nvml  # noqa: E402

BOTH = frozenset({"gpu", "energy"})


def source(*pids, wants=BOTH):
    tree = WatchedTree(model_id="m", treatment_digest="d", pids=frozenset(pids))
    return nvml.Nvml(TelemetryMeans(wants=wants, trees=lambda: (tree,)))


def told(library, opened, lines):
    """The slice over these lines of the trace."""
    slicer = Slicer()
    for at in lines:
        library.at = at
        slicer.add(library.now["at_s"], opened.read())
    return slicer.cut()


def test_energy_counter_and_power_over_time_agree_within_five_per_cent(monkeypatch):
    library = install(monkeypatch, Library())
    whole = told(library, source(), range(len(library.lines)))
    (used,) = whole.energy
    assert (used.source, used.zone, used.role) == ("nvml", "nvidia:0", "part")
    assert used.counter_j == pytest.approx(186 + 69 + 1596 + 53 + 192, rel=0.01)  # at rest, rising, at work, falling, at rest again
    assert used.integral_j == pytest.approx(used.counter_j, rel=0.05)


def test_a_window_at_steady_power_agrees_more_closely(monkeypatch):
    library = install(monkeypatch, Library())
    (used,) = told(library, source(), range(23, 45)).energy
    assert used.integral_j == pytest.approx(used.counter_j, rel=0.01)


def test_slice_holds_means_peaks_and_reasons(monkeypatch):
    library = install(monkeypatch, Library(users={41: 5 << 30, 99: 300 << 20}))
    monkeypatch.setattr(nvml, "_names_our_pids", lambda: True)
    (gpu,) = told(library, source(41), range(15, 46)).gpus
    assert gpu.memory_used_bytes == 6012 << 20
    assert gpu.utilisation == pytest.approx(0.95, abs=0.05)
    assert (gpu.ours_bytes, gpu.others_bytes, gpu.others_processes) == (5 << 30, 300 << 20, 1)
    assert set(gpu.reasons) == {"SwPowerCap", "SwThermalSlowdown"}
    assert 0.05 < gpu.slowed_share < 0.2  # the last 0.8 of 6 s
    assert 34 < gpu.temperature_c <= 53


def test_driver_and_name_are_told_in_its_detail(monkeypatch):
    install(monkeypatch, Library(n=2))
    opened = source()
    assert opened.detail == "Made-up GPU 24GB, Made-up GPU 24GB, driver 580.65.06"
    assert [gpu.id for gpu in opened.gpus] == ["nvidia:0", "nvidia:1"]
    assert nvml.nvml_inventory() == ("Made-up GPU 24GB, 24576 MiB, driver 580.65.06",) * 2


def test_field_that_a_gpu_does_not_support_is_left_out_and_named(monkeypatch):
    library = install(monkeypatch, Library(refuses={"nvmlDeviceGetTotalEnergyConsumption": NOT_SUPPORTED, "nvmlDeviceGetTemperature": NO_PERMISSION}))
    opened = source()
    assert opened.detail.endswith("nvidia:0 does not tell: energy counter, temperature")
    made = told(library, opened, range(5))
    assert made.energy[0].counter_j is None
    assert made.energy[0].integral_j == pytest.approx(0.8 * 62)
    assert library.calls.count("nvmlDeviceGetTotalEnergyConsumption") == 1  # what was refused once is not asked again


def test_gpu_that_is_lost_says_nothing_more_and_the_other_goes_on(monkeypatch):
    library = install(monkeypatch, Library(n=2))
    opened = source()
    opened.read()
    library.lost.add(0)
    seen = opened.read()
    assert seen.lost == (("nvidia:0", "GPU is lost"),)
    assert [gpu.id for gpu in seen.gpus] == ["nvidia:1"]
    library.lost.add(1)
    with pytest.raises(SourceAbsent, match="nvidia:1: GPU is lost"):
        opened.read()


def test_parts_of_a_divided_gpu_have_rows_of_their_own(monkeypatch):
    library = install(monkeypatch, Library(parts=2, users={7: 1 << 30}))
    monkeypatch.setattr(nvml, "_names_our_pids", lambda: True)
    opened = source(7)
    assert opened.gpus[0].is_divided
    made = told(library, opened, range(6))
    whole, *parts = made.gpus
    assert [part.id for part in parts] == ["nvidia:0/mig:0", "nvidia:0/mig:1"]
    assert whole.utilisation is None
    assert whole.power_w == pytest.approx(62)
    assert (parts[0].power_w, parts[0].ours_bytes) == (None, 1 << 30)
    assert [used.zone for used in made.energy] == ["nvidia:0"]  # the parts' energy is the whole's


def test_processes_of_another_container_are_not_taken_for_others(monkeypatch):
    install(monkeypatch, Library(users={31: 1 << 30}))
    monkeypatch.setattr(nvml, "_names_our_pids", lambda: False)
    (gpu,) = source(41).read().gpus
    assert (gpu.ours_bytes, gpu.others_bytes) == (None, None)


def test_process_whose_memory_windows_does_not_tell_is_not_zero(monkeypatch):
    install(monkeypatch, Library(users={41: None}))
    (gpu,) = source(41).read().gpus
    assert (gpu.ours_bytes, gpu.others_processes) == (None, 0)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (9, "no NVIDIA GPU: its driver is not loaded"),
        (12, "no NVIDIA GPU: NVML library not found"),
        (NO_PERMISSION, "NVIDIA GPU: this user may not speak to the driver"),
        (18, "NVIDIA GPU: RM has detected an NVML/RM version mismatch."),
    ],
)
def test_why_there_is_no_gpu_is_one_plain_line(monkeypatch, code, words):
    install(monkeypatch, Library(refuses={"nvmlInitWithFlags": code}))
    with pytest.raises(SourceAbsent) as caught:
        source()
    assert caught.value.message == words
    assert nvml.nvml_inventory() == ()


def test_driver_without_a_gpu_is_left_again(monkeypatch):
    library = install(monkeypatch, Library(n=0))
    with pytest.raises(SourceAbsent, match="the driver knows of none"):
        source()
    assert library.is_open == 0


def test_without_the_package_the_install_line_is_told(monkeypatch):
    monkeypatch.setattr(nvml, "pynvml", None)
    with pytest.raises(MissingExtension) as caught:
        source()
    assert caught.value.hint == "pip install 'bench-spec[gpu]'"


def test_only_what_is_wanted_is_given(monkeypatch):
    install(monkeypatch, Library())
    seen = source(wants=frozenset({"energy"})).read()
    assert seen.gpus == ()
    assert len(seen.energy) == 1


def known(trees, *, model="m", pids=(), is_known=True):
    trees[:] = [(WatchedTree(model_id=model, treatment_digest="d", pids=frozenset(pids), is_known=is_known),)]


def test_model_that_is_gone_is_not_taken_for_another_process_of_the_next(monkeypatch):
    library = install(monkeypatch, Library(users={41: 5 << 30}))
    monkeypatch.setattr(nvml, "_names_our_pids", lambda: True)
    trees = []
    known(trees, pids=[41])
    opened = nvml.Nvml(TelemetryMeans(wants=BOTH, trees=lambda: trees[0]))
    assert [opened.read().gpus[0].ours_bytes for _ in range(3)] == [5 << 30] * 3
    library.users.clear()
    library.users[52] = 1 << 30
    known(trees, model="n", pids=[52])
    seen = [opened.read().gpus[0] for _ in range(6)]
    assert {(gpu.ours_bytes, gpu.others_bytes, gpu.others_processes) for gpu in seen} == {(1 << 30, 0, 0)}


def test_processes_and_heat_of_before_a_pause_are_read_anew(monkeypatch):
    library = install(monkeypatch, Library(users={41: 5 << 30}))
    monkeypatch.setattr(nvml, "_names_our_pids", lambda: True)
    opened = source(41)
    first = opened.read().gpus[0].temperature_c
    library.at = 40
    assert opened.read().gpus[0].temperature_c == first
    monkeypatch.setattr(nvml, "_STALE_S", -1.0)
    assert opened.read().gpus[0].temperature_c > first


def test_process_that_a_server_has_just_started_is_not_anothers(monkeypatch):
    library = install(monkeypatch, Library(users={41: 1 << 30}))
    monkeypatch.setattr(nvml, "_names_our_pids", lambda: True)
    monkeypatch.setattr(nvml, "_RARELY", 1)
    trees = []
    known(trees, pids=[41])
    opened = nvml.Nvml(TelemetryMeans(wants=BOTH, trees=lambda: trees[0]))
    opened.read()
    library.users |= {42: 5 << 30, 99: 2 << 30}
    before = opened.read().gpus[0]
    known(trees, pids=[41, 42])  # our processes are listed anew: 42 is the server's child
    after = opened.read().gpus[0]
    assert (before.ours_bytes, before.others_bytes) == (1 << 30, 0)
    assert (after.ours_bytes, after.others_bytes, after.others_processes) == (6 << 30, 2 << 30, 1)


def test_memory_of_a_server_whose_process_nobody_knows_is_not_anothers(monkeypatch):
    install(monkeypatch, Library(users={77: 5 << 30}))
    monkeypatch.setattr(nvml, "_names_our_pids", lambda: True)
    trees = []
    known(trees, is_known=False)
    opened = nvml.Nvml(TelemetryMeans(wants=BOTH, trees=lambda: trees[0]))
    assert [(gpu.ours_bytes, gpu.others_bytes) for _ in range(3) for gpu in opened.read().gpus] == [(None, None)] * 3


def test_memory_of_a_model_in_benchs_own_process_is_ours(monkeypatch):
    install(monkeypatch, Library(users={10: 5 << 30}))
    monkeypatch.setattr(nvml, "_names_our_pids", lambda: True)
    own = WatchedTree(model_id="", treatment_digest="", pids=frozenset({10}))
    inside = WatchedTree(model_id="m", treatment_digest="d", is_known=False)
    (gpu,) = nvml.Nvml(TelemetryMeans(wants=BOTH, trees=lambda: (own, inside))).read().gpus
    assert (gpu.ours_bytes, gpu.others_bytes) == (5 << 30, 0)


def test_figure_that_fails_once_does_not_cost_the_gpu(monkeypatch):
    library = install(monkeypatch, Library())
    opened = source()
    library.refuses["nvmlDeviceGetUtilizationRates"] = 999  # unknown error
    (gpu,) = opened.read().gpus
    assert (gpu.utilisation, gpu.power_w) == (None, pytest.approx(62))
    library.refuses.clear()
    assert opened.read().gpus[0].utilisation is not None
