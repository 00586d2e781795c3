"""One block of a plan, measured: bring its models up, run its trials, put the models away. Part of the program (`pipeline.py`).

Whatever goes wrong with a model costs its own rows: it becomes a `ModelStatus` with its reason, and the run goes on.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from urllib.parse import urlsplit

import msgspec

from bench.clock import Clock
from bench.errors import BenchError, ExtensionBroke, ServingError
from bench.execute import loop
from bench.execute.delivered import Delivered
from bench.execute.engine import ExecutionSettings, run_block
from bench.execute.progress import Progress
from bench.execute.seat import ProviderFactory, Seat
from bench.execute.stop import StopRules
from bench.interrupts import Interrupts
from bench.protocols import LoadShape, Parting, Restartable, SelfSpoken, Served, ServingContext
from bench.providers.dialects import with_unmet
from bench.providers.ollama_chat import OllamaChat
from bench.records.machine import ClientHealth
from bench.records.plan import Block, ServingKey, Treatment
from bench.records.sample import Sample
from bench.records.serving import ModelState, ModelStatus, ServingFacts
from bench.records.spec import Spec
from bench.registry import Registry
from bench.serving.gpu_words import wanted_gpu
from bench.serving.placement import after_measuring
from bench.trials import columns, warmups
from bench.watching import Blind, Watch


class Instruments(msgspec.Struct, frozen=True, kw_only=True):
    """What measuring needs: the spec's settings, the extensions, the clock, what may end it, and where its records go.

    `run` sends a block's trials to its seats: `alone`, or `workers.Workers.measure`.

    `served_before` are the (model, variant) that an earlier session of the run brought up. `watch` reads the machine meanwhile.
    """

    spec: Spec
    registry: Registry
    context: ServingContext
    stop: StopRules
    interrupts: Interrupts
    progress: Progress
    clock: Clock
    worker: str
    on_sample: Callable[[Sample], None]
    on_status: Callable[[ModelStatus], None]
    on_health: Callable[[ClientHealth], None]
    run: Callable[["Instruments", Block, dict[ServingKey, Seat]], None]
    served_before: frozenset[tuple[str, str]] = frozenset()
    watch: Watch = Blind()


def measure(instruments: Instruments, block: Block) -> None:
    """Measure one block. Samples, statuses and health go to the instruments' callables as they come.

    Raises: KeyboardInterrupt when the user interrupts while a model comes up; during the trials an interrupt ends them through the stop rules.
    """
    instruments.stop.check_time()
    if instruments.stop.reason is not None:
        _skip(instruments, block.treatments)
        return
    gone: list[tuple[Served, ModelStatus]] = []
    with ExitStack() as closing:
        served = _bring_up(instruments, block, closing)
        seats = {key: _seat(instruments, model) for key, model in served.items()}
        trials = columns(block.trials).where(lambda kind: kind.key in seats)
        if not trials:
            return
        block = msgspec.structs.replace(block, trials=trials)
        with instruments.watch.block(served):
            instruments.run(instruments, block, seats)
        for treatment in block.treatments:
            if treatment.key in served:
                after = _after(treatment, served[treatment.key], seats[treatment.key])
                gpu_bytes = instruments.watch.gpu_peak_bytes if after.gpu_bytes is None else after.gpu_bytes
                after = msgspec.structs.replace(after, gpu_bytes=gpu_bytes)
                after = after_measuring(wanted_gpu(treatment), after, instruments.watch.gpu_peak_bytes)
                after = with_unmet(instruments.spec, after)
                instruments.on_status(after)
                gone.append((served[treatment.key], after))
    for model, after in gone:
        if isinstance(model, Parting) and (told := model.parting()):
            instruments.on_status(msgspec.structs.replace(after, notes=(*after.notes, *told)))


def _skip(instruments: Instruments, treatments: Sequence[Treatment], how_far: str = "not its turn yet") -> None:
    """Say of models that the run was ended before they were reached; what an earlier session knows of one is worth more than that."""
    for treatment in treatments:
        if (treatment.model_id, treatment.variant_id) not in instruments.served_before:
            reason = f"{how_far} when the run was ended: {instruments.stop.message}"
            instruments.on_status(_status(treatment, "skipped", reason=reason, hint="continue with --resume"))


def _bring_up(instruments: Instruments, block: Block, closing: ExitStack) -> dict[ServingKey, Served]:
    """Every model of the block that can be served; the others leave their status with the reason.

    Raises: KeyboardInterrupt when the user interrupts; what was not up yet is skipped.
    """
    served: dict[ServingKey, Served] = {}
    refused: dict[ServingKey, ServingError] = {}
    for place, treatment in enumerate(block.treatments):
        key = treatment.key
        if key not in served and key not in refused:
            try:
                served[key] = _serve(instruments, treatment)
                closing.callback(served[key].close)
            except ServingError as error:
                refused[key] = error
            except KeyboardInterrupt:
                instruments.stop.interrupt()
                _skip(instruments, block.treatments[place : place + 1], "not up yet")
                _skip(instruments, block.treatments[place + 1 :])
                raise
        if (refusal := refused.get(key)) is not None:
            instruments.on_status(_status(treatment, refusal.state, reason=refusal.message, hint=refusal.hint))
        else:
            instruments.on_status(with_unmet(instruments.spec, _served_status(treatment, served[key])))
    return served


def _serve(instruments: Instruments, treatment: Treatment) -> Served:
    with instruments.interrupts.raising():
        try:
            runtime = instruments.registry.load("runtime", treatment.model.runtime)()
            served: Served = runtime.serve(treatment, instruments.context)
            with ExitStack() as closing:
                closing.callback(served.close)
                _provider(instruments, served)
                closing.pop_all()
        except ServingError:
            raise
        except BenchError as error:
            # A missing extra is this model's trouble, not the run's.
            raise ServingError(error.message, hint=error.hint, state="failed" if isinstance(error, ExtensionBroke) else "unavailable") from error
    return served


def _seat(instruments: Instruments, model: Served) -> Seat:
    restart = model.restart if isinstance(model, Restartable) else None
    provider = _provider(instruments, model)
    return Seat(endpoint=model.endpoint, provider=provider, credential=model.credential, death=model.death, restart=restart)


def _provider(instruments: Instruments, model: Served) -> ProviderFactory:
    """What speaks to a model: what it brings itself, else its server's own API, else what its address names, else the spec's client."""
    if isinstance(model, SelfSpoken):
        return model.provider
    if model.endpoint.api == "ollama":
        return OllamaChat
    scheme = urlsplit(model.endpoint.base_url).scheme  # an address that no HTTP client can speak to names its provider
    name = scheme if scheme not in {"http", "https"} and instruments.registry.has("provider", scheme) else instruments.spec.client
    provider: ProviderFactory = instruments.registry.load("provider", name)
    return provider


def load_of(instruments: Instruments) -> LoadShape:
    """The spec's load."""
    load: LoadShape = instruments.registry.load("load", instruments.spec.load.kind)(instruments.spec.load)
    return load


