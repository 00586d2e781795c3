"""What was compared, and what limits belief in it: the first thing a reader sees."""

from collections.abc import Iterable, Iterator

from bench.records.run import Manifest
from bench.records.spec import Spec
from bench.report import numbers
from bench.report.escape import short
from bench.report.judges import judge_cautions
from bench.report.lookup import Lookup
from bench.report.provenance import spec_argument
from bench.report.ruler import of_the_client

# Intervals clustered over few clusters are too narrow: Cameron & Miller, "A Practitioner's Guide to Cluster-Robust Inference",
# Journal of Human Resources 50 (2015), §VI: "few" is less than 20 to less than 50 clusters.
FEW_PROMPTS = 20


def headline(seen: Lookup, spec: Spec, manifest: Manifest) -> tuple[str, ...]:
    """The purpose, and one sentence of what was compared and how many trials that made."""
    counts = seen.counts.values()
    planned, completed = sum(count.planned for count in counts), sum(count.completed for count in counts)
    failed, missing = sum(count.failed for count in counts), sum(count.missing for count in counts)
    models = len({key.model_id for key in seen.keys})
    measured = len({key.model_id for key in seen.measured})
    variants = len({key.variant_id for key in seen.keys})
    in_variants = f", in {variants} variants" if variants > 1 else ""
    what = (
        f"{measured} of {numbers.count(models, 'model')} measured{in_variants}: {numbers.count(planned, 'trial')} planned, "
        f"{completed:,} answered, {failed:,} failed, {missing:,} missing."
    )
    rounds = _rounds(spec, manifest)
    prompts = _prompts(seen) or max((count.planned for count in counts), default=0) // rounds  # what was not asked was planned
    how = f"{numbers.count(prompts, 'prompt')}, {numbers.count(rounds, 'round')}, {_load(spec)}; {_generation(spec)}."
    return tuple(line for line in (short(spec.description or "", 600), f"{what} {how}") if line)


def _prompts(seen: Lookup) -> int:
    return max((found.clusters for found in seen.estimates), default=0) or len(seen.prompts())


def _rounds(spec: Spec, manifest: Manifest) -> int:
    return 1 if manifest.quick else spec.rounds


def _load(spec: Spec) -> str:
    match spec.load.kind, spec.load.concurrency:
        case "closed", 1:
            return "one request at a time"
        case "closed", most:
            return f"{most:,} requests in flight (closed loop)"
        case kind, most:
            return f"load shape {kind}, at most {most:,} in flight"


def _generation(spec: Spec) -> str:
    wanted = spec.generation
    parts = [
        f"temperature {wanted.temperature:g}" if wanted.temperature is not None else "temperature: server's default",
        f"at most {wanted.max_tokens:,} output tokens" if wanted.max_tokens is not None else "output length: server's default",
        "streamed" if wanted.stream else "not streamed: no TTFT, ITL or decode speed",
    ]
    return ", ".join(parts)


def cautions(seen: Lookup, spec: Spec, manifest: Manifest) -> tuple[str, ...]:
    """Everything that limits belief in the numbers, the gravest first."""
    return (
        *_replayed(spec),
        *_apart(seen),
        *of_the_client(seen.summary, spec),
        *_of_the_run(seen, manifest),
        *_of_the_answers(seen),
        *judge_cautions(seen, spec),
        *_not_evaluated(seen),
        *_notes(seen),
    )


def _replayed(spec: Spec) -> Iterator[str]:
    again = [model.id for model in spec.models if model.runtime == "replay"]
    if again:
        yield f"Replayed, not measured: {', '.join(again)}. The numbers are those that another run recorded, perhaps on another machine."


def _apart(seen: Lookup) -> Iterator[str]:
    if len(seen.ways) > 1:
        others = [seen.label(key) for key in seen.keys if seen.transport(key) != "http"]
        yield f"Not all answers came over HTTP: {', '.join(others)}. Times, speeds and memory of such models stand apart, without a comparison."


def _of_the_run(seen: Lookup, manifest: Manifest) -> Iterator[str]:
    stopped = sorted({block.stopped_by for block in seen.summary.health if block.stopped_by})
    again = f"`bench run {short(spec_argument(manifest))} --resume`"
    if manifest.status == "failed" and not seen.measured:
        yield f"Nothing could be measured; {again} tries again."
    elif manifest.status != "finished":
        by = f" by {', '.join(short(rule, 60) for rule in stopped)}" if stopped and manifest.status != "interrupted" else ""
        words = {"running": "is not finished", "failed": "failed"}.get(manifest.status, f"was {manifest.status}{by}")
        yield f"This run {words}; {again} continues it."
    absent = [key for key in seen.keys if key not in seen.measured]
    if absent:
        named = ", ".join(f"{seen.label(key)} ({status.state if (status := seen.status(key)) else 'not tried'})" for key in absent)
        yield f"Without numbers: {named}. The reasons stand below the results."
    part = [*(["`--quick`"] if manifest.quick else []), *(f"--only {word}" for word in manifest.only), *(f"--skip {word}" for word in manifest.skip)]
    if part or manifest.overrides:
        given = [short(word, 120) for word in (*part, *(f"--set {word}" for word in manifest.overrides))]
        yield f"Not the spec as it stands: {', '.join(given).replace('`', '')}."


def _of_the_answers(seen: Lookup) -> Iterator[str]:
    failed = {kind: 0 for count in seen.counts.values() for kind in count.failures}
    for count in seen.counts.values():
        for kind, n in count.failures.items():
            failed[kind] += n
    if failed:
        kinds = ", ".join(f"{kind.replace('_', ' ')} {n:,}" for kind, n in sorted(failed.items()))
        yield f"{numbers.count(sum(failed.values()), 'trial')} failed ({kinds}): counted as failures, in no latency."
    prompts = _prompts(seen)
    is_said = any(note.startswith("Few prompts") for note in seen.summary.notes)
    if seen.measured and 0 < prompts < FEW_PROMPTS and not is_said:
        yield f"Only {numbers.count(prompts, 'prompt')}: the intervals speak of prompts like these; more prompts tell more than more rounds."
    lengths = [found for key in seen.measured if (found := seen.of(key, "completion_tokens", "mean", "p50")) and found.value]
    values = [found.value for found in lengths if found.value]
    if len(values) > 1 and max(values) > 1.2 * min(values):  # a fifth longer makes latencies a fifth longer at equal speed
        yield "Answers differ in length between models: latency mixes speed with length; compare the per-token figures."


def _not_evaluated(seen: Lookup) -> Iterator[str]:
    in_words = [aspect for aspect in seen.summary.aspects if aspect.kind != "check"]
    open_ = {(each.group.prompt_id, each.group.aspect_id) for each in in_words if not each.graded + each.abstained + each.failed}
    if open_:
        yield f"{numbers.count(len(open_), 'expected aspect')} in words need a judge and are not graded: “checks met” covers the checks alone."


def _notes(seen: Lookup) -> Iterable[str]:
    return (short(note) for note in seen.summary.notes)
