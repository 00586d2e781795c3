"""A grader: asks the judge one question about the whole answer, and takes its first letter."""

from typing import Any

from bench.records.judging import Asked, Candidate, Judgement, Question
from bench.records.spec import Message


class Blunt:
    """`judge: {use: NAME, method: blunt}`."""

    def __init__(self, means: Any) -> None:
        """Take the judge: `means.questioner` asks it, `means.seed` is the spec's. Raises: ValueError when the method cannot work with it."""
        self._means = means

    async def grade(self, candidate: Candidate) -> Judgement:
        """What the judge finds. An outage is a state of the judgement, never an exception and never a score."""
        words = f"Question: {candidate.prompt.messages[-1].content}\nAnswer: {candidate.text}\nIs the answer good? Reply yes or no."
        question = Question(messages=(Message(role="user", content=words),), max_tokens=3, seed=self._means.seed)
        reply = await self._means.questioner.ask(question)
        asked = (Asked(about="answer", question=question, reply=reply),)
        if reply.failure is not None:
            return Judgement(state="failed", rationale=reply.failure.message, asked=asked)
        said = reply.text.strip().casefold()
        if said[:1] not in {"y", "n"}:
            return Judgement(state="abstained", rationale=f"neither yes nor no: {said[:40]}", asked=asked)
        return Judgement(state="graded", score=float(said.startswith("y")), asked=asked)
