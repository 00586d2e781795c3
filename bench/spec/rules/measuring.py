"""Gates, limits, selection, judge: what is decided with the numbers, and whether they can be had."""

from collections.abc import Iterator
from typing import Any

from bench.errors import BenchError
from bench.records.source import Diagnostic
from bench.records.spec import metric_and_statistic
from bench.spec import hints
from bench.spec.marked import Path
from bench.spec.rules.quantities import amount, kind_of
from bench.spec.rules.view import View, text, whole

# Measured by the run as a whole, beside the registered metrics: metric -> what kind of number it is.
WHOLE_RUN = {
    "score": "number", "output_tps": "number", "request_rate": "number", "goodput": "number", "load_s": "duration", "rss_bytes": "size",
    "gpu_bytes": "size", "disk_bytes": "size", "energy_j": "number", "cost": "money", "cost_per_request": "money",
    "cost_per_million_tokens": "money", "cost_per_accepted_answer": "money",
}  # fmt: skip
_KINDS = WHOLE_RUN | {
    "aspect": "share",
    "ttft": "duration", "ttfb": "duration", "itl": "duration", "tpot": "duration", "latency": "duration", "error_rate": "share",
    "quality": "share", "checks_met": "share", "judged": "share", "multi_token_chunks": "share", "decode_tps": "number", "prefill_tps": "number",
    "server_decode_tps": "number", "completion_tokens": "number", "prompt_tokens": "number",
}  # fmt: skip
_STREAMED = {"ttft", "itl", "tpot", "decode_tps", "multi_token_chunks"}
_TIMES = {"ttft", "ttfb", "itl", "tpot", "latency"}  # they have percentiles; whatever else is known here is one figure of all answers
_MEANS = {"quality", "score", "checks_met", "judged", "error_rate", "completion_tokens", "prompt_tokens"}
_SAMPLES = {"p95": 72, "p99": 368}  # an upper 95 % limit by order statistics: 1 - 0.95^n, 1 - 0.99^n >= 0.975
_GRADED = {"quality", "score", "checks_met", "judged"}
_NEITHER = {"completion_tokens", "prompt_tokens"}
_DECLARED = {"license", "capabilities"}


def check(view: View) -> Iterator[Diagnostic]:
    """Metrics that do not exist or cannot be measured here, too few samples, a judge of its own answers."""
    for path, gate in view.entries("gates"):
        yield from _metric(view, (*path, "metric"), text(gate, "metric"))
        yield from _units(view, path, gate, "aspect" if "aspect" in gate else text(gate, "metric"))
        yield from _samples(view, (*path, "at"), text(gate, "metric"), text(gate, "at"))
        yield from _statistic(view, path, gate)
    yield from _selection(view)
    for key in ("ttft", "tpot"):
        if key in view.section("slo"):
            yield from _metric(view, ("slo", key), key, at="key")
    if "cost" in view.section("limits") and not any("cost" in judge for _, judge in view.entries("judges")):
        yield from _metric(view, ("limits", "cost"), "cost", at="key")
    yield from _costs(view)
    yield from _judge(view)
    yield from _pass_k(view)


def _metric(view: View, path: Path, name: str, at: str = "value") -> Iterator[Diagnostic]:
    if name and name not in WHOLE_RUN and not view.extensions.has("metric", name):
        known = {*view.extensions.names("metric"), *WHOLE_RUN}
        yield view.tree.diagnose(path, "dangling-name", f"there is no metric `{name}`", hint=hints.for_name(name, known, "metrics"), at=at)
    elif (problem := _unmeasurable(view, name)) is not None:
        yield view.tree.diagnose(path, "not-measurable", f"`{name}` cannot be measured with these settings: {problem[0]}", hint=problem[1], at=at)


