"""How much a judge is asked: every reply with its tokens and its time, whatever the question was for. What its cost hangs on."""

from collections.abc import Callable

from msgspec.structs import replace

from bench.protocols import Questioner
from bench.records.judging import JudgeWork, Question, Reply


class Work:
    """The work of one judge while it is up. `now_s` is the session's clock; `told` hears of every reply."""

    def __init__(self, judge_id: str, now_s: Callable[[], float], told: Callable[[JudgeWork], None] = lambda _work: None) -> None:
        """Nothing is asked yet."""
        self._now_s, self._told = now_s, told
        self._counted = JudgeWork(judge_id=judge_id)
        self._first_s: float | None = None
        self._busy_since_s = 0.0
        self._open = 0

    @property
    def so_far(self) -> JudgeWork:
        """All of it up to now."""
        return self._counted

    def began(self) -> None:
        """A question is about to be sent."""
        now_s = self._now_s()
        self._first_s = now_s if self._first_s is None else self._first_s
        self._busy_since_s = now_s if not self._open else self._busy_since_s
        self._open += 1

    def ended(self, reply: Reply | None) -> None:
        """Its reply is there; None: it was called off."""
        now_s, was = self._now_s(), self._counted
        self._open -= 1
        self._counted = replace(
            was,
            busy_s=was.busy_s + (now_s - self._busy_since_s),
            wall_s=now_s - (now_s if self._first_s is None else self._first_s),
        )
        self._busy_since_s = now_s
        if reply is not None and (reply.failure is None or reply.usage.prompt_tokens):
            self._counted = _with(self._counted, reply)
            self._told(self._counted)

    def over(self, questioner: Questioner) -> Questioner:
        """The questioner, counted."""
        return _Counted(questioner, self)


class _Counted:
    def __init__(self, questioner: Questioner, work: Work) -> None:
        self._questioner, self._work = questioner, work

    async def ask(self, question: Question) -> Reply:
        self._work.began()
        reply: Reply | None = None
        try:
            reply = await self._questioner.ask(question)
        finally:
            self._work.ended(reply)
        return reply

    async def close(self) -> None:
        await self._questioner.close()


def _with(was: JudgeWork, reply: Reply) -> JudgeWork:
    usage, timings = reply.usage, reply.server_timings
    is_counted = usage.counted_by == "server" and usage.prompt_tokens is not None
    cached = timings.cache_n if timings is not None and timings.cache_n is not None else usage.cached_tokens
    return replace(
        was,
        requests=was.requests + 1,
        uncounted=was.uncounted + (not is_counted),
        prompt_tokens=was.prompt_tokens + (usage.prompt_tokens or 0) * is_counted,
        completion_tokens=was.completion_tokens + (usage.completion_tokens or 0) * is_counted,
        cached_tokens=was.cached_tokens + (cached or 0) * is_counted,
    )


def together(earlier: tuple[JudgeWork, ...], now: tuple[JudgeWork, ...]) -> tuple[JudgeWork, ...]:
    """The work of several sessions, judge by judge."""
    found = {work.judge_id: work for work in earlier}
    for work in now:
        before = found.get(work.judge_id)
        found[work.judge_id] = work if before is None else _sum(before, work)
    return tuple(work for work in found.values() if work.requests)


def _sum(one: JudgeWork, other: JudgeWork) -> JudgeWork:
    counts = {name: getattr(one, name) + getattr(other, name) for name in JudgeWork.__struct_fields__ if name != "judge_id"}
    return replace(one, **counts)