def alone(instruments: Instruments, block: Block, seats: dict[ServingKey, Seat]) -> None:
    """Measure a block's trials in this process."""
    instruments.on_health(loop.run(measure_with(instruments, block, seats, load_of(instruments))))


async def measure_with(instruments: Instruments, block: Block, seats: dict[ServingKey, Seat], shape: LoadShape) -> ClientHealth:
    """Measure a block's trials under a load; the health of this process is returned."""
    spec = instruments.spec
    settings = ExecutionSettings(load=shape, seed=spec.seed, retries=spec.retries, timeout_s=spec.timeout_s, keep_alive_s=spec.keep_alive_s)
    warm_ups = frozenset(warmups(block.trials).ids())
    delivered = Delivered(min(shape.concurrency, len(block.trials) - len(warm_ups)) if spec.load.kind == "closed" else None, warm_ups)

    def on_sample(sample: Sample) -> None:
        instruments.on_sample(sample)
        delivered.observe(sample)

    health = await run_block(
        block,
        seats,
        settings,
        on_sample,
        instruments.progress,
        instruments.stop,
        instruments.clock,
        instruments.worker,
    )
    return delivered.told(health)


def _served_status(treatment: Treatment, model: Served) -> ModelStatus:
    return _status(treatment, "served", endpoint_of=model)


def _after(treatment: Treatment, model: Served, seat: Seat) -> ModelStatus:
    """What became of a model by the end of its block."""
    if seat.died is not None:
        return _status(
            treatment, "failed", reason=seat.died, hint="its log is in the run folder's logs/; what it answered is kept", endpoint_of=model
        )
    return _served_status(treatment, model)


def _status(
    treatment: Treatment, state: ModelState, *, reason: str | None = None, hint: str | None = None, endpoint_of: Served | None = None
) -> ModelStatus:
    facts = endpoint_of.facts() if endpoint_of else ServingFacts()
    return ModelStatus(
        model_id=treatment.model_id,
        variant_id=treatment.variant_id,
        treatment_digest=treatment.digest,
        state=state,
        is_optional=treatment.optional,
        reason=reason,
        hint=hint,
        endpoint=endpoint_of.endpoint if endpoint_of else None,
        download_s=facts.download_s,
        disk_bytes=facts.disk_bytes,
        rss_loaded_bytes=facts.rss_loaded_bytes,
        rss_peak_bytes=facts.rss_peak_bytes,
        gpu_bytes=facts.gpu_bytes,
        cpu_s=facts.cpu_s,
        notes=facts.notes,
        started=facts.started,
    )
