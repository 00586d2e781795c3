"""A machine on which nothing else happens: for runs whose verdicts must not depend on what this one does beside the tests."""

import time

from bench.records.telemetry import HostReading, Readings


class QuietHost:
    """The machine as a whole, with every reading that Linux gives: it rests, and nobody takes anything from it."""

    gives = frozenset()
    gpus = ()
    detail = "a machine at rest, made up"

    def __init__(self, _means):
        pass

    def read(self):
        """All of its time is spare."""
        return Readings(
            host=HostReading(
                user_s=0.0,
                system_s=0.0,
                idle_s=time.monotonic(),
                available_bytes=16 << 30,
                swap_used_bytes=0,
                swap_in_bytes=0,
                swap_out_bytes=0,
                pressure_cpu_s=0.0,
                pressure_memory_s=0.0,
                pressure_io_s=0.0,
                mhz=3000.0,
                throttle_events=0,
                quota_s=0.0,
            )
        )

    def close(self):
        """Nothing is held."""


QUIET = {"host": "harness.quiet_machine:QuietHost"}
