"""The section “Variants”: each way of serving or asking a model against the first of them, metric by metric, as a ratio."""

import math
from collections.abc import Iterator, Sequence

import msgspec

from bench.records.comparison import VariantRatio
from bench.records.spec import Generation, Spec, Variant
from bench.records.view import Cell, Column, Section, Table
from bench.report import drift, glossary, numbers
from bench.report.escape import short
from bench.report.lookup import Key, Lookup


def variants(seen: Lookup, spec: Spec) -> Section | None:
    """A table for each model that was measured in several variants; None where none was."""
    found = [one for one in seen.summary.ratios if one.ratio is not None and math.isfinite(one.ratio)]
    if not found:
        return None
    titles = ("Metric", "Model", "Variant", "Against")
    columns = (
        *(Column(title=title) for title in titles),
        *(Column(title=title, is_number=True) for title in ("Ratio", "p (Holm)")),
        *(Column(title=title) for title in ("Verdict", "Interval over")),
    )
    table = Table(id="variants", columns=columns, rows=tuple(_row(one) for one in found), notes=tuple(_notes(found)))
    return Section(id="variants", title="Variants", text=(*_text(found, spec), *_unheld(seen, found, spec)), tables=(table,))


def _text(found: Sequence[VariantRatio], spec: Spec) -> Iterator[str]:
    declared = {variant.id: variant for variant in spec.variants}
    for name in dict.fromkeys(one.baseline_id for one in found):
        others = dict.fromkeys(one.variant_id for one in found if one.baseline_id == name)
        against = ", ".join(_described(other, declared.get(other), spec) for other in others)
        yield f"{against} against {_described(name, declared.get(name), spec)}, the variant that is declared first: × 2 is twice as much."


def _unheld(seen: Lookup, found: Sequence[VariantRatio], spec: Spec) -> Iterator[str]:
    """What the table does not hold: variants that were not measured, and what the machine did between one and the next."""
    states = {(model.id, variant.id): seen.status(Key(model.id, variant.id)) for model in spec.models for variant in spec.variants}
    absent = [f"{short(key[0], 60)} · {short(key[1], 60)} ({status.state})" for key, status in states.items() if status and status.state != "served"]
    if absent:
        yield f"Not measured, so without a ratio: {', '.join(absent)}. The reasons stand under “Models”."
    yield from drift.notes(found)


def _described(name: str, variant: Variant | None, spec: Spec) -> str:
    """`two-threads (threads 2)`."""
    settings = _settings(variant, spec.generation) if variant is not None else []
    return f"{short(name, 60)} ({', '.join(settings)})" if settings else short(name, 60)


def _settings(variant: Variant, usual: Generation) -> list[str]:
    said = [f"{name} {value}" for name, value in (("threads", variant.threads), ("context", variant.context), ("device", variant.device)) if value]
    if variant.gpu is not None:
        layers = f", {variant.gpu.layers} layers" if variant.gpu.layers is not None else ""
        said.append(f"GPU {variant.gpu.mode}{layers}")
    return [*said, *(_sent(variant.generation, usual) if variant.generation is not None else ())]


def _sent(generation: Generation, usual: Generation) -> Iterator[str]:
    """What is sent otherwise than the experiment has it: `temperature 0.7`; texts, such as stop words, only by their name."""
    for name, value in msgspec.structs.asdict(generation).items():
        if value is None and getattr(usual, name) is not None:
            yield f"the server's own {name}"
        elif value != getattr(usual, name):
            yield f"{name} {value}" if isinstance(value, bool | int | float) else f"other {name}"


def _row(one: VariantRatio) -> tuple[Cell, ...]:
    return (
        Cell(value=glossary.title(one.metric)),
        *(Cell(value=short(name, 60)) for name in (one.model_id, one.variant_id)),
        Cell(value=short(one.baseline_id, 60)),
        _ratio(one),
        Cell(value=_p(one.p_holm)) if one.p_holm is not None else numbers.NOT_APPLICABLE,
        _verdict(one),
        _over(one),
    )


def _ratio(one: VariantRatio) -> Cell:
    ratio = one.ratio or 0.0
    if one.low is None or one.high is None or not math.isfinite(one.high):
        return Cell(value=f"× {numbers.significant(ratio, 3)}", state="uncertain")
    decimals = max(2, numbers.decimals_for_width(one.high - one.low)) if one.high > one.low else 2
    return Cell(value=f"× {numbers.plain(ratio, decimals)}", interval=numbers.interval(one.low, one.high, decimals))


def _p(p: float) -> str:
    return "<0.001" if p < 0.001 else ">0.99" if 0.99 < p < 1 else numbers.plain(p, 2 if p >= 0.1 else 3)


def _verdict(one: VariantRatio) -> Cell:
    match one.verdict:
        case None:
            return Cell(value="not tested", state="uncertain")
        case "cannot_tell":
            return Cell(value="cannot tell", mark=drift.mark(one), state="uncertain")
        case verdict:
            return Cell(value=verdict)


def _over(one: VariantRatio) -> Cell:
    pairs = f"{numbers.count(one.n_pairs, 'pair')} of {numbers.count(one.n_prompts, 'prompt')}"
    match one.over:
        case None:
            return Cell(value="–", mark=one.method, state="not_applicable")
        case "prompts":
            return Cell(value="prompts", mark=pairs)
        case "rounds":
            return Cell(value="rounds" if one.low is not None else "–", mark=pairs if one.low is not None else one.method)


def _notes(found: Sequence[VariantRatio]) -> Iterator[str]:
    yield "Ratio: a geometric mean over prompts of this variant’s value by that of the first, same prompt and same round; [95 % interval]."
    if any(one.over == "rounds" and one.low is not None for one in found):
        yield "Over rounds: too few prompts for more; the interval says what further rounds of these very prompts would give, not other prompts."
    if any(one.over is None for one in found):
        yield "Measured once for each variant: a ratio without an interval, and nothing to test."
    yield "p: chance of a ratio this far from 1 if both were alike and all else as it was, adjusted by Holm for the variants of a metric."
