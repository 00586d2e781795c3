"""Every model of a spec brought up, asked one short question, and put away: `bench models check`. Part of the program (`pipeline.py`).

Each goes through the very code that measures it in a run (`measure.py`), alone, without warm-up and load. A replayed one is asked what was recorded.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from shutil import rmtree
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from bench.clock import Clock
from bench.errors import Exit, worst
from bench.execute.progress import Event
from bench.execute.seat import Seat
from bench.execute.stop import StopRules
from bench.interrupts import Interrupts
from bench.measure import Instruments, alone, measure
from bench.outlook import Place
from bench.plan.budget import judges_of
from bench.plan.expand import expand
from bench.protocols import ServingContext
from bench.records.exchange import Completion
from bench.records.models import CheckReason, CheckReport, CheckState, ModelCheck
from bench.records.plan import Block, ServingKey
from bench.records.sample import Sample
from bench.records.serving import ModelStatus
from bench.records.spec import Generation, Limits, Load, Message, Prompt, Spec
from bench.registry import Registry
from bench.serving.probe import Reply, get, model_ids
from bench.serving.process_tree import ProcessTree

QUESTION = "What is the capital of France? Answer in one word."
MOST_TOKENS = 32
_SHOWN = 200  # characters of an answer that are kept
_PROMPT = Prompt(id="check", messages=(Message(role="user", content=QUESTION),))
_LIST_S = 8.0  # Foundry Local first waits for its catalogue where there is no network


class Checking(msgspec.Struct, frozen=True, kw_only=True):
    """What a check works with. `on_start` is told each model before it is brought up; the context's logs go into a folder of the check's own."""

    spec: Spec
    places: tuple[Place, ...]
    registry: Registry
    context: ServingContext
    clock: Clock
    on_start: Callable[[Place], None]


def check(checking: Checking) -> CheckReport:
    """Check one model after the other; an interrupt ends it, and what is left is `skipped`."""
    logs = Path(tempfile.mkdtemp(prefix="bench-check-"))
    checking = replace(checking, context=replace(checking.context, log_folder=logs))
    stop = StopRules(Limits(), checking.clock)
    with Interrupts(stop) as interrupts:
        rows = tuple(_checked(checking, place, stop, interrupts) for place in checking.places)
    is_needless = all(row.state == "answered" for row in rows) or not any(logs.iterdir())
    if is_needless:
        rmtree(logs, ignore_errors=True)
    codes = list(_reasons(checking.spec, rows, is_interrupted=stop.reason is not None))
    return CheckReport(
        spec=checking.spec.name,
        models=rows,
        exit_code=int(worst(*(code for code, _ in codes))),
        reasons=tuple(CheckReason(code=int(code), message=words) for code, words in codes),
        logs=None if is_needless else str(logs),
    )


class _Seen:
    """What comes in while one model is checked."""

    def __init__(self) -> None:
        self.status: ModelStatus | None = None
        self.sample: Sample | None = None
        self.is_listed: bool | None = None

    def on_status(self, status: ModelStatus) -> None:
        self.status = status

    def on_sample(self, sample: Sample) -> None:
        self.sample = sample

    def notify(self, event: Event) -> None:
        """The row says it all."""

    def run(self, instruments: Instruments, block: Block, seats: dict[ServingKey, Seat]) -> None:
        """Look for the model in its server's list, then ask it."""
        for seat in seats.values():
            self.is_listed = _is_listed(seat)
        alone(instruments, block, seats)


def _checked(checking: Checking, place: Place, stop: StopRules, interrupts: Interrupts) -> ModelCheck:
    if stop.reason is None:
        checking.on_start(place)
    seen = _Seen()
    spec = _short(checking.spec, place)
    instruments = Instruments(
        spec=spec,
        registry=checking.registry,
        context=replace(checking.context, slots=place.slots),
        stop=stop,
        interrupts=interrupts,
        progress=seen,
        clock=checking.clock,
        worker="check",
        on_sample=seen.on_sample,
        on_status=seen.on_status,
        on_health=lambda _health: None,
        run=seen.run,
    )
    with suppress(KeyboardInterrupt):  # the stop rules know of it, so that the rest is skipped
        (block,) = expand(spec).blocks
        measure(instruments, block)
    return _row(place, seen)


