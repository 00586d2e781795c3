"""RAPL counters, from a folder that stands in for /sys/class/powercap."""

import pytest

from bench.errors import SourceAbsent
from bench.protocols import TelemetryMeans
from bench.telemetry.slices import Slicer
from bench.telemetry.sources.rapl import Rapl

MEANS = TelemetryMeans(wants=frozenset({"energy"}), trees=tuple)


def zone(root, folder, name, energy_uj, range_uj=1_000_000_000):
    place = root / folder
    place.mkdir(exist_ok=True)
    for file, value in (("name", name), ("energy_uj", energy_uj), ("max_energy_range_uj", range_uj)):
        (place / file).write_text(f"{value}\n", encoding="ascii")


def test_packages_and_memory_add_up_and_what_is_within_or_around_them_does_not(tmp_path):
    zone(tmp_path, "intel-rapl:0", "package-0", 10)
    zone(tmp_path, "intel-rapl:0:0", "core", 5)
    zone(tmp_path, "intel-rapl:0:1", "dram", 3)
    zone(tmp_path, "intel-rapl:1", "psys", 40)
    zone(tmp_path, "intel-rapl-mmio:0", "package-0", 10)
    (tmp_path / "intel-rapl").mkdir()  # the control type itself
    roles = {used.zone: used.role for used in Rapl(MEANS, tmp_path).read().energy}
    assert roles == {
        "package-0": "part",
        "package-0 core": "within",
        "package-0 dram": "part",
        "psys": "within",
        "package-0 (intel-rapl-mmio:0)": "within",
    }


def test_counter_that_starts_over_has_gone_on(tmp_path):
    zone(tmp_path, "intel-rapl:0", "package-0", 990_000_000)
    source = Rapl(MEANS, tmp_path)
    slicer = Slicer()
    for at_s, energy_uj in ((0.0, 990_000_000), (0.2, 999_000_000), (0.4, 4_000_000), (0.6, 14_000_000)):
        zone(tmp_path, "intel-rapl:0", "package-0", energy_uj)
        slicer.add(at_s, source.read())
    (used,) = slicer.cut().energy
    assert used.counter_j == pytest.approx(24.0)  # 9 + 5 (of it 1 to the end of the range) + 10
    assert used.integral_j is None


def test_machine_without_counters_says_so(tmp_path):
    with pytest.raises(SourceAbsent, match="no RAPL counters"):
        Rapl(MEANS, tmp_path / "none")


def test_counters_that_only_root_may_read_say_what_to_do(tmp_path, monkeypatch):
    zone(tmp_path, "intel-rapl:0", "package-0", 10)

    def refused(_self):
        raise PermissionError

    monkeypatch.setattr("pathlib.Path.read_bytes", refused)  # root, who may run these tests, is refused nothing
    with pytest.raises(SourceAbsent, match="only root may read") as caught:
        Rapl(MEANS, tmp_path)
    assert "chmod o+r" in caught.value.hint


def test_zone_that_is_switched_off_is_passed_over(tmp_path):
    zone(tmp_path, "intel-rapl:0", "package-0", 10)
    zone(tmp_path, "intel-rapl:0:0", "core", "")
    assert Rapl(MEANS, tmp_path).detail == "energy of package-0"
