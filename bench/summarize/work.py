"""How much work each model did: what a cost model turns into money."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from bench.records.cost import CostBasis
from bench.records.observation import Observation
from bench.records.serving import ModelStatus
from bench.records.spec import Spec
from bench.summarize.aspects import defines_acceptance, is_accepted
from bench.summarize.busy import busy_s, wall_s
from bench.summarize.rows import Rows, read_rows
from bench.summarize.table import Cell


def cost_bases(spec: Spec, statuses: Sequence[ModelStatus], observations: Iterable[Observation]) -> tuple[CostBasis, ...]:
    """The measured work of each model in each variant: `Work` of these observations."""
    work = Work(spec)

    def judged() -> Iterable[Observation]:
        for seen in observations:
            work.judge(seen)
            yield seen

    return work.bases(statuses, read_rows(judged(), {}).by_cell())


class Work:
    """The work of each model, and how much of it is acceptable.

    Warm-up is left out of time, tokens and requests alike. `requests` counts answers: those that came pay for the time of those that failed.
    """

    def __init__(self, spec: Spec) -> None:
        """Nothing is judged yet."""
        self._spec = spec
        rubrics = {rubric.id: rubric for rubric in spec.rubrics}
        self._prompts = {prompt.id: (prompt, rubrics.get(prompt.rubric) if prompt.rubric else None) for prompt in spec.prompts}
        self._is_defined = {name: defines_acceptance(*both) for name, both in self._prompts.items()}
        self._accepted: dict[Cell, _Accepted] = {}
        self.tries: dict[tuple[Cell, str], Tries] = {}

    def judge(self, seen: Observation, times: int = 1) -> None:
        """Count whether an answer, or several that were graded alike, is acceptable. Warm-up is not counted."""
        if not seen.trial.is_warmup and self._is_defined.get(seen.trial.prompt_id, False):
            cell = Cell(seen.trial.model_id, seen.trial.variant_id)
            verdict = is_accepted(seen, *self._prompts[seen.trial.prompt_id])
            self._accepted.setdefault(cell, _Accepted()).add(verdict, times)
            self.tries.setdefault((cell, seen.trial.prompt_id), Tries()).add(verdict, times)

    def bases(self, statuses: Sequence[ModelStatus], rows: Mapping[Cell, Rows]) -> tuple[CostBasis, ...]:
        """In the order of the spec; a model that did no work has no line. `rows`: all rows of each cell."""
        spec = self._spec
        up = {Cell(status.model_id, status.variant_id) for status in statuses if status.state in {"served", "failed"}}
        cells = (Cell(model.id, variant.id) for model in spec.models for variant in spec.variants)
        models = {model.id: model for model in spec.models}
        measured = {cell: found for cell, of_cell in rows.items() if len(found := of_cell.where(~of_cell.is_warmup))}
        return tuple(
            CostBasis(
                model=models[cell.model_id],
                variant_id=cell.variant_id,
                requests=int((measured[cell].codes("failure") == 0).sum()),
                wall_s=wall_s(measured[cell]),
                busy_s=busy_s(measured[cell]),
                prompt_tokens=_sum(measured[cell], "prompt_tokens"),
                completion_tokens=_sum(measured[cell], "completion_tokens"),
                cached_tokens=_sum(measured[cell], "cached_tokens"),
                accepted=self._accepted.get(cell, _Accepted()).n,
            )
            for cell in cells
            if cell in measured and (cell in up or not statuses)
        )


def _sum(rows: Rows, name: str) -> int:
    """Whole numbers, added up exactly."""
    return int(np.nansum(rows.number(name)))


class Tries:
    """A model's answers to one prompt, failures among them, and how many were accepted; `is_known`: a grader could tell of every one."""

    __slots__ = ("accepted", "is_known", "n")

    def __init__(self) -> None:
        """Nothing is counted yet."""
        self.n = self.accepted = 0
        self.is_known = True

    def add(self, verdict: bool | None, times: int) -> None:
        """Count answers that were judged alike."""
        self.n += times
        self.accepted += times * (verdict is True)
        self.is_known &= verdict is not None


class _Accepted:
    """Accepted answers of one cell. `n` None: no prompt says what acceptable is, or no grader of this run can tell."""

    def __init__(self) -> None:
        self.n: int | None = None
        self._is_known = True

    def add(self, verdict: bool | None, times: int) -> None:
        """Count a verdict about answers to a prompt that says what is acceptable."""
        self._is_known &= verdict is not None
        self.n = (self.n or 0) + times * (verdict is True) if self._is_known else None
