"""AMD GPUs and Apple processors by zeus: the calls and units of zeus 0.16, answered by a stand-in; no such device is at hand."""

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace

import pytest

from bench.errors import MissingExtension, SourceAbsent
from bench.protocols import TelemetryMeans
from bench.telemetry.sources.zeus import Zeus

MEANS = TelemetryMeans(wants=frozenset({"gpu", "energy"}), trees=tuple)


class ZeusBaseError(Exception):
    """As zeus.exception has it."""


class AMDGPUs:
    """Two GPUs, the second without a counter."""

    def __len__(self):
        return 2

    def get_name(self, place):
        return f"AMD made up {place}"

    def get_total_energy_consumption(self, place):
        if place == 1:
            raise ZeusBaseError("not supported")
        return 5_000_000

    def get_instant_power_usage(self, place):
        return 120_500 + place

    def get_gpu_temperature(self, _place):
        return 55


class AppleSilicon:
    """Parts in mJ; this one has no neural engine that tells."""

    def get_total_energy_consumption(self):
        return SimpleNamespace(cpu_total_mj=7000, gpu_mj=2500, dram_mj=1000, ane_mj=None)


@pytest.fixture
def zeus(monkeypatch):
    """Install a stand-in with these devices."""

    def install(gpus=None, soc=None):
        def told(device):
            if device is None:
                raise ZeusBaseError("none here")
            return device

        modules = {name: ModuleType(name) for name in ("zeus", "zeus.device", "zeus.exception")}
        modules["zeus"].__spec__ = ModuleSpec("zeus", None)
        modules["zeus.device"].get_gpus, modules["zeus.device"].get_soc = lambda: told(gpus), lambda: told(soc)
        modules["zeus.exception"].ZeusBaseError = ZeusBaseError
        for name, module in modules.items():
            monkeypatch.setitem(sys.modules, name, module)

    return install


def test_amd_gpus_are_told_in_joules_and_watts(zeus):
    zeus(gpus=AMDGPUs())
    source = Zeus(MEANS)
    seen = source.read()
    assert [gpu.id for gpu in source.gpus] == ["amd:0", "amd:1"]
    assert [(one.zone, one.counter_j, one.power_w) for one in seen.energy] == [("amd:0", 5000.0, 120.5), ("amd:1", None, pytest.approx(120.501))]
    assert seen.gpus[0].temperature_c == 55.0


def test_parts_of_an_apple_processor_add_up(zeus):
    zeus(soc=AppleSilicon())
    seen = Zeus(MEANS).read()
    assert {one.zone: one.counter_j for one in seen.energy} == {"apple cpu": 7.0, "apple gpu": 2.5, "apple dram": 1.0}
    assert {one.role for one in seen.energy} == {"part"}


def test_nvidia_gpus_are_left_to_nvml(zeus):
    zeus(gpus=type("NVIDIAGPUs", (AMDGPUs,), {})())
    with pytest.raises(SourceAbsent, match="zeus finds none"):
        Zeus(MEANS)


def test_zeus_that_fails_on_the_way_says_why(zeus):
    soc = AppleSilicon()
    zeus(soc=soc)
    source = Zeus(MEANS)

    def broken():
        raise ZeusBaseError("gone")

    soc.get_total_energy_consumption = broken
    with pytest.raises(SourceAbsent, match="gone"):
        source.read()


def test_without_the_package_the_install_line_is_told(monkeypatch):
    monkeypatch.setattr("bench.telemetry.sources.zeus.find_spec", lambda _name: None)
    with pytest.raises(MissingExtension) as caught:
        Zeus(MEANS)
    assert caught.value.hint == "pip install 'bench-spec[energy]'"
