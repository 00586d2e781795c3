"""What took part of the machine while a model was measured: beyond which limit it is said, and which numbers it may have spoilt."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator

from bench.records.telemetry import Contention, MachineUse
from bench.stats.distributions import binomial_above

# Limits, chosen so that an idle desktop stays below and one busy core of eight does not. Other work is measured; the rest is what the machine itself
# tells of something that waited.
OTHERS = 0.10  # of all cores
STEAL = 0.02
STALLED = 0.01  # of the time
HELD_BACK = 0.01  # of one core's time: Linux adds up the waits of all cores (`throttled_time`)
SWAPPED_BYTES = 1 << 20
LEAST_MEMORY = 0.03  # of all memory
GPU_OTHERS = 0.05  # of the GPU's memory
SLOWED = 0.01  # of the readings

TICK_S = 0.01  # what processor time is counted by: 1/100 s on Linux (USER_HZ) and macOS, 1/64 s on Windows
_MOST_TICKS = 10**8  # of more the chance is beyond what SciPy counts by, and the error of a share below 0.01 %
_CHANCE = 0.05
_ROUNDING = 1e-6  # shares have six digits

_MOST_NAMED = 6
_MOST_TOLD = 6  # sentences: a run of many models beside other work has as many of these as models

_SPEED = ("ttft", "tpot", "itl", "latency", "decode_tps", "prefill_tps", "output_tps")


def contention(use: MachineUse, memory_bytes: int | None, heat: int | None, held_back: float | None) -> Iterator[Contention]:
    """Everything beyond its limit. `heat`: times that a core was slowed for its temperature; `held_back`: cores that a CPU quota kept waiting."""
    if use.others_cores is not None and _is_beyond(share := use.others_cores / use.cores, OTHERS, use):
        text = f"other processes took {use.others_cores:.2f} of {use.cores} cores ({_percent(share)})"
        yield Contention(kind="cpu", value=share, limit=OTHERS, unit="share", text=text, spoils=(*_SPEED, "energy_j"))
    if use.steal_share is not None and _is_beyond(use.steal_share, STEAL, use):
        text = f"other guests of this machine's host took {_percent(use.steal_share)} of the CPU time"
        yield Contention(kind="steal", value=use.steal_share, limit=STEAL, unit="share", text=text, spoils=_SPEED)
    if held_back is not None and held_back >= HELD_BACK:
        text = f"the container's CPU quota kept {max(held_back, 0.01):.2f} cores waiting, on average"
        yield Contention(kind="quota", value=min(held_back, 1.0), limit=HELD_BACK, unit="share", text=text, spoils=_SPEED)
    yield from _memory(use, memory_bytes)
    if heat:
        times = f"{heat:,} times" if heat > 1 else "once"
        text = f"cores were slowed for their temperature {times}"
        yield Contention(kind="heat", value=float(heat), limit=1.0, unit="times", text=text, spoils=_SPEED)
    yield from _gpus(use)


def _is_beyond(share: float, limit: float, use: MachineUse) -> bool:
    """Whether a share of processor time is above its limit by more than the ticks that it is counted in can err.

    A kernel charges a whole tick to whatever runs when it ends, so a share of few ticks is that of a sample: it is beyond the limit where so many
    ticks, or more, would be chance in at most one of twenty runs at the limit.
    """
    ticks = min(int(use.read_s * use.cores / TICK_S), _MOST_TICKS)
    seen = int(min(share, 1.0) * ticks + _ROUNDING)
    return seen > 0 and binomial_above(seen - 1, ticks, limit) <= _CHANCE


def _memory(use: MachineUse, memory_bytes: int | None) -> Iterator[Contention]:
    swapped = (use.swap_in_bytes or 0) + (use.swap_out_bytes or 0)
    if swapped >= SWAPPED_BYTES:
        text = f"{swapped / 1e6:,.0f} MB went to or from swap"
        yield Contention(kind="swap", value=float(swapped), limit=float(SWAPPED_BYTES), unit="B", text=text, spoils=(*_SPEED, "rss_peak_bytes"))
    least = use.available_least_bytes
    if use.pressure_memory is not None and use.pressure_memory >= STALLED:
        text = f"processes waited for memory for {_percent(use.pressure_memory)} of the time"
        yield Contention(kind="memory", value=use.pressure_memory, limit=STALLED, unit="share", text=text, spoils=(*_SPEED, "rss_peak_bytes"))
    elif least is not None and memory_bytes and least < LEAST_MEMORY * memory_bytes:
        share = 1 - least / memory_bytes
        text = f"only {least / 1e6:,.0f} MB of memory were left"
        yield Contention(kind="memory", value=share, limit=1 - LEAST_MEMORY, unit="share", text=text, spoils=("rss_peak_bytes",))


def _gpus(use: MachineUse) -> Iterator[Contention]:
    for gpu in use.gpus:
        is_elsewhere = gpu.ours_peak_bytes == 0  # what works on a GPU that the model is not on makes the model no slower
        theirs = gpu.others_peak_bytes
        if theirs and theirs >= GPU_OTHERS * (gpu.memory_bytes or 0):
            limit = GPU_OTHERS * (gpu.memory_bytes or 0)
            text = f"other processes held {theirs / 1e6:,.0f} MB of {gpu.name} ({gpu.id}){', which the model is not on' if is_elsewhere else ''}"
            spoils = ("energy_j",) if is_elsewhere else (*_SPEED, "gpu_bytes", "energy_j")
            yield Contention(kind="gpu", value=float(theirs), limit=limit, unit="B", text=text, spoils=spoils)
        if gpu.slowed_share is not None and gpu.slowed_share >= SLOWED and not is_elsewhere:
            why = ", ".join(gpu.reasons)
            text = f"{gpu.name} ({gpu.id}) ran slower than it could for {_percent(gpu.slowed_share)} of the time{f': {why}' if why else ''}"
            yield Contention(kind="gpu_slowed", value=gpu.slowed_share, limit=SLOWED, unit="share", text=text, spoils=_SPEED)


def notes(uses: tuple[MachineUse, ...], energetic: Collection[str] = ()) -> Iterator[str]:
    """A sentence about the served models that did not have the machine for themselves, those of which the same is to be said together.

    `energetic`: models whose energy is known.
    """
    served = Counter(use.model_id for use in uses)
    told: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for use in uses:
        if use.contention:
            name = use.model_id if served[use.model_id] == 1 else f"{use.model_id} · {', '.join(use.variant_ids)}"
            spoilt = {name for one in use.contention for name in one.spoils}
            kinds = [word for name, word in _IN_WORDS.items() if name in spoilt and (name != "energy_j" or use.model_id in energetic)]
            if not kinds:  # energy that nobody knows
                continue
            what = f"{', '.join(kinds[:-1])} and {kinds[-1]}" if len(kinds) > 1 else kinds[0]
            told["; ".join(one.text for one in use.contention), what].append(name)
    for (why, what), names in list(told.items())[:_MOST_TOLD]:
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        when = "while it was measured" if len(names) == 1 else "while they were measured"
        yield f"{', '.join(names[:_MOST_NAMED])}{more}: {why} {when}: {what} may be spoilt."
    left = sum(len(names) for names in list(told.values())[_MOST_TOLD:])
    if left:
        whose = "1 more model" if left == 1 else f"{left} more models"
        yield f"{whose} shared the machine with other work, too: see “Machine”."


_IN_WORDS = {"ttft": "times", "output_tps": "speeds", "rss_peak_bytes": "memory", "gpu_bytes": "GPU memory", "energy_j": "energy"}


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
