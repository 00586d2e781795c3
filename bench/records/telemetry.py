"""What was read of the machine beside a run: the lines of `telemetry/machine/<worker>.jsonl`, and what the summary says of them.

Names ending in `_s` and `_j` count seconds and joules. In a *reading* such a number counts from a zero of its source's own; in a *slice* it is what
was added over the slice. Other numbers are as of the moment; a slice holds their mean, their most or their least, as said beside them.
"""

from collections.abc import Iterable
from typing import Literal

import msgspec

ZoneRole = Literal["part", "within", "whole"]


class HostReading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The whole machine. CPU seconds are summed over all cores; None where the system does not say.

    `pressure_*_s`: time in which at least one process waited for a processor, for memory, for a disk (Linux PSI, `some`). `quota_s`: time for which
    the container's CPU quota kept cores waiting, summed over them.
    """

    user_s: float
    system_s: float
    idle_s: float
    irq_s: float = 0.0  # interrupts, whose cause nobody counts
    iowait_s: float = 0.0
    steal_s: float = 0.0  # taken by other guests of the same host
    available_bytes: int | None = None  # least
    swap_used_bytes: int | None = None  # most
    swap_in_bytes: int | None = None  # counts, as does swap_out_bytes
    swap_out_bytes: int | None = None
    pressure_cpu_s: float | None = None
    pressure_memory_s: float | None = None
    pressure_io_s: float | None = None
    mhz: float | None = None  # mean over cores and time
    throttle_events: int | None = None  # counts: times that a core was slowed for its temperature
    quota_s: float | None = None


class ProcessReading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The process tree of a served model, or of the measuring client (`model_id` empty). Resident sizes are summed over processes.

    `is_known` false: the server's process could not be found, so its share of the CPU is not known.
    """

    model_id: str
    treatment_digest: str
    cpu_s: float | None = None
    rss_bytes: int | None = None  # most
    threads: int | None = None  # most
    processes: int = 0  # most
    is_known: bool = True


class GpuReading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One GPU, or one part of a divided one (MIG). What it does not tell is None.

    `ours_bytes`, `others_bytes`: memory of the served models' processes, and of all others on the device; None where processes are not to be told
    apart (pids of another container). `reasons`: why it ran below its clock, as NVML names them.
    """

    id: str  # "nvidia:0"
    memory_used_bytes: int | None = None  # most
    utilisation: float | None = None  # 0-1, mean: the share of time with a kernel at work
    power_w: float | None = None  # mean
    clock_mhz: float | None = None  # mean
    temperature_c: float | None = None  # most
    reasons: tuple[str, ...] = ()
    slowed_share: float | None = None  # of a slice's readings, those with a reason that slows (heat, power brake, hardware)
    ours_bytes: int | None = None  # most
    others_bytes: int | None = None  # most
    others_processes: int | None = None  # most


class EnergyReading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One energy counter or power sensor. `counter_j` by its counter, `integral_j` by its power over time (trapezoid); whichever it has.

    `role`: `part` of the machine, so that parts add up; `within` another zone, not to be added; `whole`: all of the machine, in the place of parts.
    """

    source: str  # "nvml", "rapl", "zeus", or a registered one
    zone: str  # "package-0", "nvidia:0"
    role: ZoneRole = "part"
    counter_j: float | None = None
    power_w: float | None = None  # mean
    integral_j: float | None = None


class Readings(msgspec.Struct, frozen=True, kw_only=True):
    """What one source, or all of them, read at one moment. `lost`: parts of a source that say nothing from now on, each with the reason."""

    host: HostReading | None = None
    processes: tuple[ProcessReading, ...] = ()
    gpus: tuple[GpuReading, ...] = ()
    energy: tuple[EnergyReading, ...] = ()
    lost: tuple[tuple[str, str], ...] = ()


class SourceState(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a source: `read`; `absent` (this machine or installation has no such thing); `off` (the spec says so); `lost` while it ran."""

    name: str
    state: Literal["read", "absent", "off", "lost"]
    detail: str


class GpuFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A GPU of this machine."""

    id: str
    name: str
    memory_bytes: int | None = None
    driver: str | None = None
    is_divided: bool = False  # MIG: figures of the device are those of all of its parts


class TelemetryStart(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="start"):
    """The first line of a session: what is read and how often. `clock_zero_ns`: the system's monotonic clock at the zero of `_s`."""

    interval_s: float
    cores: int
    memory_bytes: int | None
    clock_zero_ns: int
    sources: tuple[SourceState, ...]
    gpus: tuple[GpuFacts, ...] = ()


class Idle(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="idle"):
    """The machine before any model was up: what each zone used in that time (`EnergyReading`, as in a slice)."""

    from_s: float
    to_s: float
    energy: tuple[EnergyReading, ...]
    busy_share: float | None = None  # of all cores: a machine that was not idle has no idle power


class Slice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="line", tag="slice"):
    """What was read from one moment to another, in `readings` readings. Slices of one block follow one another without a gap.

    A long session's slices grow longer, so that its file grows with the logarithm of its length.
    """

    from_s: float
    to_s: float
    readings: int
    host: HostReading | None = None
    processes: tuple[ProcessReading, ...] = ()
    gpus: tuple[GpuReading, ...] = ()
    energy: tuple[EnergyReading, ...] = ()


