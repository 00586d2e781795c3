"""A telemetry source as a third party would make one: a plug meter that sees the whole machine at 90 W."""

import time

from bench.records.telemetry import EnergyReading, Readings


class PlugMeter:
    """Its counter is exact: what has been used since it was plugged in."""

    gives = frozenset({"energy"})
    detail = "a made-up plug meter"
    gpus = ()

    def __init__(self, _means):
        self._begun_s = time.perf_counter()

    def read(self):
        used_j = 90.0 * (time.perf_counter() - self._begun_s)
        return Readings(energy=(EnergyReading(source="plug", zone="wall", role="whole", counter_j=used_j, power_w=90.0),))

    def close(self):
        return None
