"""What a judge's endpoint can do, found out by asking it, never by its name.

Log-probabilities: how many alternatives of a token it tells. More is better, because a label has many spellings; `MOST` covers them, and where that
is refused the numbers that servers are known to allow are tried (20: OpenAI and vLLM as it ships; 5: older ones).

A begun answer (assistant prefill): the model is given the beginning of a sequence that even a small one goes on with. A server that takes the
beginning for a finished message starts a new answer instead, which does not begin with the next of the sequence. Both of two sequences must go on.

JSON by schema: the question asks for prose, and only a server that holds the model to the schema replies with an object.

A system turn: the chat templates of some models refuse one (Gemma 2, early Mistral), and servers pass that on as an error of the request or of their
own. What such a judge is told there begins the user's turn instead. A server that now and then fails must not pass for one of them: each try with the
turn must be refused, and each one without it, in between, replied to.

A grammar, where there is one in the manner of asking: two given words are no answers to the question, and only a server that holds the model to them
replies with one.
"""

import json
from typing import Any

import msgspec

from bench.protocols import Questioner
from bench.records.exchange import Failure
from bench.records.judging import Capabilities, Question, Reply
from bench.records.spec import Message

MOST = 100
ALTERNATIVES = (MOST, 20, 5, 2)
_SEQUENCES = (("21 22 23 24 25 26 27 28 29 30", "31"), ("a b c d e f g h i j k l m n", "o"))
_COLOURS = ("red", "green")
_SCHEMA = {
    "type": "object",
    "properties": {"colour": {"type": "string", "enum": list(_COLOURS)}, "is_bright": {"type": "boolean"}},
    "required": ["colour", "is_bright"],
    "additionalProperties": False,
}
_WORDS = ("umber", "ochre")
_MAY_BE_THE_SYSTEM_TURN = ("bad_request", "server", "protocol")
_REFUSALS = 3  # by chance, a server that fails one time in ten looks so once in 1400 times
_NO_REPLY = ("unreachable", "timeout", "authentication", "rate_limit", "server", "protocol")


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What the probe found. `failure`: the judge gave no reply to any question, and this is why."""

    capabilities: Capabilities = Capabilities()
    failure: Failure | None = None


async def probe(questioner: Questioner, *, context: int | None = None, may_have_grammar: bool = False) -> Found:
    """Ask a judge what it can do. `context`: how many tokens a question may have, where the server says so."""
    notes: list[str] = []
    alternatives, last = await _alternatives(questioner, notes)
    if last.failure is not None and last.failure.kind in _NO_REPLY:
        return Found(failure=last.failure)
    has_system = await _takes_system(questioner, notes)
    has_prefix = await _goes_on(questioner, notes)
    has_schema = await _keeps_to_schema(questioner, notes)
    has_grammar = may_have_grammar and await _keeps_to_grammar(questioner, notes)
    if alternatives and not has_prefix:
        notes.append("no begun answers: a label is read from the first token of the answer")
    able = Capabilities(
        top_logprobs=alternatives,
        prefix=has_prefix,
        json_schema=has_schema,
        grammar=has_grammar,
        system_role=has_system,
        context=context,
        notes=tuple(notes),
    )
    return Found(capabilities=able)


def is_better(one: Capabilities, other: Capabilities) -> bool:
    """Whether one way of asking a judge gets more out of it than another: log-probabilities first, then begun answers, then schemas and grammars."""
    return _rank(one) > _rank(other)


def is_full(able: Capabilities) -> bool:
    """Whether no other way of asking can get more out of it."""
    return able.top_logprobs > 0 and able.prefix


def _rank(able: Capabilities) -> tuple[bool, bool, int, bool, bool]:
    return able.top_logprobs > 0, able.prefix, able.top_logprobs, able.json_schema, able.grammar


async def _alternatives(questioner: Questioner, notes: list[str]) -> tuple[int, Reply]:
    """How many alternatives of the first token are told; the last reply."""
    reply = Reply()
    for n in ALTERNATIVES:
        reply = await questioner.ask(_question("Is ice cold? Reply with one word: yes or no.", top_logprobs=n))
        if reply.failure is None:
            told = len(reply.tokens[0].alternatives) if reply.tokens else 0
            if told < 2:
                notes.append("no log-probabilities: the server does not tell them")
                return 0, reply
            if reply.reasoning and not reply.text:
                notes.append("no log-probabilities of an answer: the model reasons first")
                return 0, reply
            notes.append(f"log-probabilities: {told} alternatives of each token (asked for {n})")
            return min(n, told), reply
        if reply.failure.kind not in {"bad_request", "empty"}:
            return 0, reply
    refused = reply.failure.message if reply.failure else "refused"
    notes.append(f"no log-probabilities: {refused}")
    plain = await questioner.ask(_question("Is ice cold? Reply with one word: yes or no.", max_tokens=4))
    return 0, plain


async def _takes_system(questioner: Questioner, notes: list[str]) -> bool:
    """False where the very question that is refused with a system turn gets its reply without one, again and again."""
    question = _question("Is ice cold?")
    question = msgspec.structs.replace(question, messages=(Message(role="system", content="Reply with one word: yes or no."), *question.messages))
    folded = msgspec.structs.replace(question, messages=without_system(question.messages))
    why = ""
    for _ in range(_REFUSALS):
        refusal = (await questioner.ask(question)).failure
        if refusal is None or refusal.kind not in _MAY_BE_THE_SYSTEM_TURN:
            return True
        reply = await questioner.ask(folded)
        if reply.failure is not None and reply.failure.kind != "empty":
            return True
        why = refusal.message
    notes.append(f"no system turns, their text begins the user's turn: {why}")
    return False


def without_system(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The messages with the text of a system turn in front of the first turn of the user."""
    if len(messages) < 2 or messages[0].role != "system":
        return messages
    system, user, *others = messages
    return (Message(role="user", content=f"{system.content}\n\n{user.content}"), *others)