class SourceLost(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="lost"):
    """A source that failed while it was read: from here on it says nothing."""

    at_s: float
    source: str
    reason: str


class TelemetryEnd(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="end"):
    """The last line of a session: what the reading itself took. `cpu_s`: of its thread; `span_s`: for which it read; `longest_s`: one reading."""

    readings: int
    span_s: float
    cpu_s: float
    longest_s: float


TelemetryLine = TelemetryStart | Idle | Slice | SourceLost | TelemetryEnd


class GpuUse(msgspec.Struct, frozen=True, kw_only=True):
    """One GPU while a model was measured. Bytes are the most, shares, power and clock means over the window."""

    id: str
    name: str
    memory_bytes: int | None = None
    memory_peak_bytes: int | None = None
    ours_peak_bytes: int | None = None
    others_peak_bytes: int | None = None
    utilisation: float | None = None
    power_w: float | None = None
    clock_mhz: float | None = None
    temperature_peak_c: float | None = None
    slowed_share: float | None = None
    reasons: tuple[str, ...] = ()


class Contention(msgspec.Struct, frozen=True, kw_only=True):
    """Something beside the model that took part of the machine while it was measured, beyond the limit from which it shows.

    `value` and `limit` are shares of 0-1, bytes (`swap`, `gpu`), or times that it happened (`heat`). `spoils`: metrics that it may have made worse.
    """

    kind: Literal["cpu", "steal", "memory", "swap", "quota", "heat", "gpu", "gpu_slowed"]
    value: float
    limit: float
    unit: Literal["share", "B", "times"]
    text: str
    spoils: tuple[str, ...]


class MachineSeries(msgspec.Struct, frozen=True, kw_only=True):
    """The course over the window in equal slices of `width_s`; None where nothing was read. CPU in cores, power in watts."""

    width_s: float
    model_cores: tuple[float | None, ...]
    others_cores: tuple[float | None, ...]
    rss_bytes: tuple[float | None, ...]
    gpu_bytes: tuple[float | None, ...]
    power_w: tuple[float | None, ...]


class MachineUse(msgspec.Struct, frozen=True, kw_only=True):
    """The machine while one served model was measured, from its first send to its last answer; sessions are added up.

    `*_cores` are CPU seconds per second: of the model's process tree, of the measuring client, of all other processes. None: not to be told.
    """

    model_id: str
    variant_ids: tuple[str, ...]
    window_s: float
    read_s: float  # the part of the window for which there are readings
    cores: int
    model_cores: float | None = None
    client_cores: float | None = None
    others_cores: float | None = None
    steal_share: float | None = None
    rss_peak_bytes: int | None = None
    threads: int | None = None
    processes: int | None = None
    available_least_bytes: int | None = None
    swap_in_bytes: int | None = None
    swap_out_bytes: int | None = None
    pressure_cpu: float | None = None
    pressure_memory: float | None = None
    pressure_io: float | None = None
    mhz: float | None = None
    gpus: tuple[GpuUse, ...] = ()
    contention: tuple[Contention, ...] = ()
    series: MachineSeries | None = None


class EnergyFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The energy of one model in one variant over its measured window.

    `sources`: `nvml nvidia:0`, `rapl package-0`, …, or `declared watts`. `gross_j`: all that was used in the window; `idle_j`: what the machine at
    rest would have used meanwhile; `net_j`: their difference. `counter_j`, `integral_j`: the gross by energy counters, and by power over time, each
    where every source has it. Each answer has the energy of the time it was in flight, which those in flight together share evenly.
    """

    model_id: str
    variant_id: str
    basis: Literal["measured", "declared"]
    sources: tuple[str, ...]
    window_s: float
    gross_j: float
    idle_w: float | None = None
    idle_j: float | None = None
    net_j: float | None = None
    counter_j: float | None = None
    integral_j: float | None = None
    requests: int
    tokens: int
    per_request_j: float | None = None
    per_token_j: float | None = None
    notes: tuple[str, ...] = ()


def spoiling(uses: Iterable[MachineUse], model: tuple[str, str], metric: str, unit: str) -> tuple[Contention, ...]:
    """What contended for the machine and may have spoilt a figure of a model (its id, and its variant's); of loading nothing was read."""
    is_timed = (unit == "s" or unit.endswith("/s")) and metric != "load_s"
    found = (one for use in uses if use.model_id == model[0] and model[1] in use.variant_ids for one in use.contention)
    return tuple(one for one in found if metric in one.spoils or (is_timed and "latency" in one.spoils))
