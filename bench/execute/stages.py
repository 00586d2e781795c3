"""A load as the engine runs it: one stage after the other. Most shapes are one stage."""

from collections.abc import Callable, Iterator, Sequence
from itertools import repeat

from bench.protocols import LoadShape, Stage, StagedLoad
from bench.records.plan import Trial
from bench.records.sample import Sample


def stages(load: LoadShape, trials: Sequence[Trial], seed: int) -> Iterator[Stage]:
    """The stages of a load. The next one is asked for when all trials of the one before are decided."""
    if isinstance(load, StagedLoad):
        yield from load.stages(trials, seed)
        return
    opens = getattr(load, "opens", None)
    places = repeat(0.0, load.concurrency) if opens is None else opens()
    yield Stage(trials=trials, arrivals=load.arrivals(len(trials), seed), opens=tuple(places))


def observer(load: LoadShape) -> Callable[[Sample], None] | None:
    """Whom to tell of each sample that decides a measured trial; None for a load that does not look at answers."""
    return load.observe if isinstance(load, StagedLoad) else None


def ended(load: LoadShape) -> str | None:
    """Why a load ended before its last stage, or None."""
    return load.ended if isinstance(load, StagedLoad) else None


def max_wait_s(load: LoadShape) -> float | None:
    """How long an arrival may wait for a place before it is dropped. Unit: s. None: as long as it takes."""
    found: float | None = getattr(load, "max_wait_s", None)
    return found