async def _goes_on(questioner: Questioner, notes: list[str]) -> bool:
    for begun, following in _SEQUENCES:
        reply = await questioner.ask(_question("Go on with the sequence.", prefix=begun, max_tokens=4))
        if reply.failure is not None:
            notes.append(f"no begun answers: {reply.failure.message}")
            return False
        text = reply.text.strip()
        if not (text.startswith(following) and not text[len(following) :][:1].isalnum()):
            notes.append(f"no begun answers: after {begun[-8:]!r} came {text[:24]!r}, not {following!r}")
            return False
    notes.append("begun answers are gone on with")
    return True


async def _keeps_to_schema(questioner: Questioner, notes: list[str]) -> bool:
    reply = await questioner.ask(_question("Tell me about the sea.", json_schema=_SCHEMA, max_tokens=64))
    if reply.failure is not None:
        notes.append(f"no JSON by schema: {reply.failure.message}")
        return False
    try:
        value = json.loads(reply.text)
    except (ValueError, RecursionError):
        value = None
    keeps = isinstance(value, dict) and value.get("colour") in _COLOURS and isinstance(value.get("is_bright"), bool) and len(value) == 2
    notes.append("JSON by schema is kept to" if keeps else "no JSON by schema: the reply did not follow it")
    return keeps


async def _keeps_to_grammar(questioner: Questioner, notes: list[str]) -> bool:
    reply = await questioner.ask(_question("Tell me about the sea.", choices=_WORDS, max_tokens=16))
    keeps = reply.failure is None and reply.text.strip() in _WORDS
    why = reply.failure.message if reply.failure is not None else "the reply was another"
    notes.append("given replies are kept to" if keeps else f"no given replies: {why}")
    return keeps


def _question(text: str, *, max_tokens: int = 1, **more: Any) -> Question:
    return Question(messages=(Message(role="user", content=text),), max_tokens=max_tokens, seed=0, **more)
