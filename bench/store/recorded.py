"""A recorded run, read to be replayed: which answers it has for which request."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from bench.errors import RunFolderError
from bench.records.plan import Trial
from bench.records.sample import Sample
from bench.records.serving import ModelStatus
from bench.store.layout import RunLayout
from bench.store.pending import is_deciding
from bench.store.reader import read_manifest, read_plan, read_samples, read_statuses


class Recorded(NamedTuple):
    """How a run served a model."""

    run_id: str
    started_at: str
    status: ModelStatus


class Answers(NamedTuple):
    """The samples that decided a model's trials in a run, by request digest and round; `in_order` by request alone, warm-up first."""

    run_id: str
    by_round: dict[tuple[str, int], Sample]
    in_order: dict[str, list[Sample]]


def read_recorded(folder: Path, model_id: str, variant_id: str | None = None) -> Recorded:
    """How a run served a model, in one variant where it had several.

    Raises: RunFolderError when that is no run folder, or a damaged one, or has not that model and variant.
    """
    layout = RunLayout(folder)
    if not layout.manifest.is_file():
        raise RunFolderError(f"{folder} is no run folder (it has no run.json)", hint="name a folder under runs/, or a copy of one")
    manifest = read_manifest(layout)
    return Recorded(manifest.run_id, manifest.started_at, _status(read_statuses(layout), folder, model_id, variant_id))


def read_answers(folder: Path, model_id: str, variant_id: str) -> Answers:
    """What a run recorded of a model in a variant.

    Raises: RunFolderError when the folder is damaged, or is none.
    """
    layout = RunLayout(folder)
    trials = [trial for block in read_plan(layout).blocks for trial in block.trials if (trial.model_id, trial.variant_id) == (model_id, variant_id)]
    ids = {trial.id for trial in trials}
    samples = {sample.trial_id: sample for sample in read_samples(layout) if sample.trial_id in ids and is_deciding(sample)}
    by_round: dict[tuple[str, int], Sample] = {}
    in_order: dict[str, list[Sample]] = {}
    for trial in sorted(trials, key=_place):
        if (sample := samples.get(trial.id)) is not None:
            in_order.setdefault(trial.request_digest, []).append(sample)
            if not trial.is_warmup:
                by_round[trial.request_digest, trial.round] = sample
    return Answers(read_manifest(layout).run_id, by_round, in_order)


def _place(trial: Trial) -> tuple[bool, int]:
    return not trial.is_warmup, trial.round


def _of(status: ModelStatus) -> tuple[str, str]:
    return status.model_id, status.variant_id


def _status(statuses: Iterable[ModelStatus], folder: Path, model_id: str, variant_id: str | None) -> ModelStatus:
    known = {_of(status): status for status in statuses}
    of_model = {variant: status for (model, variant), status in known.items() if model == model_id}
    if not of_model:
        names = ", ".join(dict.fromkeys(model for model, _ in known)) or "none"
        raise RunFolderError(f"{folder} has no model {model_id!r}", hint=f"it has: {names}; name one with `settings: {{model: …}}`")
    if variant_id is None and len(of_model) == 1:
        (variant_id,) = of_model
    if variant_id not in of_model:
        asked = "several variants" if variant_id is None else f"no variant {variant_id!r}"
        hint = f"it has: {', '.join(of_model)}; name one with `settings: {{variant: …}}`"
        raise RunFolderError(f"{folder} has {asked} of model {model_id!r}", hint=hint)
    return of_model[variant_id]