def _unmeasurable(view: View, name: str) -> tuple[str, str] | None:
    if name in _STREAMED and not _streams(view):
        return "answers are not streamed", "remove `stream: false` from `generation`"
    if name in _GRADED and view.has_all_prompts and not any(prompt.get("aspects") or prompt.get("rubric") for _, prompt in view.prompts):
        return "no prompt has aspects", "add `aspects:` to the prompts"
    if name.partition("_")[0] == "cost" and name in WHOLE_RUN and "cost" not in view.data and not any("cost" in model for _, model in view.models):
        return "there is no cost model", "add `cost:`, for example `cost: {model: energy, busy_watts: 25, price_per_kwh: 0.30 EUR}`"
    if name == "goodput" and "slo" not in view.data:
        return "there is no `slo`", "add `slo:`, for example `slo: {ttft: 500 ms}`"
    if name == "energy_j" and view.section("telemetry").get("energy") == "off":
        return "`telemetry.energy` is off", "write `energy: auto`"
    return None


def _streams(view: View) -> bool:
    """Whether any variant streams."""
    everywhere = view.section("generation").get("stream", True)
    variants = [view.section(*path, "generation").get("stream", everywhere) for path, _ in view.entries("variants")]
    return any(one is not False for one in variants) if variants else everywhere is not False


def _units(view: View, path: Path, bounds: dict[str, Any], metric: str) -> Iterator[Diagnostic]:
    expected = _KINDS.get(metric)
    for key in ("min", "max"):
        found = kind_of(bounds.get(key))
        if expected is not None and found not in {None, "number", expected}:
            message = f"`{metric}` is a {expected}, but `{key}` is a {found}"
            yield view.tree.diagnose((*path, key), "wrong-unit", message, hint=f"for example {_example(expected)}")
    low, high = bounds.get("min"), bounds.get("max")
    if low is not None and high is not None and (kind := kind_of(low)) is not None and kind == kind_of(high) and amount(low) > amount(high):
        yield view.tree.diagnose((*path, "max"), "out-of-range", f"`max` ({high}) is below `min` ({low}): nothing can fulfil this")


def _example(kind: str) -> str:
    return {"duration": "`800 ms`", "size": "`2 GB`", "share": "`5 %` or `0.05`", "money": "`1 EUR`"}.get(kind, "`12.5`, without a unit")


def _samples(view: View, path: Path, metric: str, statistic: str) -> Iterator[Diagnostic]:
    """Percentiles far out need many answers. Inter-token latencies are many per answer."""
    needed = _SAMPLES.get(statistic)
    if needed is None or metric == "itl" or not view.has_all_prompts:
        return
    n = len(view.prompts)
    if n < needed:
        message = f"an interval of {statistic} needs at least {needed} prompts (rounds do not stand in for them); this spec has {n}"
        hint = "add prompts, or look at p50; until then this stays undecided"
        yield view.tree.diagnose(path, "too-few-samples", message, hint=hint, severity="warning")


def _statistic(view: View, path: Path, gate: dict[str, Any]) -> Iterator[Diagnostic]:
    """Percentiles of what is one figure over all answers."""
    name, at = "aspect" if "aspect" in gate else text(gate, "metric"), text(gate, "at")
    if at and name in _KINDS and name not in _TIMES and not (at == "mean" and name in _MEANS):
        message = f"`{name}` has no {at}: it is one figure of all answers"
        yield view.tree.diagnose((*path, "at"), "not-measurable", message, hint="leave `at` out")


def _selection(view: View) -> Iterator[Diagnostic]:
    weights = view.section("selection", "weights")
    for name in weights:
        yield from _counted(view, ("selection", "weights", name))
        if (metric := metric_and_statistic(name)[0]) in _NEITHER:
            message = f"neither more nor less `{metric}` is better: it cannot count"
            yield view.tree.diagnose(("selection", "weights", name), "not-measurable", message, hint="remove it from `weights`", at="key")
    if weights and not any(isinstance(weight, int | float) and weight > 0 for weight in weights.values()):
        yield view.tree.diagnose(("selection", "weights"), "out-of-range", "every weight is 0: nothing counts", hint="give one a weight above 0")
    for name, bounds in view.section("selection", "require").items():
        if name not in _DECLARED:
            yield from _counted(view, ("selection", "require", name))
            yield from _units(view, ("selection", "require", name), bounds if isinstance(bounds, dict) else {}, metric_and_statistic(name)[0])


