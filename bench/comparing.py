"""Two runs, or a run and a baseline, against each other. Part of the program (`pipeline.py`); loads numpy, and only when something is compared."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from bench.compare.compare import Asked, Side, compare
from bench.compare.levels import RATES
from bench.digest import digest
from bench.errors import UsageError
from bench.grading import graded_by, primary, scoring
from bench.records.baseline import Baseline, Contestant, Grader, Grading, Measure, Price
from bench.records.compare import Moved, RunComparison
from bench.records.cost import CostEstimate
from bench.records.estimate import Group, Summary
from bench.records.judging import JudgeRecord
from bench.records.selection import in_few_numbers
from bench.records.spec import Aspect, Load, Prompt, Rubric, Spec
from bench.records.telemetry import spoiling
from bench.registry import Registry
from bench.revisions import content_at, split
from bench.spec.load import load_spec
from bench.store.baselines import decoded, read_baseline
from bench.store.decided import Decided
from bench.store.layout import RunLayout, find_run
from bench.store.reader import read_judges, read_manifest, read_plan, read_statuses, read_summary
from bench.summarize.reading import read_run
from bench.summarize.rows import Rows
from bench.summarize.standing import contestants, kept, level_of, median_answers, rounded

MOST_ANSWER = 800  # characters of an answer that is shown beside another
_SHORT = 8
_MOST_WORDS = 120
_SPOILT = {"times": ("latency", "s"), "energy": ("energy_j", "J"), "memory": ("rss_peak_bytes", "B"), "gpu_memory": ("gpu_bytes", "B")}
_SLOWS_CLOCKS = {"heat", "gpu_slowed", "quota"}


class Standing(NamedTuple):
    """A run in few numbers; of a run that is at hand also its rows and where its answers are."""

    side: Side
    rows: Rows | None = None
    decided: Decided | None = None


def stand(layout: RunLayout, registry: Registry, metrics: Sequence[str] = (), source: str = "", summary: Summary | None = None) -> Standing:
    """Reduce a run to few numbers. `metrics`: further ones to keep. `summary`: the run's, where it is not in its folder yet.

    Raises: RunFolderError when the folder is damaged, SpecError when its spec is no longer one.
    """
    manifest, plan = read_manifest(layout), read_plan(layout)
    spec = graded_by(layout, registry, load_spec(layout.resolved, extensions=registry, environ={}).spec)
    every = registry.every("metric")
    wanted = kept(every, metrics)
    decided, judges = Decided(layout, plan, scoring=scoring(layout, spec)), read_judges(layout)
    seen = read_run(spec, decided, wanted)
    if summary is None and layout.summary.exists():
        summary = read_summary(layout)
    models = contestants(spec, plan, read_statuses(layout), seen, wanted)
    found = Baseline(
        spec_name=manifest.spec_name,
        spec_version=manifest.spec_version,
        spec_digest=manifest.spec_digest,
        run_id=manifest.run_id,
        status=manifest.status,
        started_at=manifest.started_at,
        bench_version=manifest.bench_version,
        git=manifest.git,
        machine=manifest.machine,
        client_saturated=bool(manifest.client_saturated),
        limited_by=summary.limited_by if summary is not None else None,
        seed=spec.seed,
        circumstances=circumstances(spec),
        judges=tuple(
            Grader(grader_id=each.grader_id, digest=each.grader_digest[:16], verdict=each.qualification.verdict, counts=each.may_count)
            for each in judges
            if each.state == "served" or each.counts
        ),
        slo=_slo(spec),
        metrics={name: Measure(unit=metric.unit, better=metric.better) for name, metric in wanted.items()},
        prompts=gradings(spec, judges),
        models=models if summary is None else tuple(_with_summary(each, spec, summary) for each in models),
        chosen=in_few_numbers(summary.selection) if summary is not None else None,
    )
    return Standing(Side(found, source or manifest.run_id), seen.rows, decided)


def _with_summary(model: Contestant, spec: Spec, summary: Summary) -> Contestant:
    """A model with what only the summary says of all its answers: rates, statistics that a gate asked for, and what they cost."""
    group = Group(model_id=model.model_id, variant_id=model.variant_id)
    has = {(level.metric, level.statistic) for level in model.levels}
    kept_of = {level.metric for level in model.levels} | set(RATES)
    further = (
        level_of(one)
        for one in summary.estimates
        if one.group == group and one.metric in kept_of and (one.metric, one.statistic) not in has and one.value is not None
    )
    costs = [one for one in summary.costs if (one.model_id, one.variant_id) == (model.model_id, model.variant_id) and one.amount is not None]
    told = tuple(sorted((*model.levels, *further), key=lambda one: one.metric))
    return replace(model, levels=told, contention=dict(_beside(model, summary)), cost=_price(costs, spec))


def _beside(model: Contestant, summary: Summary) -> Iterator[tuple[str, str]]:
    """What may have spoilt its times, its energy and its memory. What also slows the clocks may make an answer's energy less, and not only more."""
    of = (model.model_id, model.variant_id)
    is_slowed = any(one.kind in _SLOWS_CLOCKS for one in spoiling(summary.machine, of, "latency", "s"))
    for kind, (metric, unit) in _SPOILT.items():
        if (found := spoiling(summary.machine, of, metric, unit)) and not (kind == "energy" and is_slowed):
            yield kind, "; ".join(one.text for one in found)


