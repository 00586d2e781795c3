"""Which models a spec has, as they are served, and how each stands before anything is fetched or started. Part of the program (`pipeline.py`)."""

import importlib.util
import shutil
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import msgspec

from bench.errors import BenchError, ServingError, UsageError
from bench.plan.expand import treatment_of
from bench.protocols import ServingContext
from bench.records.foundry import FoundryCatalogue
from bench.records.models import Outlook, Role, SpecModel
from bench.records.plan import Treatment
from bench.records.spec import ModelSpec, Spec, Variant
from bench.registry import Registry
from bench.serving.command_words import as_shell, start_of, visible
from bench.serving.foundry_catalogue import catalogue
from bench.serving.foundry_choice import can_run, choose, wanted_device, wanted_name
from bench.serving.foundry_local import ENDPOINT
from bench.serving.probe import Reply, get, model_ids
from bench.serving.weights import at_hand

_LIST_S = 8.0
_ASKED = {"external", "replay"}  # to bring these up starts nothing and fetches nothing: they are asked themselves


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A model as it is served: once for all variants that differ only in what is sent. `slots`: as a judge it is asked so much at once."""

    model: ModelSpec
    variants: tuple[str, ...]
    variant: Variant
    role: Role
    is_optional: bool
    slots: int = 1

    @property
    def treatment(self) -> Treatment:
        """What is served."""
        return treatment_of(self.model, self.variant)


def places_of(spec: Spec, only: Sequence[str] = ()) -> tuple[Place, ...]:
    """Every model and judge of a spec in its order; with `only` those whose id one of the globs fits (`model:`, `judge:` or `variant:` says which).

    Raises: UsageError when a word fits nothing.
    """
    places = [*_models(spec), *(_judge(spec, judge) for judge in spec.judges)]
    for word in only:
        if not any(_fits(word, place) for place in places):
            known = ", ".join(dict.fromkeys(place.model.id for place in places))
            raise UsageError(f"--only {word!r} fits no model, judge or variant of the spec", hint=f"it has: {known}")
    by_name = [word for word in only if not word.startswith("variant:")]
    by_variant = [word for word in only if word.startswith("variant:")]
    kept = [place for place in places if all(not words or any(_fits(word, place) for word in words) for words in (by_name, by_variant))]
    if not kept:
        raise UsageError("--only leaves nothing", hint="name models or judges, or variants, that belong together")
    return tuple(kept)


def _models(spec: Spec) -> list[Place]:
    found: dict[tuple[str, str], list[Variant]] = {}
    models = {model.id: model for model in spec.models}
    for model in spec.models:
        for variant in spec.variants:
            found.setdefault(treatment_of(model, variant).key, []).append(variant)
    return [
        Place(
            model=models[model_id],
            variants=tuple(variant.id for variant in variants),
            variant=variants[0],
            role="model",
            is_optional=models[model_id].optional or all(variant.optional for variant in variants),
        )
        for (model_id, _), variants in found.items()
    ]


def _judge(spec: Spec, judge: ModelSpec) -> Place:
    from bench.judges import MOST_SLOTS  # noqa: PLC0415 - brings the SDK, which takes a second

    slots = min(spec.judge.concurrency if spec.judge else 1, MOST_SLOTS) if judge.runtime == "llama.cpp" else 1
    return Place(model=judge, variants=("judge",), variant=Variant(id="judge", optional=True), role="judge", is_optional=judge.optional, slots=slots)


def _fits(word: str, place: Place) -> bool:
    kind, colon, glob = word.partition(":")
    if colon and kind == "variant":
        return any(fnmatchcase(name, glob) for name in place.variants)
    if colon and kind in {"model", "judge"}:
        return kind == place.role and fnmatchcase(place.model.id, glob)
    return fnmatchcase(place.model.id, word)


def outlook(places: Sequence[Place], registry: Registry, context: ServingContext) -> tuple[SpecModel, ...]:
    """How each stands. Servers that run are asked, and so is Foundry Local's catalogue, once; nothing is fetched, started or loaded."""
    listed = cache(lambda: catalogue(context))
    return tuple(_told(place, registry, context, listed) for place in places)


class _Stand(msgspec.Struct, frozen=True):
    state: Outlook
    bytes: int | None = None
    reason: str | None = None
    hint: str | None = None


