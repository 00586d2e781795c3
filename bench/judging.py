"""The judge's stage: when all is measured, bring the judge up, see what it can do and how far it may be believed, and have it grade the answers.

Part of the program (`pipeline.py`). Nothing in it can harm what was measured: a judge that cannot be had leaves a record with the reason. Each
verdict is a line as soon as it is there, so a stage that was killed goes on where it ended; what was said before about the same answers is not asked
again.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from bench.cases import Case, answers, pair_cases, single_cases
from bench.clock import Clock
from bench.digest import digest
from bench.execute.stop import StopRules
from bench.grading import JOINT, PAIRWISE, PEOPLE_GRADE, UnusableJudge, made, members_of, templates_of
from bench.hearing import Bench, Ended, Hearing, Stopped
from bench.interrupts import Interrupts
from bench.judge.identity import Shape, grader_id
from bench.judge.means import JudgeMeans
from bench.judge.metered import Work, together
from bench.judge.probes import PROBES_VERSION, ProbeMaterial
from bench.judge.prompts import template_digests
from bench.judge.qualify import probes_digest, qualify
from bench.judges import Seat, Serving, bring_up, its_own, means_of
from bench.protocols import Questioner, ServingContext
from bench.records.judging import JudgeRecord, JudgeWork, Qualification
from bench.records.plan import Plan
from bench.records.spec import JudgeSpec, Spec
from bench.registry import Registry
from bench.store.create import write_json
from bench.store.decided import Decided
from bench.store.layout import RunLayout
from bench.store.reader import read_judge, read_statuses
from bench.store.verdicts import Verdicts

_PRIMARY = "judge"  # what the judge named by `judge.use` is called among the members


class Judging(msgspec.Struct, frozen=True, kw_only=True):
    """What the stage works with. `spec` is what the run is graded by; its `judge` says who grades and how. `folder`: where the judge's templates lie.

    `told(what, done, of)` is progress, `note` something that the user should know, `spent` what a judge has been asked so far, after every reply.
    """

    spec: Spec
    plan: Plan
    layout: RunLayout
    folder: Path
    registry: Registry
    context: ServingContext
    stop: StopRules
    interrupts: Interrupts
    clock: Clock
    told: Callable[[str, int, int], None]
    note: Callable[[str], None]
    spent: Callable[[JudgeWork], None] = lambda _work: None

    @property
    def judge(self) -> JudgeSpec:
        """Who grades, and how."""
        if self.spec.judge is None:
            raise AssertionError("the stage of a spec without a judge")
        return self.spec.judge


def judge_run(means: Judging) -> JudgeRecord | None:
    """Have the answers of a run graded by its judge; the record, also written. None: people grade, or the stage was ended before it began.

    However it ends, what was graded is kept. `means.stop.reason` says whether the user or a limit ended it.
    """
    judge = means.judge
    if judge.method == PEOPLE_GRADE or means.stop.reason is not None:
        return None
    name, started_s = grader_id(judge.use, judge.method), means.clock.now_s()
    before = read_judge(means.layout, name)
    works = {each: Work(each, means.clock.now_s, means.spent) for each in (judge.use, *members_of(judge))}
    record = JudgeRecord(grader_id=name, grader_digest="", judge_id=judge.use, method=judge.method, state="failed")
    with ExitStack() as held:
        try:
            record = _graded(means, record, held, works)
        except KeyboardInterrupt:
            means.stop.interrupt()
            return None
        except UnusableJudge as error:
            state = "unavailable" if error.is_away else "failed"
            record = replace(record, state=state, reason=error.message, hint=error.hint)
            means.note(f"judge {judge.use}: {state}: {error.message}" + (f" ({error.hint})" if error.hint else ""))
    record = _with_earlier(replace(record, work=_done(works), duration_s=means.clock.now_s() - started_s), before)
    write_json(means.layout.judge_of(name), _standing(record, before))
    return record


def _standing(record: JudgeRecord, before: JudgeRecord | None) -> JudgeRecord:
    """What the run keeps: a judge that is away now, or was called off before it was known who grades, takes back nothing. Its questions count."""
    if before is None or record.grader_digest or record.counts:
        return record
    stands = bool(before.grader_digest) if record.state == "served" else bool(before.counts)
    if not stands:
        return record
    return before if record.work == before.work else replace(before, work=record.work, duration_s=record.duration_s)


def _with_earlier(record: JudgeRecord, before: JudgeRecord | None) -> JudgeRecord:
    """The record with what earlier sessions of this very grader took; those of one that was asked otherwise are no part of it.

    A session that ended before its grader was known is of this one: the judge is asked what it can do, and about probes, for it.
    """
    if before is None or (record.grader_digest and before.grader_digest and record.grader_digest != before.grader_digest):
        return record
    return replace(record, work=together(before.work, record.work), duration_s=before.duration_s + record.duration_s)


def _done(works: Mapping[str, Work]) -> tuple[JudgeWork, ...]:
    return tuple(work.so_far for work in works.values() if work.so_far.requests)


def _graded(means: Judging, record: JudgeRecord, held: ExitStack, works: Mapping[str, Work]) -> JudgeRecord:
    """Serve, ask, qualify, grade.

    Raises: UnusableJudge, KeyboardInterrupt.
    """
    judge = means.judge
    decided = Decided(means.layout, means.plan)
    if judge.method == PAIRWISE:
        cases = tuple(pair_cases(means.spec, decided.observations()))
    else:
        cases = tuple(single_cases(means.spec, judge.method, decided.observations()))
    if not cases:
        message = "there is nothing for a judge: no answer, or no aspect and no question that is not a program's"
        raise UnusableJudge(message, hint="add `expect:` or `forbid:` aspects, or a rubric with a question")
    statuses = read_statuses(means.layout)
    serving = Serving(spec=means.spec, registry=means.registry, context=means.context, interrupts=means.interrupts, held=held)
    seats = {name: bring_up(name, serving) for name in (judge.use, *members_of(judge))}
    own, related = zip(*(its_own(seat, means.plan, statuses) for seat in seats.values()), strict=True)
    itself = tuple(sorted({name for names in own for name in names}))
    if itself and not judge.allow_self:
        raise UnusableJudge(
            f"the judge would grade its own answers: it is the model {', '.join(itself)}", hint="name another, or write `allow_self: true`"
        )
    primary = seats[judge.use]
    record = replace(
        record,
        state="served",
        served_model=primary.served.endpoint.served_model,
        treatment_digest=primary.treatment.digest,
        runtime_version=primary.served.endpoint.runtime_version,
        judges_itself=itself,
        same_family=tuple(sorted({name for names in related for name in names} - set(itself))),
    )
    return asyncio.run(_ask_all(means, record, _Up(seats, works), cases))


class _Up(NamedTuple):
    """The judges that are up, and what each has been asked."""

    seats: Mapping[str, Seat]
    works: Mapping[str, Work]


async def _ask_all(means: Judging, record: JudgeRecord, up: _Up, cases: Sequence[Case]) -> JudgeRecord:
    """All that is asked of the judges.

    Raises: UnusableJudge.
    """
    judge, (seats, works) = means.judge, up
    open_ones: list[Questioner] = []
    stopped = Stopped(means.stop)
    try:
        templates = templates_of(judge, means.folder)
        able = {name: await stopped.unless(means_of(seat, means.spec, templates, open_ones, works[name])) for name, seat in seats.items()}
        panel = _Panel(means, seats, able, cases)
        grader, qualification = await stopped.unless(panel.qualified())
        shape = panel.shape(judge.method)
        may_count = qualification.verdict in {"qualified", "weak"} or judge.allow_unqualified
        record = replace(
            record,
            grader_digest=shape.digest(),
            templates=dict(shape.templates),
            capabilities=able[judge.use].capabilities,
            qualification=qualification,
            may_count=may_count,
        )
        so_far = _with_earlier(replace(record, work=_done(works)), read_judge(means.layout, record.grader_id))
        write_json(means.layout.judge_of(record.grader_id), so_far)  # who reads the run while it is judged knows whose word this is
        ready = Bench(grader=grader, places=seats[judge.use].places, cache=panel.cache, deaths=tuple(seat.served.death for seat in seats.values()))
        return await Hearing(means.layout, record, ready, means.told).hear(cases, stopped)
    except Ended:
        return replace(record, notes=(*record.notes, f"not judged: {means.stop.message}"))
    finally:
        stopped.close()
        for questioner in open_ones:
            await questioner.close()


class _Panel:
    """The judges of a stage: the one named, and the members of a panel or an escalation."""

    def __init__(self, means: Judging, seats: Mapping[str, Seat], able: Mapping[str, JudgeMeans], cases: Sequence[Case]) -> None:
        self._means, self._seats, self._able = means, seats, able
        is_known = all(seat.is_known for seat in seats.values())
        self.cache = Verdicts(means.context.cache_folder) if is_known else None
        spec, asked = means.spec, answers(cases)
        prompts = tuple(prompt for prompt in spec.prompts if prompt.id in asked)
        self._material = ProbeMaterial(prompts=prompts, rubrics=spec.rubrics, answers=asked, probes=means.judge.probes)

    def shape(self, method: str, name: str | None = None) -> Shape:
        """All that shapes the verdicts of the judges together, or of one of them alone."""
        means = self._able[name or self._means.judge.use]
        members = {each: self._seats[each].identity for each in members_of(self._means.judge)} if method in JOINT else {}
        return Shape(
            judge=self._seats[name or self._means.judge.use].identity,
            method=method,
            able=means.capabilities,
            templates=template_digests(method, means.templates),
            settings=means.settings,
            seed=means.seed,
            members=members,
        )

    async def qualified(self) -> tuple[Any, Qualification]:
        """The grader, ready, and how far it may be believed. Of several judges each is asked about the probes, then all together.

        Raises: UnusableJudge when none of several may count.
        """
        judge, registry = self._means.judge, self._means.registry
        means = self._able[judge.use]
        if judge.method in JOINT:
            alone = {name: made(registry, "aspects", self._able[name]) for name in self._seats}
            verdicts = {name: await self._qualify(grader, self.shape("aspects", name), name) for name, grader in alone.items()}
            doubtful = [] if judge.allow_unqualified else [name for name, found in verdicts.items() if found.verdict not in {"qualified", "weak"}]
            for name in doubtful:
                self._means.note(f"judge {name}: {verdicts[name].verdict}, so it has no word in the {judge.method}")
            members = {name: grader for name, grader in alone.items() if name != judge.use}
            excluded = [_PRIMARY if name == judge.use else name for name in doubtful]
            means = replace(means, members=members, settings={**means.settings, "unqualified": excluded})
        grader = made(registry, judge.method, means)
        return grader, await self._qualify(grader, self.shape(judge.method), judge.use)

    async def _qualify(self, grader: Any, shape: Shape, name: str) -> Qualification:
        """The verdict on a grader: as it was found before under the very same conditions, else by asking."""
        for_pairs, seed = shape.method == PAIRWISE, self._means.spec.seed
        probes = probes_digest(self._material, seed, for_pairs=for_pairs)
        key = digest(["qualification", PROBES_VERSION, shape.digest(), probes, self._material.probes])
        if (known := self._known(key, name, shape.method)) is not None:
            return known
        what = f"probes of {name}"
        found = await qualify(
            grader,
            self._material,
            seed,
            concurrency=self._seats[name].places,
            heard=lambda done, of, _asked: self._means.told(what, done, of),
        )
        found = replace(found, digest=key)
        if self.cache is not None and found.verdict != "untested":
            self.cache.put(key, found)
        return found

    def _known(self, key: str, name: str, method: str) -> Qualification | None:
        before = read_judge(self._means.layout, grader_id(name, method))
        if before is not None and before.qualification.digest == key and before.qualification.verdict != "untested":
            return before.qualification
        return self.cache.get(key, Qualification) if self.cache is not None else None
