"""Which variant a spec's alias means: by the device that the catalogue says a variant was made for and what can run it here, never by its name."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

import msgspec

from bench.errors import ServingError
from bench.records.foundry import ExecutionProvider, FoundryCatalogue, FoundryVariant
from bench.records.plan import Treatment

CPU_PROVIDER = "CPUExecutionProvider"
MAKE_WRITABLE = "its SDK puts a lock file there: make the folder writable, or let BENCH_FOUNDRY_CACHE name a copy that is"
_SHOWN, _NEAR = 8, 3
_CUTOFF = 0.4  # of difflib: aliases differ in sizes and versions, so near misses share most of their letters


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """The variant to serve, and what the reader must know of those that were not taken."""

    variant: FoundryVariant
    notes: tuple[str, ...] = ()


def wanted_device(treatment: Treatment) -> str:
    """`auto`, `cpu`, `gpu` or `npu`; `gpu:` of a variant says the same in other words."""
    if treatment.device is not None:
        return treatment.device
    return {"on": "gpu", "off": "cpu"}.get(treatment.gpu.mode, "auto") if treatment.gpu is not None else "auto"


def unheeded(treatment: Treatment, *, is_ours: bool) -> tuple[str, ...]:
    """What the entry asks for and Foundry Local has no way to do, for the reader."""
    gpu = treatment.gpu
    asked = [name for name, value in (("layers", gpu.layers), ("devices", gpu.devices)) if value] if gpu is not None else []
    notes = [f"`gpu: {{{name}}}` has no effect: the variant of Foundry Local is the device" for name in asked]
    if not is_ours:
        settings = [name for name, value in (("threads", treatment.threads), ("context", treatment.context)) if value]
        notes += [f"`{name}:` has no effect on a service that bench did not start" for name in settings]
    return tuple(notes)


def wanted_name(treatment: Treatment) -> str:
    """What the entry calls the model: its exact name, else the alias, else the entry's own id."""
    return treatment.model.model or treatment.model.alias or treatment.model.id


def choose(catalogue: FoundryCatalogue, name: str, device: str) -> Choice:
    """The variant that a name and a device mean.

    Raises: ServingError, `unavailable`: nothing is listed, the name is unknown, or it has nothing for this device.
    """
    if not catalogue.variants:
        raise _empty(catalogue, name)
    candidates = named(catalogue.variants, name)
    if not candidates:
        raise _unknown(catalogue, name)
    fitting = [variant for variant in candidates if device in {"auto", variant.device}]
    if not fitting:
        raise _other_device(candidates, name, device)
    ranked = sorted(fitting, key=lambda variant: _rank(variant, catalogue.providers, is_free=device == "auto"))
    best = ranked[0]
    passed_over = [
        f"{variant.id} was passed over: {variant.execution_provider} is not registered here"
        for variant in ranked[1:]
        if device == "auto" and not can_run(variant, catalogue.providers) and can_run(best, catalogue.providers)
    ]
    others = [variant.id for variant in ranked[1:] if variant.device == best.device]
    notes = [f"{name!r} may also mean {', '.join(others[:_SHOWN])}: `model:` names one exactly"] if others else []
    return Choice(variant=best, notes=(*passed_over, *notes))


def named(variants: Sequence[FoundryVariant], name: str) -> list[FoundryVariant]:
    """The variants that a name means: one exactly, the newest of a name without a version, or all of an alias."""
    exact = [variant for variant in variants if variant.id == name]
    if exact:
        return exact
    lowered = name.lower()
    same = [variant for variant in variants if variant.name.lower() == lowered or variant.id.lower() == lowered]
    if same:
        return [max(same, key=lambda variant: variant.version)]
    return [variant for variant in variants if variant.alias.lower() == lowered]


def can_run(variant: FoundryVariant, providers: Iterable[ExecutionProvider]) -> bool:
    """Whether what the variant was made for is at hand."""
    return variant.execution_provider in {None, CPU_PROVIDER} or variant.execution_provider in {
        provider.name for provider in providers if provider.is_registered
    }


def _rank(variant: FoundryVariant, providers: Sequence[ExecutionProvider], *, is_free: bool) -> tuple[bool, bool, bool, str, int]:
    """Smaller is better: what can run here (where the device is left open), what is cached, what the SDK would take, of one name the newest."""
    return is_free and not can_run(variant, providers), not variant.is_cached, not variant.is_chosen, variant.name, -variant.version


def read_only(cache: str | None) -> str:
    """Why nothing of a full cache is listed."""
    return f"nothing of {cache} is listed, because Foundry Local cannot write there"


def _empty(catalogue: FoundryCatalogue, name: str) -> ServingError:
    if catalogue.is_read_only:
        return ServingError(f"{read_only(catalogue.cache)}, so {name!r} is not known", hint=MAKE_WRITABLE, state="unavailable")
    known = f"; it names {catalogue.cache} now" if catalogue.cache else ""
    if catalogue.unreachable:
        hint = f"connect once so that the catalogue is read and the model downloaded, or set BENCH_FOUNDRY_CACHE to a folder that holds both{known}"
        message = f"Foundry Local's catalogue cannot be read, and nothing of it is cached ({catalogue.unreachable}), so {name!r} is not known"
        return ServingError(message, hint=hint, state="unavailable")
    message = f"Foundry Local's catalogue is empty, so {name!r} is not known"
    return ServingError(message, hint=f"set BENCH_FOUNDRY_CACHE to the folder that holds the models{known}", state="unavailable")


def _unknown(catalogue: FoundryCatalogue, name: str) -> ServingError:
    aliases = list(dict.fromkeys(variant.alias for variant in catalogue.variants))
    exact = [variant.id for variant in catalogue.variants]
    lowered = {each.lower(): each for each in (*exact, *aliases)}
    near = [lowered[each] for each in get_close_matches(name.lower(), lowered, n=_NEAR, cutoff=_CUTOFF)]
    more = f" and {len(aliases) - _SHOWN} more" if len(aliases) > _SHOWN else ""
    guess = f"did you mean {' or '.join(near)}? " if near else ""
    stale = f" (as it was read before: {catalogue.unreachable})" if catalogue.unreachable else ""
    hint = f"{guess}it has: {', '.join(aliases[:_SHOWN])}{more}"
    return ServingError(f"Foundry Local's catalogue has no model {name!r}{stale}", hint=hint, state="unavailable")


def _other_device(candidates: Sequence[FoundryVariant], name: str, device: str) -> ServingError:
    if [variant.id.lower() for variant in candidates] == [name.lower()]:
        (only,) = candidates
        message = f"{only.id} was made for {only.device or 'no named device'} ({only.execution_provider}), and device {device!r} is asked for"
        hint = "leave `device:` out; or name the alias alone, so that the device chooses the variant"
        return ServingError(message, hint=hint, state="unavailable")
    has = ", ".join(f"{variant.id} ({variant.device or 'device unknown'}, {variant.execution_provider})" for variant in candidates[:_SHOWN])
    reason = "" if device == "cpu" else "; variants for a GPU or NPU are listed only where an execution provider for it can run"
    return ServingError(
        f"Foundry Local has no variant of {name!r} for device {device!r} on this machine", hint=f"it has: {has}{reason}", state="unavailable"
    )