def _told(place: Place, registry: Registry, context: ServingContext, listed: Callable[[], FoundryCatalogue]) -> SpecModel:
    try:
        stand = _stand(place, registry, context, listed)
    except BenchError as error:
        stand = _Stand("unavailable", None, error.message, error.hint)
    return SpecModel(
        model_id=place.model.id,
        variants=place.variants,
        role=place.role,
        runtime=place.model.runtime,
        source=source_of(place),
        is_optional=place.is_optional,
        state=stand.state,
        bytes=stand.bytes,
        reason=stand.reason,
        hint=stand.hint,
    )


def source_of(place: Place) -> str:
    """Where it comes from, in few words."""
    model = place.model
    match model.runtime:
        case "foundry-local":
            device = wanted_device(place.treatment)
            return f"foundry:{wanted_name(place.treatment)}" + (f" ({device})" if device != "auto" else "")
        case "external":
            return f"{model.model or model.id} at {model.base_url}"
        case "replay":
            return str(model.settings.get("run", "a run"))
    if model.weights is not None:
        return " + ".join(model.weights.parts)
    return model.model or model.server or " ".join(model.command[:1]) or model.runtime


def _stand(place: Place, registry: Registry, context: ServingContext, listed: Callable[[], FoundryCatalogue]) -> _Stand:
    runtime = registry.load("runtime", place.model.runtime)
    match place.model.runtime:
        case "foundry-local":
            named = place.model.base_url or context.environ.get(ENDPOINT)
            return _foundry_service(named, place.treatment) if named else _foundry(place.treatment, listed)
        case "llama.cpp" if importlib.util.find_spec("xllamacpp") is None:
            return _Stand("unavailable", None, "llama.cpp is not installed", "pip install 'bench-spec[local]'")
        case "llama.cpp":
            return _weights(place.model, context, "ready")
        case "command":
            return _command(place, context)
        case name if name in _ASKED:
            runtime().serve(place.treatment, context).close()
            return _Stand("ready")
    return _Stand("unknown", None, "only bringing it up shows whether it can be had", "bench models check SPEC")


def _weights(model: ModelSpec, context: ServingContext, there: Outlook) -> _Stand:
    if model.weights is None:
        return _Stand(there)
    size = at_hand(model.weights, context)
    return _Stand(there, size) if size is not None else _Stand("to fetch", model.size_bytes, None, "bench models pull SPEC")


def _command(place: Place, context: ServingContext) -> _Stand:
    start = start_of(place.treatment)
    program = start.words[0]
    if shutil.which(program, path=context.environ.get("PATH")) is None and not Path(program).is_file():
        return _Stand("unavailable", None, f"the program {program!r} is not found on the PATH", "install it, or write its whole path")
    stand = _weights(place.model, context, "to start")
    return msgspec.structs.replace(stand, reason=f"runs: {as_shell(visible(start)[0])}")


def _foundry(treatment: Treatment, listed: Callable[[], FoundryCatalogue]) -> _Stand:
    read = listed()
    variant = choose(read, wanted_name(treatment), wanted_device(treatment)).variant
    if not variant.is_cached:
        if read.unreachable:
            raise ServingError(f"{variant.id} is not cached, and the catalogue is out of reach ({read.unreachable})", hint="connect once, or pull it")
        return _Stand("to fetch", variant.size_bytes, f"{variant.id} on {variant.device or 'an unknown device'}", "bench models pull SPEC")
    if not can_run(variant, read.providers):
        return _Stand("unknown", variant.size_bytes, f"{variant.id} needs {variant.execution_provider}, which is not registered here yet")
    return _Stand("ready", variant.size_bytes, f"{variant.id} on {variant.device or 'an unknown device'}")


def _foundry_service(address: str, treatment: Treatment) -> _Stand:
    root = address.rstrip("/").removesuffix("/v1")
    reply = get(f"{root}/v1/models", within_s=_LIST_S)
    names = model_ids(reply.value()) if isinstance(reply, Reply) and reply.status == 200 else None
    if names is None:
        why = f"it answered {reply.status}" if isinstance(reply, Reply) else reply.detail
        raise ServingError(f"no Foundry Local service answers on {root}: {why}", hint="start it, and read its address from `foundry status`")
    exact = treatment.model.model
    if exact is not None and exact in names:
        return _Stand("ready", None, f"{exact} at {root}")
    return _Stand("unknown", None, f"the service at {root} tells what an alias means only when it loads it", "bench models check SPEC")
