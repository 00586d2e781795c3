"""How much work each model did: what a cost model turns into money."""

from collections.abc import Iterable, Mapping, Sequence

from bench.records.cost import CostBasis
from bench.records.observation import Observation
from bench.records.serving import ModelStatus
from bench.records.spec import Spec
from bench.summarize.aspects import defines_acceptance, is_accepted
from bench.summarize.busy import busy_s, wall_s
from bench.summarize.rows import Cell, Rows, read_rows


def cost_bases(spec: Spec, statuses: Sequence[ModelStatus], observations: Iterable[Observation]) -> tuple[CostBasis, ...]:
    """The measured work of each model in each variant: `Work` of these observations."""
    work = Work(spec)

    def counted() -> Iterable[Observation]:
        for seen in observations:
            work.add(seen)
            yield seen

    return work.bases(statuses, read_rows(counted(), {}).by_cell())


class Work:
    """Counts the work of each model as its answers are read.

    Warm-up is left out of time, tokens and requests alike. `requests` counts answers: those that came pay for the time of those that failed.
    """

    def __init__(self, spec: Spec) -> None:
        """Nothing is counted yet."""
        self._spec = spec
        rubrics = {rubric.id: rubric for rubric in spec.rubrics}
        self._prompts = {prompt.id: (prompt, rubrics.get(prompt.rubric) if prompt.rubric else None) for prompt in spec.prompts}
        self._is_defined = {name: defines_acceptance(*both) for name, both in self._prompts.items()}
        self._done: dict[Cell, _Done] = {}

    def add(self, seen: Observation) -> None:
        """Count one trial."""
        if seen.trial.is_warmup:
            return
        cell = Cell(seen.trial.model_id, seen.trial.variant_id)
        if (done := self._done.get(cell)) is None:
            done = self._done[cell] = _Done()
        done.add(seen)
        if self._is_defined.get(seen.trial.prompt_id, False):
            done.accept(is_accepted(seen, *self._prompts[seen.trial.prompt_id]))

    def bases(self, statuses: Sequence[ModelStatus], rows: Mapping[Cell, Rows]) -> tuple[CostBasis, ...]:
        """In the order of the spec; a model that did no work has no line. `rows`: all rows of each cell."""
        spec, done = self._spec, self._done
        up = {Cell(status.model_id, status.variant_id) for status in statuses if status.state in {"served", "failed"}}
        cells = (Cell(model.id, variant.id) for model in spec.models for variant in spec.variants)
        models = {model.id: model for model in spec.models}
        measured = {cell: of_cell.where(~of_cell.is_warmup) for cell, of_cell in rows.items()}
        return tuple(
            CostBasis(
                model=models[cell.model_id],
                variant_id=cell.variant_id,
                requests=done[cell].requests,
                wall_s=wall_s(measured[cell]),
                busy_s=busy_s(measured[cell]),
                prompt_tokens=done[cell].prompt_tokens,
                completion_tokens=done[cell].completion_tokens,
                cached_tokens=done[cell].cached_tokens,
                accepted=done[cell].accepted,
            )
            for cell in cells
            if cell in done and (cell in up or not statuses)
        )


class _Done:
    """Running sums of one cell."""

    def __init__(self) -> None:
        self.requests = self.prompt_tokens = self.completion_tokens = self.cached_tokens = 0
        self._accepted = 0
        self._is_defined = False
        self._is_known = True

    @property
    def accepted(self) -> int | None:
        """Accepted answers; None where no prompt says what acceptable is, or no grader of this run can tell."""
        return self._accepted if self._is_defined and self._is_known else None

    def add(self, seen: Observation) -> None:
        """Count the tokens of one trial."""
        if seen.completion is not None:
            usage = seen.completion.usage
            self.requests += 1
            self.prompt_tokens += usage.prompt_tokens or 0
            self.completion_tokens += usage.completion_tokens or 0
            self.cached_tokens += seen.cached_tokens or 0

    def accept(self, verdict: bool | None) -> None:
        """Count one verdict about an answer to a prompt that says what is acceptable."""
        self._is_defined = True
        self._is_known &= verdict is not None
        self._accepted += verdict is True
