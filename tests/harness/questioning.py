"""Putting questions to a scripted judge from a test: a plain questioner over HTTP, and candidates in a line."""

import asyncio
import http.client
import json
import math
from typing import Any

from bench.judge.means import JudgeMeans
from bench.records.exchange import Failure, ServerTimings, Usage
from bench.records.judging import Candidate, Capabilities, Question, Reply, TokenChoice
from bench.records.spec import Aspect, Criterion, Message, Prompt, Rubric

ABLE = Capabilities(top_logprobs=20, prefix=True, json_schema=True)
MUTE = Capabilities()  # text only


class PlainQuestioner:
    """Asks over one HTTP connection a question, with the standard library alone: another reader of the wire than the program's."""

    def __init__(self, judge: Any) -> None:
        self._port = judge.port
        self.questions: list[Question] = []

    async def ask(self, question: Question) -> Reply:
        self.questions.append(question)
        return await asyncio.to_thread(self._ask, question)

    async def close(self) -> None:
        pass

    def _ask(self, question: Question) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.request("POST", "/v1/chat/completions", json.dumps(_body(question)), {"Content-Type": "application/json"})
            response = connection.getresponse()
            status, data = response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            return Reply(failure=Failure(kind="protocol", message=str(error)))
        finally:
            connection.close()
        try:
            answer = json.loads(data)
        except ValueError:
            return Reply(failure=Failure(kind="protocol", message="no JSON"))
        if status != 200:
            kind = "context_length" if answer["error"]["type"] == "exceed_context_size_error" else "server" if status >= 500 else "bad_request"
            return Reply(failure=Failure(kind=kind, message=answer["error"]["message"], status=status))
        return _reply(answer)


def _body(question: Question) -> dict[str, Any]:
    messages = [{"role": message.role, "content": message.content} for message in question.messages]
    if question.prefix:
        messages.append({"role": "assistant", "content": question.prefix})
    body: dict[str, Any] = {"messages": messages, "max_tokens": question.max_tokens, "temperature": question.temperature, "seed": question.seed}
    if question.top_logprobs:
        body |= {"logprobs": True, "top_logprobs": question.top_logprobs}
    if question.json_schema:
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "verdict", "schema": question.json_schema, "strict": True}}
    return body


def _reply(answer: dict[str, Any]) -> Reply:
    choice = answer["choices"][0]
    listed = (choice.get("logprobs") or {}).get("content") or []
    tokens = tuple(
        TokenChoice(token=each["token"], logprob=each["logprob"], alternatives=tuple((top["token"], top["logprob"]) for top in each["top_logprobs"]))
        for each in listed
    )
    return Reply(
        text=choice["message"]["content"] or "",
        tokens=tokens,
        finish_reason=choice["finish_reason"],
        usage=Usage(prompt_tokens=answer["usage"]["prompt_tokens"], completion_tokens=answer["usage"]["completion_tokens"]),
        server_timings=ServerTimings(prompt_n=answer["timings"]["prompt_n"], cache_n=answer["timings"]["cache_n"]),
    )


def means(judge: Any, capabilities: Capabilities = ABLE, *, members: Any = None, templates: Any = None, **settings: Any) -> JudgeMeans:
    """The means of a scripted judge."""
    return JudgeMeans(
        questioner=PlainQuestioner(judge), capabilities=capabilities, settings=settings, members=members or {}, templates=templates or {}, seed=7
    )


RAG = "It retrieves passages first, then answers from them."
ASPECTS = (
    Aspect(id="order", expect="Says that documents are retrieved before answering", weight=2),
    Aspect(id="trained", forbid="Claims that the model is trained again"),
)
KEYS = {"retrieved before": ["retrieves passages", "then answers"], "trained again": ["trains the model"], "easy to follow": ["first", "then"]}
CLARITY = Criterion(id="clarity", question="Is the answer easy to follow for a newcomer?", weight=0.3)


def rubric(*criteria: Criterion, scale: tuple[int, int] = (1, 5), anchors: Any = ()) -> Rubric:
    return Rubric(id="helpful", scale=scale, criteria=criteria or (Criterion(id="coverage", aspects="all"),), anchors=anchors)


def candidate(text: str = RAG, *aspects: Aspect, task: str = "Explain RAG.", given: Rubric | None = None, reference: str | None = None) -> Candidate:
    """An answer to be judged; without aspects by `ASPECTS`."""
    prompt = Prompt(id="p", messages=(Message(role="user", content=task),), aspects=aspects or ASPECTS, reference=reference)
    return Candidate(prompt=prompt, rubric=given, text=text)


def grade(grader: Any, *given: Candidate) -> Any:
    """The judgement of one candidate."""
    return asyncio.run(grader.grade(*given))


def compare(grader: Any, first: Candidate, second: Candidate) -> Any:
    """The judgement of two."""
    return asyncio.run(grader.compare(first, second))


class Canned:
    """A judge without a server, for a table of examples: replies in turn, the last one again and again."""

    def __init__(self, *replies: Reply) -> None:
        self._replies = replies
        self.questions: list[Question] = []

    async def ask(self, question: Question) -> Reply:
        self.questions.append(question)
        return self._replies[min(len(self.questions), len(self._replies)) - 1]

    async def close(self) -> None:
        pass


def says(*texts: str) -> Canned:
    """A judge that writes these texts."""
    return Canned(*(Reply(text=text, finish_reason="stop") for text in texts))


def believes(**probabilities: float) -> Canned:
    """A judge whose next token has these probabilities."""
    listed = tuple((token, math.log(p)) for token, p in probabilities.items())
    return Canned(Reply(text=listed[0][0], tokens=(TokenChoice(token=listed[0][0], logprob=listed[0][1], alternatives=listed),)))


def canned_means(questioner: Canned, capabilities: Capabilities = ABLE, *, members: Any = None, **settings: Any) -> JudgeMeans:
    """The means of a judge without a server."""
    return JudgeMeans(questioner=questioner, capabilities=capabilities, settings=settings, members=members or {}, seed=7)
