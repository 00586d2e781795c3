"""A judge that is up and known grades a run's answers, line by line. Part of the program (`pipeline.py`)."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from bench.cases import Case, Line, Trials, graded_line, trials_of
from bench.execute.stop import StopRules
from bench.judge.identity import grader_digest, verdict_key
from bench.records.grade import Grade, GradeMethod, GradeState, PairGrade
from bench.records.judging import Asked, Interrogation, Judgement, JudgeRecord, PairJudgement
from bench.store.layout import RunLayout
from bench.store.questions import folded
from bench.store.reader import read_lines, read_questions
from bench.store.verdicts import Verdicts
from bench.store.writer import LineWriter, encode, write_whole

Said = TypeVar("Said")
OUTAGES = 5  # answers in a row that the judge gave no reply about: it is gone, and the others need not wait for it
_GONE = ("unreachable", "timeout", "server", "protocol", "authentication", "rate_limit", "out_of_memory")
_NO_CACHE = "the judge's server read every question from its beginning (its prefix cache gave 0 tokens): several times slower than need be"
_SAME = "the answers are the same, letter by letter"


class Ended(Exception):
    """The user or a limit ended the stage."""


class Stopped:
    """The stop rules, as something to wait for inside an event loop."""

    def __init__(self, stop: StopRules) -> None:
        """Listen from now on; made inside the loop."""
        loop = asyncio.get_running_loop()
        self._event = asyncio.Event()

        def hold() -> None:
            loop.call_soon_threadsafe(self._event.set)

        self._unlisten = stop.listen(hold)
        remaining_s = stop.remaining_s()
        self._timer = None if remaining_s is None else loop.call_later(remaining_s, stop.check_time)
        if stop.reason is not None:
            self._event.set()

    async def unless(self, doing: Awaitable[Said]) -> Said:
        """The result. Raises: Ended when a rule held before there was one; what was going on is then called off."""
        task = asyncio.ensure_future(doing)
        waiting = asyncio.ensure_future(self._event.wait())
        try:
            await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise Ended
        finally:
            for each in (task, waiting):
                each.cancel()
            await asyncio.gather(task, waiting, return_exceptions=True)

    def close(self) -> None:
        """Listen no more."""
        self._unlisten()
        if self._timer is not None:
            self._timer.cancel()


class Tally:
    """What a judge's work came to."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.states: Counter[GradeState] = Counter()
        self.ways: set[GradeMethod] = set()
        self.questions = self.prompt_tokens = self.read_tokens = self.cached_tokens = self.reused = 0
        self.says_cached = self.asked_twice = False

    def line(self, line: Line) -> None:
        """Take a line in."""
        self.states[line.state] += 1
        methods = [line.method] if isinstance(line, PairGrade) else [aspect.method for aspect in line.aspects]
        self.ways.update(method for method in methods if method is not None)

    def asked(self, asked: Sequence[Asked]) -> None:
        """Take questions in that a server has answered."""
        self.questions += len(asked)
        self.asked_twice |= len(asked) > 1
        for each in asked:
            usage, timings = each.reply.usage, each.reply.server_timings
            whole = usage.prompt_tokens or 0
            cached = timings.cache_n if timings is not None and timings.cache_n is not None else usage.cached_tokens
            self.prompt_tokens += whole
            if cached is not None:
                self.says_cached = True
                self.cached_tokens += cached
                self.read_tokens += timings.prompt_n if timings is not None and timings.prompt_n is not None else max(whole - cached, 0)

    def into(self, record: JudgeRecord) -> JudgeRecord:
        """The record with it."""
        notes = record.notes
        if self.says_cached and self.asked_twice and not self.cached_tokens:
            notes = (
                *notes,
                "the judge's server read every question from its beginning (its prefix cache gave 0 tokens): several times slower than need be",
            )
        return replace(
            record,
            counts=dict(sorted(self.states.items())),
            ran=tuple(sorted(self.ways)),
            questions=self.questions,
            reused=self.reused,
            prompt_tokens=self.prompt_tokens,
            read_tokens=self.read_tokens if self.says_cached else None,
            cached_tokens=self.cached_tokens if self.says_cached else None,
            notes=notes,
        )


class Bench(msgspec.Struct, frozen=True, kw_only=True):
    """A judge that is ready: how many answers it judges at once, what keeps its words beyond the run, and what says why it is gone."""

    grader: Any
    places: int
    cache: Verdicts | None
    deaths: tuple[Callable[[], str | None], ...] = ()