def _counted(view: View, path: Path) -> Iterator[Diagnostic]:
    """A metric whose name may end in a statistic, such as `ttft_p95`."""
    metric, statistic = metric_and_statistic(str(path[-1]))
    yield from _metric(view, path, metric, at="key")
    if statistic is None:
        return
    if metric in _KINDS and metric not in _TIMES and not (statistic == "mean" and metric in _MEANS):
        message = f"`{metric}` has no {statistic}: it is one figure of all answers"
        yield view.tree.diagnose(path, "not-measurable", message, hint=f"write `{metric}`", at="key")
    else:
        yield from _samples(view, path, metric, statistic)


def _costs(view: View) -> Iterator[Diagnostic]:
    """Settings that their cost model refuses."""
    for path in [("cost",), *((*path, "cost") for path, _ in (*view.models, *view.entries("judges")))]:
        given = view.section(*path)
        name = text(given, "model")
        if not view.extensions.has("cost", name):
            continue
        further = given.get("settings")
        settings = {key: value for key, value in given.items() if key not in {"model", "settings"}}
        try:
            problem = view.extensions.problem("cost", name, {**settings, **further} if isinstance(further, dict) else settings)
        except BenchError as error:
            yield view.tree.diagnose((*path, "model"), "missing-extension", error.message, hint=error.hint)
            continue
        if problem is not None:
            yield view.tree.diagnose(path, "cost-settings", f"`{name}`: {problem}", at="key")


def _judge(view: View) -> Iterator[Diagnostic]:
    judges, models = view.names("judges"), view.names("models")
    for name in sorted(judges & models):
        message = f"`{name}` is the name of a judge and of a model"
        yield view.tree.diagnose(("judges", name), "duplicate-id", message, hint="give the judge another name", at="key")
    judge = view.section("judge")
    if text(judge, "method") == "human":  # people grade: no judge is served, and `use` names nobody
        return
    allowed = judge.get("allow_self") is True
    named: list[tuple[Path, str]] = [(("judge", "use"), text(judge, "use"))]
    members = judge.get("members")
    named += [(("judge", "members", index), name) for index, name in enumerate(members if isinstance(members, list) else ()) if isinstance(name, str)]
    for path, name in named:
        if not name:
            continue
        if name not in judges | models:
            yield view.tree.diagnose(path, "dangling-name", f"there is no judge `{name}`", hint=hints.for_name(name, judges, "judges"))
        elif not allowed and (subject := _subject(view, name)) is not None:
            message = f"the judge `{name}` would grade its own answers (it is the model `{subject}`)"
            hint = "name another judge, or write `allow_self: true`; the report then marks it"
            yield view.tree.diagnose(path, "self-judging", message, hint=hint)


def _pass_k(view: View) -> Iterator[Diagnostic]:
    """More answers to one prompt than there are rounds."""
    rounds, given = whole(view.data, "rounds", 1), view.section("report").get("pass_k")
    for index, k in enumerate(given if isinstance(given, list) else ()):
        if isinstance(k, int) and k > rounds:
            message = f"pass@{k} needs {k} answers to each prompt, and `rounds` is {rounds}"
            yield view.tree.diagnose(("report", "pass_k", index), "out-of-range", message, hint=f"write `rounds: {k}`, or a smaller k")


def _subject(view: View, name: str) -> str | None:
    """The measured model that a judge is, by name or by what is served."""
    judge = view.section("judges", name)
    for _, model in view.models:
        named = ("model",) if text(judge, "runtime") == "foundry-local" and "model" in judge and "model" in model else ("alias",)
        same = [key for key in ("weights", "sha256", *named) if key in judge and judge[key] == model.get(key)]
        is_server = "base_url" in judge and all(judge.get(key) == model.get(key) for key in ("base_url", "model"))
        if text(model, "id") == name or same or is_server:
            return text(model, "id")
    return None