def _price(costs: Sequence[CostEstimate], spec: Spec) -> Price | None:
    if not costs:
        return None
    first = costs[0]
    declared = next((model.cost for model in spec.models if model.id == first.model_id and model.cost is not None), spec.cost)
    table = first.note if first.basis == "list price" else None
    priced = digest([msgspec.to_builtins(declared), table])[:16]
    amounts: dict[str, float] = {one.per: rounded(one.amount) for one in costs if one.amount is not None}
    return Price(cost_model=first.cost_model, priced=priced, currency=first.currency, amounts=amounts)


def _slo(spec: Spec) -> str | None:
    if spec.slo is None:
        return None
    limits = msgspec.to_builtins(spec.slo)
    return ", ".join(f"{name.removesuffix('_s')} {limit:g} s" for name, limit in limits.items() if isinstance(limit, int | float))


def circumstances(spec: Spec) -> dict[str, str]:
    """What shapes times beside machine and model, in words."""
    told = {"load": _load(spec.load), "client of the spec": spec.client, "order": spec.order, "prompt cache": spec.cache, "warm-up": str(spec.warmup)}
    told |= {"timeout": f"{spec.timeout_s:g} s", "retries": str(spec.retries)}
    if spec.keep_alive_s is not None:
        told["keep-alive"] = f"every {spec.keep_alive_s:g} s"
    return told


def _load(load: Load) -> str:
    settings = json.dumps(load.settings, sort_keys=True, default=str)
    if len(settings) > _MOST_WORDS:
        settings = f"settings {digest(settings)[:_SHORT]}"
    return f"{load.kind}, {load.concurrency} at once, {load.steps} steps" + (f", {settings}" if load.settings else "")


def gradings(spec: Spec, judges: Sequence[JudgeRecord]) -> dict[str, Grading]:
    """How each prompt's answers are graded; prompts that nothing grades are left out."""
    rubrics = {rubric.id: rubric for rubric in spec.rubrics}
    counting = [judge.grader_digest for judge in judges if judge.may_count]
    own = primary(spec, tuple(judges))
    by_whom = (counting, own.grader_digest if own else None)
    return {prompt.id: _grading(prompt, rubrics.get(prompt.rubric or ""), by_whom) for prompt in spec.prompts if prompt.aspects or prompt.rubric}


def _grading(prompt: Prompt, rubric: Rubric | None, by_whom: tuple[Sequence[str], str | None]) -> Grading:
    counting, own = by_whom
    checks, others = ([each for each in prompt.aspects if (each.check is not None) is is_check] for is_check in (True, False))
    is_judged = bool(others) or (rubric is not None and any(criterion.question for criterion in rubric.criteria))
    asked = [msgspec.to_builtins(rubric), msgspec.to_builtins(checks)]
    judged = [*asked, msgspec.to_builtins(others), prompt.reference]
    return Grading(
        checks=digest(asked)[:16] if checks else None,
        quality=digest([*judged, *(counting if is_judged else ())])[:16],
        judged=digest([*judged, own])[:16] if own else None,
        aspects={each.id: _asks(each, prompt, counting) for each in prompt.aspects},
    )


def _asks(aspect: Aspect, prompt: Prompt, counting: Sequence[str]) -> str:
    """What an aspect demands; how much it weighs is no part of that."""
    if aspect.check is not None:
        return digest(msgspec.to_builtins(aspect.check))[:_SHORT]
    return digest([aspect.expect, aspect.forbid, prompt.reference, *counting])[:_SHORT]


def found_side(which: str, runs: Path, registry: Registry, metrics: Sequence[str] = ()) -> Standing:
    """A baseline by the path of its file (`….json`, or `REVISION:….json`), or a run by whatever names one.

    Raises: RunFolderError when there is none, UsageError when there is no such revision or file in it.
    """
    if which.endswith(".json"):
        parts = split(which)
        found = read_baseline(Path(which)) if parts is None else decoded(content_at(*parts), which)
        return Standing(Side(found, which, is_baseline=True))
    return stand(RunLayout(find_run(runs, which)), registry, [word.partition(":")[0] for word in metrics], which)


def found_in(revision: str, which: str) -> Standing:
    """A baseline by the path that its file has in the working directory, as it is in a git revision.

    Raises: RunFolderError, UsageError when there is none.
    """
    if not which.endswith(".json"):
        raise UsageError(f"{which} is no file of a revision", hint="name the file of a baseline")
    return Standing(Side(decoded(content_at(revision, which, is_from_root=False), which), which, is_baseline=True))


def against(base: Standing, head: Standing, asked: Asked) -> RunComparison:
    """The comparison, with answers side by side where a run is at hand.

    Raises: NotComparable when nothing was asked of both.
    """
    found = compare(base.side, head.side, asked)
    texts = [_answers(side, found.moved) for side in (base, head)]
    moved = tuple(replace(each, base_answer=texts[0].get(_key(each)), head_answer=texts[1].get(_key(each))) for each in found.moved)
    return replace(found, moved=moved)


def _key(moved: Moved) -> tuple[str, str, str]:
    return moved.model_id, moved.variant_id, moved.prompt_id


def _answers(side: Standing, moved: Sequence[Moved]) -> Mapping[tuple[str, str, str], str]:
    """Of each prompt the answer with the median score."""
    if side.rows is None or side.decided is None:
        return {}
    places = median_answers(side.rows, [_key(each) for each in moved])
    seen = side.decided.observed(places)
    return {key: one.completion.text[: MOST_ANSWER + 1] for key, one in zip(places.values(), seen, strict=True) if one.completion is not None}
