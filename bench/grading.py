"""What a run is graded by, and whose grades count. Part of the program (`pipeline.py`).

A run is graded by its own spec, or by a later one (`bench judge RUN --spec FILE`): then aspects, references, rubrics and judges are the later one's,
and all that was measured stays the run's.
"""

from pathlib import Path
from typing import Any

from msgspec.structs import replace

from bench.errors import BenchError, Exit, UsageError
from bench.judge.identity import grader_id
from bench.judge.means import JudgeMeans
from bench.named_files import content, named_files, resolved_for
from bench.records.judging import Capabilities, JudgeRecord, Question, Reply
from bench.records.observation import CHECKS, Scoring
from bench.records.spec import JudgeSpec, Prompt, Spec
from bench.registry import Registry
from bench.spec.load import LoadedSpec, load_spec
from bench.store.layout import RunLayout, inside
from bench.store.reader import read_judges
from bench.store.resolved import to_yaml
from bench.store.writer import write_whole

PEOPLE = "people"  # the grader of annotations
PEOPLE_GRADE = "human"  # the method: no judge is served, people annotate
JOINT = ("panel", "escalate")  # methods that ask several judges
PAIRWISE = "pairwise"
_MOST_TEMPLATE_BYTES = 2**20


class UnusableJudge(BenchError):
    """A judge that cannot be served, or may not judge. `is_away`: it is not to be had here; else it broke, or is refused."""

    code = Exit.JUDGE_UNUSABLE

    def __init__(self, message: str, *, hint: str | None = None, is_away: bool = False) -> None:
        """Keep what becomes of it."""
        super().__init__(message, hint=hint)
        self.is_away = is_away


def graded_by(layout: RunLayout, registry: Registry, spec: Spec) -> Spec:
    """The run's spec with what it is graded by in its place.

    Raises: SpecError when a later spec is no longer one.
    """
    if not layout.judging_spec.exists():
        return spec
    return with_grading(spec, load_spec(layout.judging_spec, extensions=registry, environ={}).spec)


def keep_spec(layout: RunLayout, later: LoadedSpec) -> None:
    """Keep a spec in the run that it is graded by from now on, with the files it names; the one before goes.

    Raises: RunFolderError when it cannot be written, UsageError when a file cannot be read.
    """
    inputs = layout.judging / "inputs"
    for source in (*later.sources, *named_files(later)):
        write_whole(inside(inputs, source.path), source.content)
    write_whole(layout.judging_spec, to_yaml(resolved_for(later, inputs)))


def with_grading(spec: Spec, later: Spec) -> Spec:
    """A spec with the aspects, references, rubrics and judges of a later one. What the later one asks in other words is no longer graded.

    Raises: UsageError when the later one has none of the prompts.
    """
    by_id = {prompt.id: prompt for prompt in later.prompts}
    prompts = tuple(_graded(prompt, by_id.get(prompt.id)) for prompt in spec.prompts)
    if not any(prompt.id in by_id and by_id[prompt.id].messages == prompt.messages for prompt in spec.prompts):
        raise UsageError(f"{later.name}: no prompt of this spec is one of the run's, in the same words", hint="the run's inputs/ hold what it asked")
    return replace(spec, prompts=prompts, rubrics=later.rubrics, judges=later.judges, judge=later.judge)


def _graded(prompt: Prompt, later: Prompt | None) -> Prompt:
    if later is None or later.messages != prompt.messages:
        return replace(prompt, aspects=(), rubric=None, reference=None)
    return replace(prompt, aspects=later.aspects, rubric=later.rubric, reference=later.reference)


def labels_of(layout: RunLayout, spec: Spec) -> Path | None:
    """The table of people's labels that the spec names, as the run keeps it."""
    folder = layout.judging if layout.judging_spec.exists() else layout.folder
    return inside(folder, spec.judge.labels) if spec.judge is not None and spec.judge.labels else None


def scoring(layout: RunLayout, spec: Spec) -> dict[str, Scoring]:
    """How the grades of each prompt's answers become scores: by its rubric, and by whoever's word is taken.

    Raises: RunFolderError when the record of a judge is damaged.
    """
    judges = read_judges(layout)
    silenced = [judge for judge in judges if not judge.may_count]
    counting = frozenset({CHECKS, PEOPLE, *(judge.grader_id for judge in judges if judge.may_count)}) if silenced else None
    judge = primary(spec, judges)
    rubrics = {rubric.id: rubric for rubric in spec.rubrics}
    return {
        prompt.id: Scoring(rubric=rubrics.get(prompt.rubric or ""), counting=counting, judge=judge.grader_id if judge else None)
        for prompt in spec.prompts
    }


def primary(spec: Spec, judges: tuple[JudgeRecord, ...]) -> JudgeRecord | None:
    """The judge that the spec names, where it has graded the run; else the first that has."""
    served = [judge for judge in judges if judge.state == "served" or judge.counts]
    wanted = grader_id(spec.judge.use, spec.judge.method) if spec.judge else None
    return next((judge for judge in served if judge.grader_id == wanted), served[0] if served else None)


def look_ahead(spec: Spec, folder: Path, registry: Registry) -> None:
    """Make the grader once without a judge: wrong settings and templates are found before anything is measured.

    Raises: UnusableJudge, MissingExtension, UsageError.
    """
    judge = spec.judge
    if judge is None or judge.method == PEOPLE_GRADE:
        return
    nobody = JudgeMeans(
        questioner=_Nobody(), capabilities=Capabilities(), settings=judge.settings, templates=templates_of(judge, folder), seed=spec.seed
    )
    members = members_of(judge)
    made(registry, judge.method, replace(nobody, members=dict.fromkeys(members, _Nobody())) if members else nobody)


def templates_of(judge: JudgeSpec, folder: Path) -> dict[str, str]:
    """The user's templates, by the names of the shipped ones.

    Raises: UsageError when one cannot be read.
    """
    return {name: content(inside(folder, path), f"judge template {name}", _MOST_TEMPLATE_BYTES).decode() for name, path in judge.templates}


def members_of(judge: JudgeSpec) -> tuple[str, ...]:
    """The further judges of a panel or an escalation."""
    return tuple(name for name in judge.settings.get("members", ()) if name != judge.use) if judge.method in JOINT else ()


def made(registry: Registry, method: str, means: JudgeMeans) -> Any:
    """The grader of a method.

    Raises: UnusableJudge when it cannot work so, MissingExtension.
    """
    try:
        return registry.load("grader", method)(means)
    except ValueError as error:
        raise UnusableJudge(str(error), hint="see `judge:` in docs/spec.md") from error


class _Nobody:
    """Stands where a judge or a grader will be, while settings are looked at."""

    async def ask(self, _question: Question) -> Reply:
        """Say nothing."""
        return Reply()

    async def close(self) -> None:
        """Close nothing."""
