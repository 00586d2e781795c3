"""Putting questions to a judge: how each is asked, and what a reply that is no answer means."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from bench.judge.capability import without_system
from bench.judge.escape import one_line
from bench.judge.items import Finding
from bench.judge.means import JudgeMeans
from bench.judge.parse import Unreadable, WrittenVerdict
from bench.judge.prompts import Wording
from bench.records.exchange import Failure
from bench.records.grade import GradeState, WhyNot
from bench.records.judging import Asked, Capabilities, Question, Reply
from bench.records.spec import Message

Form = Literal["yes_no", "scale", "pair"]
PREFIXES: dict[Form, str] = {"yes_no": "Answer:", "scale": "Rating: ", "pair": "Answer:"}
"""How an answer begins where the probe found no better way. A digit is a token of its own for most tokenizers, a word begins with its space."""
_MOST_BYTES_A_TOKEN = 6  # English has 4 to 5, code 3, most other scripts fewer; only what surely does not fit is not sent
_CUT_BYTES_A_TOKEN = 12  # a server that counted so few tokens has not read it all
_CUT_FROM = 64  # tokens from which on that says something
_LONGEST_REPLY = 4000  # characters of an unreadable reply that are shown to the judge again
WORD_TOKENS, VERDICT_TOKENS = 8, 512


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How a judge is asked, from the spec's `judge:`. `max_tokens` None: as the kind of reply needs."""

    samples: int = 5
    temperature: float = 1.0
    balance: bool = False
    max_tokens: int | None = None