def _short(spec: Spec, place: Place) -> Spec:
    """The spec with this model alone, and one short question; of a replayed model with the first prompt, as only what was asked then is recorded."""
    variant, is_replay = place.variant, place.model.runtime == "replay"
    asked = variant.generation or (Generation(temperature=0) if place.role == "judge" else spec.generation)
    few = replace(asked, max_tokens=min(asked.max_tokens or MOST_TOKENS, MOST_TOKENS), stop=(), ignore_eos=None)
    return replace(
        spec,
        models=(place.model,),
        prompts=spec.prompts[:1] if is_replay else (_PROMPT,),
        variants=(replace(variant, generation=variant.generation if is_replay else few),),
        load=Load(),
        rounds=1,
        warmup=0,
        order="blocked",
        limits=Limits(),
        keep_alive_s=None,
        record="summary",
    )


def _is_listed(seat: Seat) -> bool | None:
    """Whether the server's list has the model; names may stand there without their version, or with one more part."""
    endpoint = seat.endpoint
    if urlsplit(endpoint.base_url).scheme not in {"http", "https"}:
        return None
    reply = get(f"{endpoint.base_url}/models", credential=seat.credential, within_s=_LIST_S)
    names = model_ids(reply.value()) if isinstance(reply, Reply) and reply.status == 200 else None
    if names is None:
        return None
    known = {*names, *(name.rpartition(":")[0] for name in names if ":" in name)}
    return endpoint.served_model in known or endpoint.served_model.rpartition(":")[0] in names


def _row(place: Place, seen: _Seen) -> ModelCheck:
    status, sample = seen.status, seen.sample
    endpoint = status.endpoint if status is not None else None
    state, reason, hint = _came_to(status, sample)
    if place.role == "judge" and state == "answered" and endpoint is not None and endpoint.transport != "http":
        state, reason = "failed", f"the judge {place.model.id!r} is not asked over HTTP ({endpoint.transport}), and a judge must be"
        hint = "let it be served over HTTP, by `runtime: external` or `command` for example"
    row = ModelCheck(
        model_id=place.model.id,
        variants=place.variants,
        role=place.role,
        runtime=place.model.runtime,
        state=state,
        is_optional=place.is_optional,
        reason=reason,
        hint=hint,
        is_listed=seen.is_listed,
        answer=_beginning(sample),
        answer_s=sample.timing.finished_s - sample.timing.sent_s if sample is not None and state == "answered" else None,
    )
    if status is None or endpoint is None:
        return row
    return replace(
        row,
        served_model=endpoint.served_model,
        server=endpoint.server,
        transport=endpoint.transport,
        is_unloaded=_is_gone(endpoint.pid) if endpoint.owned else None,
        device=endpoint.device,
        placement=endpoint.placement,
        weights_digest=endpoint.weights_digest,
        load_s=endpoint.load_s,
        download_s=status.download_s,
        disk_bytes=status.disk_bytes,
        rss_loaded_bytes=status.rss_loaded_bytes,
        rss_peak_bytes=status.rss_peak_bytes,
        gpu_bytes=status.gpu_bytes,
        notes=status.notes,
    )


def _came_to(status: ModelStatus | None, sample: Sample | None) -> tuple[CheckState, str | None, str | None]:
    if status is None:
        return "skipped", "interrupted before it came to an end", None
    if status.state != "served":
        return status.state, status.reason, status.hint
    if sample is None:
        return "unanswered", "it came up, and was not asked any more", None
    if isinstance(sample.outcome, Completion):
        return "answered", None, None
    hint = "its log is kept" if status.endpoint is not None and status.endpoint.owned else None
    return "unanswered", f"it came up, and did not answer: {sample.outcome.kind}: {sample.outcome.message}", hint


def _beginning(sample: Sample | None) -> str | None:
    if sample is None or not isinstance(sample.outcome, Completion):
        return None
    return (sample.outcome.text or sample.outcome.reasoning)[:_SHOWN]


def _is_gone(pid: int | None) -> bool | None:
    return ProcessTree(pid, spawns=False).rss_bytes() in {None, 0} if pid is not None else None  # a process that has ended holds no memory


def _reasons(spec: Spec, rows: tuple[ModelCheck, ...], *, is_interrupted: bool) -> Iterator[tuple[Exit, str]]:
    """Why the exit code is not 0, as `bench run` would have it (`outcome.py`)."""
    if is_interrupted:
        yield Exit.INTERRUPTED, "interrupted; what was not checked is skipped"
    models = [row for row in rows if row.role == "model"]
    if models and not any(row.state == "answered" for row in models):
        yield Exit.NOTHING_MEASURED, "no model answered"
    for row in models:
        if row.state != "answered" and not row.is_optional:
            yield Exit.MODEL_FAILED, f"required model {row.model_id} [{', '.join(row.variants)}] is {row.state}"
    used = {judge.id for judge in judges_of(spec)}
    for row in rows:
        if row.role == "judge" and row.state != "answered" and row.model_id in used:
            yield Exit.JUDGE_UNUSABLE, f"judge {row.model_id} is {row.state}"
