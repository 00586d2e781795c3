"""A judge brought up, asked what it can do, and made ready to grade. Part of the program (`pipeline.py`).

A judge is served like any model, when all is measured and the models are put away. Whatever goes wrong with it costs its own grades.
"""

from collections.abc import Mapping
from contextlib import ExitStack

import msgspec
from msgspec.structs import replace

from bench.errors import BenchError, ServingError
from bench.grading import UnusableJudge
from bench.interrupts import Interrupts
from bench.judge.capability import Found, is_better, is_full, probe
from bench.judge.identity import is_the_judge, judge_identity, same_family
from bench.judge.means import JudgeMeans
from bench.judge.metered import Work
from bench.judge.prefixes import with_prefixes
from bench.plan.expand import treatment_of
from bench.protocols import Questioner, Restartable, Served, ServingContext
from bench.providers.ollama_questioner import MANNERS, OllamaQuestioner
from bench.providers.questioner import DIALECTS, GRAMMATICAL, ChatQuestioner
from bench.records.judging import Capabilities
from bench.records.plan import Plan, Treatment
from bench.records.serving import ModelStatus
from bench.records.spec import JudgeSpec, ModelSpec, Spec, Variant
from bench.registry import Registry
from bench.serving.context_size import context_of

MOST_SLOTS = 8  # of an embedded judge: each holds a whole context in memory
_EMBEDDED = "llama.cpp"


class Seat(msgspec.Struct, frozen=True, kw_only=True):
    """A judge that is up."""

    name: str
    treatment: Treatment
    served: Served
    places: int  # answers that it judges at once

    @property
    def identity(self) -> str:
        """The digest of what answers."""
        return judge_identity(self.treatment, self.served.endpoint)

    @property
    def is_known(self) -> bool:
        """Whether its weights are known, so that its word holds beyond this run."""
        return self.served.endpoint.weights_digest is not None


def entry_of(spec: Spec, name: str) -> ModelSpec:
    """The judge of this name, or the model.

    Raises: UnusableJudge when there is neither.
    """
    for model in (*spec.judges, *spec.models):
        if model.id == name:
            return model
    known = ", ".join(model.id for model in spec.judges) or "none"
    raise UnusableJudge(f"there is no judge {name!r}", hint=f"judges of the spec: {known}")


class Serving(msgspec.Struct, frozen=True, kw_only=True):
    """What bringing judges up needs; they are put away with `held`."""

    spec: Spec
    registry: Registry
    context: ServingContext
    interrupts: Interrupts
    held: ExitStack


def bring_up(name: str, serving: Serving) -> Seat:
    """Serve a judge.

    Raises: UnusableJudge when that is not possible, KeyboardInterrupt when the user interrupts.
    """
    spec = serving.spec
    entry, judge = entry_of(spec, name), spec.judge or JudgeSpec(use=name)
    treatment = treatment_of(entry, Variant(id="judge"))
    places = min(judge.concurrency, MOST_SLOTS) if entry.runtime == _EMBEDDED else judge.concurrency
    slots = places if entry.runtime == _EMBEDDED else 1
    try:
        with serving.interrupts.raising():
            served: Served = serving.registry.load("runtime", entry.runtime)().serve(treatment, replace(serving.context, slots=slots))
    except ServingError as error:
        raise UnusableJudge(error.message, hint=error.hint, is_away=error.state != "failed") from error
    except BenchError as error:
        raise UnusableJudge(error.message, hint=error.hint, is_away=True) from error
    serving.held.callback(served.close)
    if served.endpoint.transport != "http":
        hint = "let it be served over HTTP, by `runtime: external` or `command` for example"
        raise UnusableJudge(f"the judge {name!r} is not asked over HTTP ({served.endpoint.transport}), and a judge must be", hint=hint)
    return Seat(name=name, treatment=treatment, served=served, places=places)


def its_own(seat: Seat, plan: Plan, statuses: tuple[ModelStatus, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The measured models that are this judge, and those of its family."""
    endpoint = seat.served.endpoint
    served = {(status.model_id, status.variant_id): status.endpoint for status in statuses}
    same, related = set(), set()
    for treatment in (treatment for block in plan.blocks for treatment in block.treatments):
        measured = served.get((treatment.model_id, treatment.variant_id))
        if is_the_judge(seat.treatment.model, treatment, served=measured, judging=endpoint):
            same.add(treatment.model_id)
        names = (*_names(treatment.model), measured.served_model if measured else None)
        if same_family((*_names(seat.treatment.model), endpoint.served_model), names):
            related.add(treatment.model_id)
    return tuple(sorted(same)), tuple(sorted(related - same))


def _names(model: ModelSpec) -> tuple[str | None, ...]:
    return (model.model, model.alias, *(model.weights.parts if model.weights else ()), model.id)


async def means_of(seat: Seat, spec: Spec, templates: Mapping[str, str], held: list[Questioner], work: Work) -> JudgeMeans:
    """The judge, asked what it can do; its connections are put into `held`, and all that it is asked from now on into `work`.

    Raises: UnusableJudge when it gives no reply.
    """
    judge = spec.judge or JudgeSpec(use=seat.name)
    context = context_of(seat.served.endpoint, seat.served.credential)
    best: tuple[Questioner, Capabilities] | None = None
    found = Found()
    restart = seat.served.restart if isinstance(seat.served, Restartable) else None
    kind, manners = (OllamaQuestioner, MANNERS) if seat.served.endpoint.api == "ollama" else (ChatQuestioner, DIALECTS)
    for dialect in manners:
        questioner = work.over(
            kind(
                seat.served.endpoint,
                seat.served.credential,
                timeout_s=judge.timeout_s or spec.timeout_s,
                retries=spec.retries,
                dialect=dialect,
                restart=restart,
            )
        )
        held.append(questioner)
        found = await probe(questioner, context=context, may_have_grammar=dialect == GRAMMATICAL)
        if found.failure is not None:
            break
        able = found.capabilities
        if best is None or is_better(able, best[1]):
            best = questioner, able if dialect == "plain" else replace(able, notes=(*able.notes, f"asked in the manner {dialect!r}"))
        if is_full(able):
            break
    if best is None:
        why = found.failure.message if found.failure else "no reply"
        raise UnusableJudge(f"the judge {seat.name!r} gives no reply: {why}", hint="look at its server's log; then `bench judge RUN`")
    means = JudgeMeans(questioner=best[0], capabilities=best[1], settings=judge.settings, templates=templates, seed=spec.seed)
    return replace(means, capabilities=await with_prefixes(means))
