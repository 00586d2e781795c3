"""Two runs in few numbers, against each other."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from bench.compare.align import Aligned, align
from bench.compare.aspects import MEASURE, aspects, regraded, unscored
from bench.compare.figures import Figure, figures, told
from bench.compare.levels import decided, levels, wanted
from bench.compare.likeness import CLIENT, CONTENTION, MACHINE, unlike
from bench.compare.tolerance import ASPECT, tolerance
from bench.compare.vetoes import Vetoes, forbidden, late
from bench.errors import UsageError
from bench.records.baseline import Baseline
from bench.records.compare import OF_ERRORS, OF_TIMES, Change, Compared, Limits, Moved, Once, RunComparison, Unlike

COMPARED = ("quality", "judged", "error_rate", "ttft", "latency", "decode_tps")
MOST_MOVED = 5
_SCORES = ("quality", "judged", "checks_met")


class Asked(NamedTuple):
    """What is compared, and how. `metrics` empty: the usual ones that both have; `ttft:p95` is a figure over all answers.

    `busy_client`, `busy_machine`: verdicts on times though the client was too slow, or though other work took part of the machine.
    """

    metrics: tuple[str, ...] = ()
    tolerances: Mapping[str, float] = {}
    across_machines: bool = False
    across_requests: bool = False
    busy_client: bool = False
    busy_machine: bool = False


class Side(NamedTuple):
    """A run in few numbers, and what was given for it."""

    run: Baseline
    source: str
    is_baseline: bool = False


def compare(base: Side, head: Side, asked: Asked) -> RunComparison:
    """What head does otherwise than base.

    Raises: NotComparable when nothing was asked of both, UsageError when a metric was asked for that both do not have.
    """
    aligned, narrowed = align(base.run, head.run, across_requests=asked.across_requests)
    differences = unlike(base.run, head.run, aligned)
    vetoes = _vetoes(base.run, head.run, differences, asked)
    of_all = [one for word in dict.fromkeys(asked.metrics) if (one := wanted(word)) is not None]
    of_prompts = [word for word in asked.metrics if wanted(word) is None]
    names = _metrics(base.run, head.run, of_prompts) if of_prompts or not of_all else ()
    family: list[Figure] = []
    for name in names:
        measure = head.run.metrics[name]
        more = (unscored(name, base.run, head.run), tolerance(name, measure, asked.tolerances), vetoes)
        family += [figure for figure in figures(name, measure, aligned, more) if figure.effects.size]
    of_aspects = list(aspects(base.run, head.run, aligned, tolerance(ASPECT, MEASURE, asked.tolerances)))
    over_all = levels(base.run, head.run, aligned, of_all, (asked.tolerances, vetoes))
    families = max(1, bool(family) + bool(of_aspects) + bool(over_all))
    seed = base.run.seed
    changed = told(of_aspects, seed, families)
    prompts = frozenset(a.prompt_id for one in aligned for a, _ in one.pairs)
    return RunComparison(
        base=_compared(base),
        head=_compared(head),
        aligned=sum(len(one.pairs) for one in aligned),
        across_machines=asked.across_machines,
        across_requests=asked.across_requests,
        unlike=differences,
        narrowed=(*narrowed, *regraded(base.run, head.run, prompts)),
        changes=told(family, seed, families),
        aspects=tuple(change for change in changed if change.difference),
        levels=tuple(decided(over_all, families)),
        once=tuple(_once(aligned)),
        moved=_moved(aligned, unscored("quality", base.run, head.run)),
        notes=(*_notes(base.run, head.run, changed, asked), *_silent(asked, family)),
    )


def _compared(side: Side) -> Compared:
    run = side.run
    return Compared(
        run_id=run.run_id,
        spec_name=run.spec_name,
        spec_version=run.spec_version,
        started_at=run.started_at,
        source=side.source,
        kind="baseline" if side.is_baseline else "run",
        status=run.status,
        commit=run.git.commit if run.git else None,
        chosen=run.chosen,
    )


def _metrics(base: Baseline, head: Baseline, wanted: Sequence[str]) -> tuple[str, ...]:
    """The metrics to compare: those asked for, or the usual ones; what a judge says is told apart only where it is not the whole quality."""
    both = head.metrics.keys() & base.metrics.keys()
    if missing := [name for name in wanted if name not in both]:
        raise UsageError(f"not both runs have a metric {missing[0]!r} to compare", hint=f"both have {', '.join(sorted(both))}")
    if wanted:
        return tuple(dict.fromkeys(wanted))
    return tuple(name for name in COMPARED if name in both and not (name == "judged" and _says_as_much(base) and _says_as_much(head)))


def _says_as_much(run: Baseline) -> bool:
    """Whether the judge's scores are the answers' scores."""
    return all(each.values.get("judged") == each.values.get("quality") for model in run.models for each in model.answers)


def _vetoes(base: Baseline, head: Baseline, differences: Sequence[Unlike], asked: Asked) -> Vetoes:
    """What forbids verdicts, of all that is unlike."""
    of_times = [each for each in differences if each.limits in OF_TIMES and each.what not in {CLIENT, CONTENTION}]
    of_machine = [each for each in of_times if each.limits == "speed"]
    return Vetoes(
        timed=forbidden(_otherwise(of_times, asked)),
        machine=forbidden(_otherwise(of_machine, asked)),
        errors=forbidden(_unlike_in(differences, OF_ERRORS)),
        late=() if asked.busy_client else late(base, head),
        is_full_load="client" not in {base.limited_by, head.limited_by},
        beside=not asked.busy_machine,
    )


def _otherwise(differences: Sequence[Unlike], asked: Asked) -> str | None:
    """In what the runs were measured otherwise."""
    machines = [each.what.removeprefix(MACHINE) for each in differences if each.what.startswith(MACHINE)]
    reasons = [f"other machines ({', '.join(machines)})"] if machines and not asked.across_machines else []
    return "; ".join((*reasons, *(f"{each.what}: {each.base} → {each.head}" for each in differences if not each.what.startswith(MACHINE)))) or None


def _unlike_in(differences: Sequence[Unlike], limits: Sequence[Limits]) -> str | None:
    """What is unlike and limits so, in words."""
    return "; ".join(f"{each.what}: {each.base} → {each.head}" for each in differences if each.limits in limits) or None


def _once(aligned: Sequence[Aligned]) -> Iterator[Once]:
    for one in aligned:
        for fact in sorted(one.base.facts.keys() & one.head.facts.keys()):
            unit = "s" if fact.endswith("_s") else "B"
            model, variant = one.name
            yield Once(fact=fact, unit=unit, model_id=model, variant_id=variant, base=one.base.facts[fact], head=one.head.facts[fact])
        first, second = one.base.cost, one.head.cost
        if first is not None and second is not None and (first.priced, first.currency) == (second.priced, second.currency):
            amounts = (first.amounts.get("request"), second.amounts.get("request"))
            if amounts[0] is not None and amounts[1] is not None:
                model, variant = one.name
                yield Once(fact="cost_per_request", unit=first.currency, model_id=model, variant_id=variant, base=amounts[0], head=amounts[1])


def _moved(aligned: Sequence[Aligned], left_out: frozenset[str]) -> tuple[Moved, ...]:
    """The prompts whose quality moved most, the farthest first."""
    found = []
    for one in aligned:
        for a, b in one.pairs:
            if a.prompt_id in left_out or not ("quality" in a.values and "quality" in b.values):
                continue
            base, head = a.values["quality"][0], b.values["quality"][0]
            lost: list[str] = []
            won: list[str] = []
            for aspect in sorted(a.aspects.keys() & b.aspects.keys()):
                (met, of), (now, of_now) = a.aspects[aspect], b.aspects[aspect]
                if met * of_now != now * of:
                    (lost if now * of < met * of_now else won).append(f"{aspect} ({met}/{of} → {now}/{of_now})")
            if base != head:
                model, variant = one.name
                found.append(Moved(prompt_id=a.prompt_id, model_id=model, variant_id=variant, base=base, head=head, lost=tuple(lost), won=tuple(won)))
    return tuple(sorted(found, key=lambda each: (-abs(each.head - each.base), each.prompt_id, each.model_id, each.variant_id))[:MOST_MOVED])


def _silent(asked: Asked, family: Sequence[Figure]) -> Iterator[str]:
    """Metrics that were asked for and have nothing to compare."""
    told = {figure.metric for figure in family}
    for name in asked.metrics:
        if name not in told and wanted(name) is None:
            yield f"No prompt has one value of {name} on both sides that compare; {name}:p50 is over all answers."


def _notes(base: Baseline, head: Baseline, aspects_of: Sequence[Change], asked: Asked) -> Iterator[str]:
    for name, run in (("Base", base), ("Head", head)):
        if run.status != "finished":
            yield f"{name} is {run.status}: what it did not come to takes no part."
    if asked.busy_client and (base.client_saturated or head.client_saturated):
        yield "Times are compared though the measuring client could not keep up, as asked: they hold its own delay."
    if asked.busy_machine and any(model.contention for run in (base, head) for model in run.models):
        yield "Times are compared though other work took part of the machine, as asked: what differs may be that work."
    if base.run_id == head.run_id:
        yield "Base and head are the same run."
    if asked.across_requests:
        yield "Prompts are compared by their ids, also where they were asked in other words or with other settings."
    if asked.across_machines and base.machine != head.machine:
        yield "Times and speeds are compared across machines, as asked: what differs may be the machine."
    if unmoved := sum(not change.difference for change in aspects_of):
        yield f"{unmoved} of {len(aspects_of)} aspects of models did not move."
