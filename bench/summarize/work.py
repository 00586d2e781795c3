"""How much work each model did: what a cost model turns into money."""

from collections.abc import Iterable, Sequence

from bench.records.cost import CostBasis
from bench.records.observation import Observation
from bench.records.serving import ModelStatus
from bench.records.spec import Spec
from bench.summarize.aspects import defines_acceptance, is_accepted
from bench.summarize.busy import busy_s, wall_s
from bench.summarize.rows import Cell, Row, read_rows


def cost_bases(spec: Spec, statuses: Sequence[ModelStatus], observations: Iterable[Observation]) -> tuple[CostBasis, ...]:
    """The measured work of each model in each variant, in the order of the spec; a model that did none has no line.

    Warm-up is left out of time, tokens and requests alike. `requests` counts answers: those that came pay for the time of those that failed.
    """
    prompts, rubrics = {prompt.id: prompt for prompt in spec.prompts}, {rubric.id: rubric for rubric in spec.rubrics}
    work: dict[Cell, _Work] = {}
    for seen in observations:
        if seen.trial.is_warmup:
            continue
        done = work.setdefault(Cell(seen.trial.model_id, seen.trial.variant_id), _Work())
        done.add(seen)
        prompt = prompts.get(seen.trial.prompt_id)
        rubric = rubrics.get(prompt.rubric) if prompt and prompt.rubric else None
        done.accept(is_accepted(seen, prompt, rubric) if prompt else None, is_defined=prompt is not None and defines_acceptance(prompt, rubric))
    up = {Cell(status.model_id, status.variant_id) for status in statuses if status.state in {"served", "failed"}}
    cells = (Cell(model.id, variant.id) for model in spec.models for variant in spec.variants)
    models = {model.id: model for model in spec.models}
    return tuple(
        CostBasis(
            model=models[cell.model_id],
            variant_id=cell.variant_id,
            requests=work[cell].requests,
            wall_s=wall_s(work[cell].rows),
            busy_s=busy_s(work[cell].rows),
            prompt_tokens=work[cell].prompt_tokens,
            completion_tokens=work[cell].completion_tokens,
            cached_tokens=work[cell].cached_tokens,
            accepted=work[cell].accepted,
        )
        for cell in cells
        if cell in work and (cell in up or not statuses)
    )


class _Work:
    """Running sums of one cell."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.requests = self.prompt_tokens = self.completion_tokens = self.cached_tokens = 0
        self._accepted = 0
        self._is_defined = False
        self._is_known = True

    @property
    def accepted(self) -> int | None:
        """Accepted answers; None where no prompt says what acceptable is, or no grader of this run can tell."""
        return self._accepted if self._is_defined and self._is_known else None

    def add(self, seen: Observation) -> None:
        """Count the time and tokens of one trial."""
        self.rows.extend(read_rows((seen,), {}))
        if seen.completion is not None:
            usage = seen.completion.usage
            self.requests += 1
            self.prompt_tokens += usage.prompt_tokens or 0
            self.completion_tokens += usage.completion_tokens or 0
            self.cached_tokens += seen.cached_tokens or 0

    def accept(self, verdict: bool | None, *, is_defined: bool) -> None:
        """Count one verdict; an answer to a prompt that does not say what is acceptable is none of them."""
        if not is_defined:
            return
        self._is_defined = True
        self._is_known &= verdict is not None
        self._accepted += verdict is True
