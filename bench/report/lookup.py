"""The summary by what a table asks for: this metric of this model, for this prompt, with this prefix."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from bench.records.cost import CostEstimate
from bench.records.estimate import Counts, Estimate, Group, Statistic, Summary
from bench.records.exchange import Transport
from bench.records.serving import ModelStatus
from bench.records.spec import Spec
from bench.report import glossary

_READINGS = frozenset({"disk_bytes", "rss_loaded_bytes", "rss_peak_bytes", "gpu_bytes", "download_s"})  # fields of ModelStatus


WAYS: dict[Transport, str] = {"http": "HTTP", "in-process": "in-process", "other": "another transport"}
_LARGEST = 1e15  # beyond any second, byte or token: such a figure is damage, and no axis could hold it


class Key(NamedTuple):
    """A model in a variant: a row of the main table."""

    model_id: str
    variant_id: str


class Lookup:
    """An index over a summary; rows in the order of the spec, then what the spec does not name."""

    def __init__(self, summary: Summary, spec: Spec) -> None:
        """Index every estimate by its metric, statistic and group."""
        self.summary = summary
        self.estimates = tuple(_sound(found) for found in summary.estimates)
        self._estimates = {(found.metric, found.statistic, found.group): found for found in self.estimates}
        self.statuses = {Key(status.model_id, status.variant_id): status for status in summary.models}
        self.counts = {Key(count.model_id, count.variant_id): count for count in summary.counts}
        self.models = {model.id: model for model in spec.models}
        self.variants = {variant.id: variant for variant in spec.variants}
        self.keys = self._ordered(spec)
        self._variants = {key.variant_id for key in self.keys}

    def _ordered(self, spec: Spec) -> tuple[Key, ...]:
        models = {model.id: place for place, model in enumerate(spec.models)}
        variants = {variant.id: place for place, variant in enumerate(spec.variants)}
        seen = {*self.statuses, *self.counts, *(Key(found.group.model_id, found.group.variant_id) for found in self.summary.estimates)}
        last = len(models) + len(variants)
        return tuple(sorted(seen, key=lambda key: (models.get(key.model_id, last), variants.get(key.variant_id, last), key)))

    def label(self, key: Key) -> str:
        """The model's id, with its variant where the run has more than one, and how its answers came where not all came alike."""
        name = key.model_id if len(self._variants) <= 1 else f"{key.model_id} · {key.variant_id}"
        return name if len(self.ways) <= 1 else f"{name} ({WAYS[self.transport(key)]})"

    @property
    def is_judged(self) -> bool:
        """Whether anybody beside the checks has a word in the quality: a judge that counts, or people."""
        judges = [judge for judge in self.summary.judges if judge.method != "pairwise"]
        if not judges:
            return any(aspect.kind != "check" and aspect.graded for aspect in self.summary.aspects)
        return any(judge.may_count and judge.counts.get("graded") for judge in judges)

    def title(self, metric: str) -> str:
        """What a metric is called in this report: the quality by its checks, where these alone decide it."""
        return glossary.JUDGED_QUALITY.title if metric == "quality" and self.is_judged else glossary.title(metric)

    def heading(self, metric: str, statistic: Statistic | None) -> str:
        """The same with the statistic, where that is not plain from the metric."""
        return self.title(metric) if metric == "quality" else glossary.heading(metric, statistic)

    def transport(self, key: Key) -> Transport:
        """How this row's answers came."""
        return self.count(key).transport

    @property
    def ways(self) -> tuple[Transport, ...]:
        """The transports of the run; times and sizes of one are never put beside those of another."""
        return tuple(dict.fromkeys(self.transport(key) for key in self.keys))

    @property
    def measured(self) -> tuple[Key, ...]:
        """The rows with at least one answer."""
        return tuple(key for key in self.keys if (count := self.counts.get(key)) is not None and count.completed)

    def find(self, metric: str, statistics: Sequence[Statistic], group: Group) -> Estimate | None:
        """The estimate of the first of these statistics that the summary has for this very group."""
        found = (self._estimates.get((metric, statistic, group)) for statistic in statistics)
        return next((estimate for estimate in found if estimate is not None), None)

    def of(self, key: Key, metric: str, *statistics: Statistic) -> Estimate | None:
        """The estimate over all prompts; memory and sizes fall back on the model's status."""
        found = self.find(metric, statistics, Group(model_id=key.model_id, variant_id=key.variant_id))
        return found if found is not None else self._from_status(key, metric)

    def _from_status(self, key: Key, metric: str) -> Estimate | None:
        status = self.statuses.get(key)
        if status is None:
            return None
        value: float | None = getattr(status, metric, None) if metric in _READINGS else None
        if metric == "load_s" and status.endpoint is not None:
            value = status.endpoint.load_s
        if value is None:
            return None
        unit = "B" if metric.endswith("_bytes") else "s"
        group = Group(model_id=key.model_id, variant_id=key.variant_id)
        return Estimate(metric=metric, statistic="value", unit=unit, better="lower", group=group, value=value, n=1, clusters=1, method="one reading")

    def statistic(self, metric: str, statistics: Sequence[Statistic]) -> Statistic | None:
        """The first of these statistics that the summary has for the metric at all."""
        present = {found.statistic for found in self.estimates if found.metric == metric}
        return next((statistic for statistic in statistics if statistic in present), None)

    def cost(self, key: Key, per: str) -> CostEstimate | None:
        """The cost of this row: of the run, per request, per million tokens, per accepted answer."""
        found = (cost for cost in self.summary.costs if (cost.model_id, cost.variant_id, cost.per) == (*key, per))
        return next(found, None)

    def status(self, key: Key) -> ModelStatus | None:
        """What became of this row's model."""
        return self.statuses.get(key)

    def count(self, key: Key) -> Counts:
        """The row's trials; zeros where the summary has none."""
        nothing = Counts(model_id=key.model_id, variant_id=key.variant_id, planned=0, completed=0, failed=0, missing=0, retried=0)
        return self.counts.get(key, nothing)

    def prompts(self) -> tuple[str, ...]:
        """Every prompt that an estimate or an aspect is about, in the summary's order."""
        groups = (*(found.group for found in self.summary.estimates), *(found.group for found in self.summary.aspects))
        return tuple(dict.fromkeys(group.prompt_id for group in groups if group.prompt_id is not None))


def _sound(found: Estimate) -> Estimate:
    """The estimate without figures that are none (not a number, infinite, beyond all measure)."""
    figures = {"value": found.value, "low": found.low, "high": found.high}
    unsound = {name: None for name, figure in figures.items() if figure is not None and not abs(figure) <= _LARGEST}
    return msgspec.structs.replace(found, **unsound) if unsound else found