class Hearing:
    """One grader and all its cases."""

    def __init__(self, layout: RunLayout, record: JudgeRecord, bench: Bench, told: Callable[[str, int, int], None]) -> None:
        """`record` is what is known of the grader so far; `told` is progress."""
        self._layout, self._record, self._bench, self._told = layout, record, bench, told
        self._tally = Tally()
        self._digests: dict[tuple[str, str], str] = {}
        self._trouble: str | None = None
        self._outages = 0

    async def hear(self, cases: Sequence[Case], stopped: Stopped) -> JudgeRecord:
        """Grade every case that has no valid line yet; the record with what came of it."""
        name = self._record.grader_id
        is_pairs = any(len(case.candidates) > 1 for case in cases)
        path = self._layout.pairs_of(name) if is_pairs else self._layout.grades_of(name)
        kept = self._keep(path, PairGrade if is_pairs else Grade, cases)
        with LineWriter(path) as lines, LineWriter(self._layout.questions_of(name)) as questions:
            try:
                await stopped.unless(self._all(cases, kept, (lines, questions)))
            except Ended:
                self._record = replace(self._record, notes=(*self._record.notes, "not all was judged: the user or a limit ended it"))
        return self._concluded()

    async def _all(self, cases: Sequence[Case], kept: dict[Trials, Line], files: tuple[LineWriter, LineWriter]) -> None:
        waiting, done = iter(cases), 0

        async def work() -> None:
            nonlocal done
            for case in waiting:
                if self._trouble is not None:
                    return
                await self._one(case, kept, files)
                done += 1
                self._told(f"answers judged by {self._record.grader_id}", done, len(cases))

        tasks = [asyncio.create_task(work()) for _ in range(max(1, self._bench.places))]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _one(self, case: Case, kept: dict[Trials, Line], files: tuple[LineWriter, LineWriter]) -> None:
        """Grade one case, unless every trial of it has its line."""
        missing = [trials for trials in case.trials if trials not in kept]
        known = next((kept[trials] for trials in case.trials if trials in kept), None)
        if not missing:
            return
        lines, questions = files
        if known is not None:  # more trials have given the answer since
            for trials in missing:
                self._write(lines, _of_trials(known, trials))
            return
        judgement = await self._judged(case)
        if self._trouble is not None:
            return  # nothing was said about this answer
        if judgement.asked:
            questions.append(folded(case.trials[0], case.digest, judgement.asked))
        for trials in missing:
            self._write(lines, graded_line(case, trials, judgement, (self._record.grader_id, self._digest(case))))

    async def _judged(self, case: Case) -> Judgement | PairJudgement:
        if case.is_alike:
            return PairJudgement(state="graded", preferred="tie", rationale=_SAME)
        key, cache = verdict_key(self._record.grader_digest, *case.candidates), self._bench.cache
        before: Judgement | PairJudgement | None = None
        is_pair = len(case.candidates) > 1
        if cache is not None:
            before = cache.get(key, PairJudgement) if is_pair else cache.get(key, Judgement)
        if before is not None:
            self._tally.reused += 1
            return before
        grader = self._bench.grader
        judgement: Judgement | PairJudgement = await (grader.compare if is_pair else grader.grade)(*case.candidates)
        self._look(judgement)
        self._tally.asked(judgement.asked)
        if cache is not None and judgement.state != "failed":
            cache.put(key, judgement)
        return judgement

    def _look(self, judgement: Judgement | PairJudgement) -> None:
        """Whether the judge is still there."""
        died = next((why for death in self._bench.deaths if (why := death()) is not None), None)
        failures = [each.reply.failure for each in judgement.asked]
        is_outage = judgement.state == "failed" and bool(failures) and all(failure is not None and failure.kind in _GONE for failure in failures)
        self._outages = self._outages + 1 if is_outage else 0
        if died is not None and is_outage:
            self._trouble = f"the judge's server ended: {died}"
        elif self._outages >= OUTAGES + self._bench.places - 1:
            last = next(failure.message for failure in failures if failure is not None)
            self._trouble = f"no reply about {self._outages} answers in a row: {last}"

    def _write(self, lines: LineWriter, line: Line) -> None:
        lines.append(line)
        self._tally.line(line)

    def _digest(self, case: Case) -> str:
        prompt, rubric = case.candidates[0].prompt, case.candidates[0].rubric
        key = (prompt.id, rubric.id if rubric else "")
        if key not in self._digests:
            self._digests[key] = grader_digest(self._record.grader_digest, prompt, rubric)
        return self._digests[key]

    def _keep(self, path: Path, kind: type[Grade] | type[PairGrade], cases: Sequence[Case]) -> dict[Trials, Line]:
        """The lines of an earlier try that still hold: of the same grader about the same answers. All others go; a failure is tried again."""
        wanted = {trials: (self._digest(case), case.digest) for case in cases for trials in case.trials}
        earlier: Iterator[Line] = read_lines(path, kind) if path.exists() else iter(())
        kept: dict[Trials, Line] = {}
        for line in earlier:
            if line.state != "failed" and wanted.get(trials_of(line)) == (line.grader_digest, line.answer_digest):
                kept[trials_of(line)] = line
        write_whole(path, (encode(line) + b"\n" for line in kept.values()))
        for line in kept.values():
            self._tally.line(line)
        asked = self._layout.questions_of(self._record.grader_id)
        earlier_asked = ((_about(each), each) for each in read_questions(self._layout, self._record.grader_id))
        heard = {trials: each for trials, each in earlier_asked if trials in kept and kept[trials].answer_digest == each.answer_digest}
        write_whole(asked, (encode(each) + b"\n" for each in heard.values()))
        for each in heard.values():
            self._tally.asked(each.asked)
        return kept

    def _concluded(self) -> JudgeRecord:
        record = self._tally.into(self._record)
        states = self._tally.states
        if self._trouble is not None:
            return replace(record, state="failed", reason=self._trouble, hint="what was judged is kept; `bench judge RUN` goes on")
        if states["failed"] and not states["graded"] and not states["abstained"]:
            reason = f"none of {states['failed']} answers could be graded: see judging/{record.grader_id}/questions.jsonl"
            return replace(record, state="failed", reason=reason, hint="try another method, or another judge")
        return record


def _about(line: Interrogation) -> Trials:
    return (line.trial_id,) if line.other_trial_id is None else (line.trial_id, line.other_trial_id)


def _of_trials(line: Line, trials: Trials) -> Line:
    """The same verdict about other trials that gave the same answer."""
    if isinstance(line, Grade):
        return replace(line, trial_id=trials[0])
    return replace(line, first_trial_id=trials[0], second_trial_id=trials[1])
