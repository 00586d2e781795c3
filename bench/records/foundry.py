"""What Foundry Local's catalogue and cache hold, as its SDK tells it."""

from typing import Literal

import msgspec

FoundryDevice = Literal["cpu", "gpu", "npu"]


class FoundryVariant(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A model made for one device: what an alias stands for.

    `device` and `execution_provider` are what the catalogue says that it was made for; `size_bytes` is the download's size as the catalogue rounds it
    (whole MiB). `is_chosen`: the one of its alias that the SDK itself would take.
    """

    id: str  # `name:version`
    name: str
    version: int
    alias: str
    device: FoundryDevice | None = None
    execution_provider: str | None = None
    size_bytes: int | None = None
    is_cached: bool = False
    is_loaded: bool = False
    is_chosen: bool = False
    license: str | None = None
    publisher: str | None = None
    task: str | None = None
    context: int | None = None
    max_output_tokens: int | None = None
    capabilities: tuple[str, ...] = ()


class ExecutionProvider(msgspec.Struct, frozen=True, kw_only=True):
    """What can run a model on a device of this machine, once it is registered."""

    name: str
    is_registered: bool


class FoundryCatalogue(msgspec.Struct, frozen=True, kw_only=True):
    """All variants that can be had here, and the execution providers of this machine beside the CPU's.

    `unreachable`: why the catalogue on the network was not read, in its words; `variants` are then what an earlier reading left. `took_s`: to list.
    `cache`: the folder of its models that BENCH_FOUNDRY_CACHE names; None: the SDK's own. `is_read_only`: nothing can be written there, and version 2
    lists nothing of a folder into which it cannot put its lock.
    """

    variants: tuple[FoundryVariant, ...]
    providers: tuple[ExecutionProvider, ...]
    sdk: str
    took_s: float
    unreachable: str | None = None
    cache: str | None = None
    is_read_only: bool = False
