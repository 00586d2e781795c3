"""Telemetry sources of third parties."""

from typing import Any

from bench.errors import ExtensionBroke, MissingExtension, SourceAbsent
from bench.extensions.guard import Origin, a, attempt
from bench.protocols import TelemetryMeans
from bench.records.telemetry import GpuFacts, Readings

_GIVES = frozenset({"gpu", "energy"})


def telemetry(origin: Origin, kind: Any, means: TelemetryMeans) -> "GuardedSource":
    """The source.

    Raises: SourceAbsent or MissingExtension as the source says, ExtensionBroke.
    """
    made = attempt(origin, "when it was made", lambda: kind(means), passes=(SourceAbsent, MissingExtension))
    gives, detail, gpus, read = attempt(origin, "when it was made", lambda: (frozenset(made.gives), made.detail, tuple(made.gpus), made.read))
    if not gives <= _GIVES:
        raise origin.odd("when it was made", gives, "`gives`, of `gpu` and `energy`")
    if not isinstance(detail, str):
        raise origin.odd("when it was made", detail, "`detail`, a text")
    if not all(isinstance(gpu, GpuFacts) for gpu in gpus):
        raise origin.odd("when it was made", gpus, "`gpus`, a tuple of GpuFacts")
    return GuardedSource(origin, made, read, (gives, detail, gpus))


class GuardedSource:
    """A source whose trouble is that it says nothing any more. It is read in the recorder's thread, where nothing can be cut short."""

    def __init__(self, origin: Origin, made: Any, read: Any, told: tuple[frozenset[Any], str, tuple[GpuFacts, ...]]) -> None:
        """Around this one; `told`: what it gives, its detail and its GPUs."""
        self._origin, self._made, self._read = origin, made, read
        self.gives, self.detail, self.gpus = told

    def read(self) -> Readings:
        """Raises: SourceAbsent or OSError as the source says, ExtensionBroke."""
        found = attempt(self._origin, "when it was read", self._read, passes=(SourceAbsent, OSError))
        return a(self._origin, "when it was read", found, Readings)

    def close(self) -> None:
        """End it; what it raises then is told as a trouble and harms nothing."""
        try:
            attempt(self._origin, "when it was closed", self._made.close)
        except ExtensionBroke:  # told already
            return