def manner_of(settings: Mapping[str, Any]) -> Manner:
    """The manner. Raises: ValueError for a setting that makes no sense."""
    known = {name: settings[name] for name in Manner.__struct_fields__ if settings.get(name) is not None}
    try:
        manner = msgspec.convert(known, Manner)
    except msgspec.ValidationError as error:
        raise ValueError(f"judge: {error}") from error
    if not 1 <= manner.samples <= 1000:
        raise ValueError(f"judge: samples is {manner.samples}, expected 1 to 1000")
    if not 0 < manner.temperature <= 2:
        raise ValueError(f"judge: temperature is {manner.temperature:g}, expected over 0 (draws at 0 are all the same) and at most 2")
    if manner.max_tokens is not None and not 1 <= manner.max_tokens <= 100_000:
        raise ValueError(f"judge: max_tokens is {manner.max_tokens}, expected 1 to 100000")
    return manner


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A short reply that is asked for: the form of its question, the replies that there are, and what one of them means (None: it is none)."""

    form: Form
    choices: tuple[str, ...]
    read: Callable[[str], float | None]


class Interview:
    """One judge, asked in one manner. Raises: ValueError for settings or templates that make no sense."""

    def __init__(self, means: JudgeMeans) -> None:
        """Take the means as they are; nothing is asked yet."""
        self.capabilities: Capabilities = means.capabilities
        self.manner = manner_of(means.settings)
        self.wording = Wording(means.templates, means.seed)
        self.seed = means.seed
        self._questioner = means.questioner

    def prefix(self, form: Form) -> str:
        """How the answer to such a question is begun for the judge; nothing where it cannot go on from there."""
        return self.capabilities.prefixes.get(form, PREFIXES[form]) if self.capabilities.prefix else ""

    async def label(self, about: str, messages: tuple[Message, ...], prefix: str) -> Asked:
        """Ask for one token with its alternatives."""
        return await self._put(about, Question(messages=messages, prefix=prefix, top_logprobs=self.capabilities.top_logprobs, seed=self.seed))

    async def draw(self, about: str, messages: tuple[Message, ...], wanted: Wanted, turn: int) -> Asked:
        """Ask for a drawn word. With `max_tokens` in the settings the judge may think first, so its answer is not begun, nor held to words."""
        most = self.manner.max_tokens
        prefix, room = (self.prefix(wanted.form), WORD_TOKENS) if most is None else ("", most)
        choices = wanted.choices if self.capabilities.grammar and most is None else ()
        question = Question(
            messages=messages, prefix=prefix, max_tokens=room, choices=choices, temperature=self.manner.temperature, seed=self.seed + turn
        )
        return await self._put(about, question)

    async def written(
        self, about: str, messages: tuple[Message, ...], schema: dict[str, Any] | None, read: Callable[[str], WrittenVerdict | Unreadable]
    ) -> tuple[WrittenVerdict | Finding, tuple[Asked, ...]]:
        """Ask for a written verdict; where it cannot be read, say why and ask once more."""
        room = self.manner.max_tokens or VERDICT_TOKENS
        schema = schema if self.capabilities.json_schema else None
        asked: tuple[Asked, ...] = ()
        problem = ""
        for _ in range(2):
            now = await self._put(about, Question(messages=messages, max_tokens=room, json_schema=schema, seed=self.seed))
            asked = (*asked, now)
            excuse = excused(now)
            if excuse is not None and excuse.why_not != "unparsed":
                return excuse, asked
            verdict = read(now.reply.text)
            if isinstance(verdict, WrittenVerdict):
                return verdict, asked
            problem = verdict.problem + (", it was cut off" if now.reply.finish_reason == "length" else "")
            messages = (*messages, *self._complaint(now.reply.text, problem))
        return Finding(state="failed", why_not="unparsed", detail=f"no readable verdict, also when asked again: {problem}"), asked

    def _complaint(self, said: str, problem: str) -> tuple[Message, ...]:
        told = self.wording.messages("repair", problem=one_line(problem))
        return (Message(role="assistant", content=said[:_LONGEST_REPLY].strip() or "(nothing)"), *told)

    async def _put(self, about: str, question: Question) -> Asked:
        """The question with its reply. What surely does not fit is not sent; what was cut on the way is no reply."""
        if not self.capabilities.system_role:
            question = msgspec.structs.replace(question, messages=without_system(question.messages))
        n_bytes = sum(len(message.content.encode("utf-8", "replace")) for message in question.messages)
        context = self.capabilities.context
        if context is not None and n_bytes / _MOST_BYTES_A_TOKEN + question.max_tokens > context:
            message = f"not sent: {n_bytes} bytes cannot fit into a context of {context} tokens with {question.max_tokens} for the reply"
            return Asked(about=about, question=question, reply=Reply(failure=Failure(kind="context_length", message=message)))
        reply = await self._questioner.ask(question)
        if reply.failure is None and (cut := _cut(reply, n_bytes, context)):
            reply = msgspec.structs.replace(reply, failure=Failure(kind="context_length", message=cut))
        return Asked(about=about, question=question, reply=reply)


def _cut(reply: Reply, n_bytes: int, context: int | None) -> str | None:
    """Why the judge cannot have read the whole question; None when nothing says so."""
    n_read, n_cached = reply.usage.prompt_tokens, reply.usage.cached_tokens or 0
    if n_read is None or reply.usage.counted_by != "server":
        return None
    n_read += n_cached if n_cached > n_read else 0  # some servers count what they found in their cache apart
    if context is not None and n_read >= context:
        return f"the question has {n_read} tokens, all that the context of {context} holds"
    if n_read >= _CUT_FROM and n_bytes > _CUT_BYTES_A_TOKEN * n_read:
        return f"the server read {n_read} tokens of a question of {n_bytes} bytes: it must have cut it"
    return None


def excused(asked: Asked) -> Finding | None:
    """What a reply means that is none; None when there is one."""
    failure = asked.reply.failure
    if failure is None:
        return None
    states: dict[str, tuple[GradeState, WhyNot]] = {
        "context_length": ("abstained", "context"),
        "empty": ("failed", "unparsed"),
        "bad_request": ("failed", "refused"),
        "authentication": ("failed", "refused"),
    }
    state, why = states.get(failure.kind, ("failed", "outage"))
    return Finding(state=state, why_not=why, detail=f"{failure.kind}: {failure.message}", asked=(asked,))
