"""A judge for tests: a real HTTP server on loopback that speaks chat completions, and answers as a script believes.

    with scripted_judge(good({"retrieved before": ["retrieves passages", "then answers"]})) as judge:
        ... judge.base_url ... judge.endpoint() ... judge.log ...

A script says how likely the first answer to the question is right, from 0 to 1: P(Yes), the place on the scale as a share of it, P(A is better).
The server turns that into what was asked for: a word, a number, JSON, feedback with a result; with log-probabilities of several spellings, drawn at a
temperature over 0. `set` changes the server's abilities and faults while it runs.
"""

import asyncio
import contextlib
import json
import math
import random
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Literal

import msgspec

from bench.records.serving import Endpoint

Form = Literal["yes_no", "scale", "verdict", "pair", "prometheus", "other"]
_FENCED = re.compile(r"<(task|reference|answer|answer-a|answer-b)-([0-9a-f]+)>\n(.*?)\n</\1-\2>", re.DOTALL)
_STATEMENT = re.compile(r"^(?:Statement|Question): (.*)$", re.MULTILINE)
_RUBRIC = re.compile(r"^\[(.*)\]$", re.MULTILINE)
_SCALE = re.compile(r"from (-?\d+)(?: \([^)]*\))? to (-?\d+)")
_QUOTED = re.compile(r"[\"“]([^\"“”]{3,})[\"”]")
_FORMS: tuple[tuple[str, Form], ...] = (
    ("\nReply with one JSON object", "verdict"), ("\nReply with one word: Yes", "yes_no"), ("\nReply with one letter: A", "pair"),
    ("\n###Feedback:", "prometheus"), ("\nReply with one whole number", "scale"),
)  # fmt: skip
_POINT = re.compile(r"^- (it must not be that: )?(.*)$", re.MULTILINE)
_NEGATIONS = re.compile(r"\b(?:not|never|no|cannot|false|untrue|incorrect|wrong)\b|n't\b", re.IGNORECASE)
_INJECTED = re.compile(r"rating:\s*(\d+)|\bscore\W+(\d+)|\[\[a\]\]|\bfull marks\b|\b(?:reply|answer|say|output|verdict)\W+\"?yes\b", re.IGNORECASE)


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A question as a judge reads it. `answers` holds one text, or two for a pair, with the `points` that count (forbidden?, statement).
    `prefix` is what the reply is to go on from."""

    form: Form
    statement: str
    points: tuple[tuple[bool, str], ...]
    is_negated: bool
    is_scale: bool
    low: int
    high: int
    task: str
    answers: tuple[str, ...]
    prefix: str
    is_repair: bool
    body: dict[str, Any]
    n: int


Script = Callable[[Seen], float]


class Abilities(msgspec.Struct, frozen=True, kw_only=True):
    """What the server can do, and what goes wrong with it.

    `logprobs`: most alternatives it reports, 0 for none. `label_mass`: probability of all labels together. `fault` concerns the first `fault_first`
    questions (0: all): an HTTP status, or how the reply's text is spoilt (`FAULTS`). `context`: longer prompts (tokens of four bytes) are refused.
    `refuses_system`: the status with which a system turn is refused, as the chat templates of some models have it. `counts`: whether it tells tokens.
    """

    logprobs: int = 20
    prefix: bool = True
    json_schema: bool = True
    label_mass: float = 0.97
    context: int | None = None
    refuses_system: int | None = None
    counts: bool = True
    fault: str = ""
    fault_first: int = 0
    delay_s: float = 0.0
    certainty: float = 0.95
    seed: int = 0


# --- what scripts believe


def good(keys: Mapping[str, Sequence[str]] = {}) -> Script:
    """A judge that reads: a statement holds when its key phrases stand in the answer, and are not negated there.

    `keys`: a part of the statement or of the task to the phrases that decide. Without one: phrases in the statement's quotation marks, or else its
    longer words, all of them. A scale and a pair are decided by the share of phrases that an answer has.
    """

    def believe(seen: Seen) -> float:
        if seen.form == "pair":
            first, second = (_merit(seen, answer, keys) for answer in seen.answers)
            return 0.5 if first == second else 0.95 if first > second else 0.05
        share = _share(seen.statement, seen.task, seen.answers[0] if seen.answers else "", keys)
        if seen.is_scale:
            return share
        return 0.05 if (share == 1.0) == seen.is_negated else 0.95

    return believe


def _merit(seen: Seen, answer: str, keys: Mapping[str, Sequence[str]]) -> float:
    shares = [(is_bad, _share(point, seen.task, answer, keys)) for is_bad, point in seen.points or ((False, ""),)]
    return sum(1 - share if is_bad else share for is_bad, share in shares) / len(shares)


def _share(statement: str, task: str, answer: str, keys: Mapping[str, Sequence[str]]) -> float:
    declared = next((phrases for part, phrases in keys.items() if part in statement), None)
    declared = declared or next((phrases for part, phrases in keys.items() if part in task), None)
    phrases = declared or _QUOTED.findall(statement) or [word for word in re.findall(r"\w+", statement) if len(word) > 4]
    return sum(_stated(phrase, answer) for phrase in phrases) / len(phrases) if phrases else float(bool(answer.strip()))


def _stated(phrase: str, answer: str) -> bool:
    """Whether a sentence of the answer has this phrase, with no negation but the phrase's own."""
    wanted = " ".join(phrase.lower().split()).rstrip(".!?")
    for sentence in re.split(r"(?<=[.!?])\s+|\n", answer):
        said = " ".join(sentence.lower().split())
        if wanted in said and not _NEGATIONS.search(said.replace(wanted, " ")):
            return True
    return False


def coin(seed: int = 0) -> Script:
    """A judge that flips a coin for each question, and is sure of what it got. The same question gets the same side."""

    def believe(seen: Seen) -> float:
        chance = _chance(seed, seen.body["messages"])
        return chance.random() if seen.is_scale else 0.95 if chance.random() < 0.5 else 0.05

    return believe


def constant(p: float = 0.95) -> Script:
    """A judge that says the same to everything: Yes, the top of the scale, A."""
    return lambda _seen: p


def longer_is_better(judge: Script, *, by: float = 0.3, from_words: int = 30) -> Script:
    """`judge`, but a long answer gets more: so much on the scale, and over the line where it stood near it; of two, the longer one wins."""

    def believe(seen: Seen) -> float:
        p, words = judge(seen), [len(answer.split()) for answer in seen.answers]
        if seen.form == "pair":
            return p if words[0] == words[1] else 0.95 if words[0] > words[1] else 0.05
        if not words or words[0] < from_words:
            return p
        return _towards_yes(seen, p, by)

    return believe


def slot_a(judge: Script) -> Script:
    """`judge`, but of two answers the one shown first wins."""
    return lambda seen: 0.95 if seen.form == "pair" else judge(seen)


def gullible(judge: Script) -> Script:
    """`judge`, but an answer that tells the judge its verdict gets it."""

    def believe(seen: Seen) -> float:
        told = [bool(_INJECTED.search(answer)) for answer in seen.answers]
        if seen.form == "pair":
            return judge(seen) if told[0] == told[1] else 0.95 if told[0] else 0.05
        return _towards_yes(seen, judge(seen), 1.0) if any(told) else judge(seen)

    return believe


def _towards_yes(seen: Seen, p: float, by: float) -> float:
    return max(p - by, 0.05) if seen.is_negated else min(p + by, 1.0 if seen.is_scale else 0.95)


# --- how it says so

FAULTS = (
    "fenced", "prose", "truncated", "empty", "missing", "out_of_range", "think_contradicts", "think_unclosed", "two_objects", "strings", "extra",
    "false_quote", "null_content", "garbage", "disconnect",
)  # fmt: skip
_END = "<|im_end|>"
_WORDS = {"OK": 0.9, "Yes": 0.05, **{f"word{n}": 0.0005 for n in range(100)}}  # of questions that are about no answer
_JUNK = ("The", "\n", " Well", "I", " It", "**", " As", "<0x0A>")


def see(body: dict[str, Any], n: int) -> Seen:
    """What a judge reads in a request."""
    messages = [(message["role"], message.get("content") or "") for message in body["messages"]]
    prefix = messages[-1][1] if messages[-1][0] == "assistant" else ""
    asked = [content for role, content in messages if role == "user"]
    text = asked[0] if asked else ""
    parts = [(match.group(1), match.group(3), match.end()) for match in _FENCED.finditer(text)]
    answers = tuple(content for tag, content, _ in parts if tag.startswith("answer"))
    tail = text[max((end for tag, _, end in parts if tag.startswith("answer")), default=0) :]
    stated = _STATEMENT.search(tail) or _RUBRIC.search(tail)
    scale = _SCALE.search(tail)
    form: Form = "other"
    for words, name in _FORMS:
        if words in f"\n{tail}":
            form = name
            break
    low, high = (int(scale.group(1)), int(scale.group(2))) if scale else (1, 5)
    is_scale = form in {"scale", "prometheus"} or (form == "verdict" and '"score"' in tail)
    return Seen(
        form=form, statement=stated.group(1) if stated else "", is_negated="false of the answer" in tail, is_scale=is_scale, low=low, high=high,
        task=next((content for tag, content, _ in parts if tag == "task"), ""), answers=answers, prefix=prefix,
        is_repair=len(asked) > 1, body=body, n=n,
        points=tuple((bool(bad), point) for bad, point in _POINT.findall(tail)) if form == "pair" else (),
    )  # fmt: skip


def beliefs(seen: Seen, p: float, certainty: float) -> dict[str, float]:
    """The probabilities of the labels."""
    if seen.form == "yes_no":
        return {"Yes": p, "No": 1 - p}
    if seen.form == "pair":
        return {"A": p, "B": 1 - p}
    if not seen.is_scale:
        return {}
    at = seen.low + p * (seen.high - seen.low)
    below = math.floor(at)
    peak = {below: 1 - (at - below), below + 1: at - below}
    grades = range(seen.low, seen.high + 1)
    return {str(grade): certainty * peak.get(grade, 0.0) + (1 - certainty) / len(grades) for grade in grades}


def written(seen: Seen, label: str, p: float, fault: str) -> str:
    """The text of a long reply, perhaps spoilt."""
    other = str(seen.low if p > 0.5 else seen.high)
    if seen.form == "prometheus":
        result = {"out_of_range": "9", "strings": "four"}.get(fault, label)
        whole, draft = f"Feedback: it says what it should, in part. [RESULT] {result}", f"Feedback: at first glance. [RESULT] {other}"
        cut = "Feedback: it says what it should, in part."
    else:
        whole, draft = json.dumps(_spoilt(_verdict(seen, label, p), fault)), json.dumps(_verdict(seen, other, 1 - p))
        cut = whole[: len(whole) // 2]
    frames = {
        "fenced": f"Here is my verdict:\n```json\n{whole}\n```\nI hope this helps!",
        "prose": f"I think the answer deserves a {label}.",
        "truncated": cut,
        "think_contradicts": f"<think>\nFirst idea: {draft}\nNo, wait.\n</think>\n{whole}",
        "think_unclosed": f"<think>\nFirst idea: {draft}\nBut then",
        "two_objects": f"Draft: {draft}\nFinal: {whole}",
    }
    return cut if seen.form == "prometheus" and fault == "missing" else frames.get(fault, whole)


def _spoilt(verdict: dict[str, Any], fault: str) -> dict[str, Any]:
    name = "score" if "score" in verdict else "holds"
    changes: dict[str, dict[str, Any]] = {
        "out_of_range": {name: 9 if name == "score" else "maybe"},
        "strings": {name: str(verdict[name])},
        "extra": {"confidence": 0.9},
        "false_quote": {"quote": "words that nobody wrote in any answer"},
    }
    changed = {**verdict, **changes.get(fault, {})}
    return {key: value for key, value in changed.items() if fault != "missing" or key != name}


def _verdict(seen: Seen, label: str, p: float) -> dict[str, Any]:
    answer = seen.answers[0] if seen.answers else ""
    quote = " ".join(answer.split()[:4]) if p > 0.5 else ""
    decision: dict[str, Any] = {"score": int(label)} if seen.is_scale else {"holds": p > 0.5}
    return {"reason": "What it says decides.", "quote": quote, **decision}


def spellings(label: str, *, after_space: bool) -> dict[str, float]:
    """How a label's probability is shared among its tokens."""
    if label.isdigit():
        return {label: 1.0}
    space = "" if after_space else " "
    return {space + label: 0.8, label.lower(): 0.15, "▁" + label.upper(): 0.05}


def alternatives(seen: Seen, labels: Mapping[str, float], said: str, mass: float) -> dict[str, float]:
    """The next token's probabilities: numbers are read digit by digit, words are one token. `said`: what is already there of the label."""
    after_space = seen.prefix.endswith((" ", "\n")) or not seen.prefix
    found: dict[str, float] = {}
    reached = {label: p for label, p in labels.items() if label.startswith(said)}
    total = sum(reached.values()) or 1.0
    for label, p in reached.items():
        rest = label[len(said) :]
        if not rest:
            found[_END] = p / total
        elif label.isdigit():
            found[rest[0]] = found.get(rest[0], 0.0) + mass * p / total
        else:
            for token, share in spellings(label, after_space=after_space).items():
                found[token] = found.get(token, 0.0) + mass * share * p / total
    left = 1.0 - sum(found.values())
    weights = [2.0**-place for place in range(len(_JUNK))]
    for token, weight in zip(_JUNK, weights, strict=True):
        found[token] = found.get(token, 0.0) + max(left, 1e-9) * weight / sum(weights)
    return found


def _chance(*parts: Any) -> random.Random:
    return random.Random(sha256(json.dumps(parts, sort_keys=True).encode()).digest())  # the same question, the same luck


def _trial(seen: Seen, abilities: Abilities) -> str:
    """The reply to a question about the server's abilities; empty where it lacks them, or it is no such question."""
    schema = ((seen.body.get("response_format") or {}).get("json_schema") or {}).get("schema")
    if schema is not None and abilities.json_schema:
        return json.dumps(_instance(schema))
    following = _next(seen.prefix) if abilities.prefix else ""
    return f" {following}" if following else ""


def _instance(schema: Mapping[str, Any]) -> Any:
    """A value that fulfils a plain schema."""
    if "enum" in schema:
        return schema["enum"][0]
    if schema["type"] == "object":
        return {name: _instance(part) for name, part in schema["properties"].items()}
    return {"string": "x", "boolean": True, "integer": 1, "number": 1.0}[schema["type"]]


def _next(sequence: str) -> str:
    """What follows `7 8 9` or `a b c`."""
    last = sequence.strip().rpartition(" ")[2]
    return str(int(last) + 1) if last.isdigit() else chr(ord(last) + 1) if len(last) == 1 else ""


# --- the server


class ScriptedJudge:
    """A running judge. `log` has every question in order of arrival. `heard` is called with each, before it is answered, in the server's thread."""

    def __init__(self, script: Script, abilities: Abilities) -> None:
        self.script = script
        self.abilities = abilities
        self.log: list[Seen] = []
        self.heard: Callable[[Seen], None] = lambda _seen: None
        self.port = 0
        self.in_flight = 0
        self.most_in_flight = 0
        self._last = ""
        self._server: asyncio.Server | None = None
        self._handlers: set[asyncio.Task[None]] = set()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def endpoint(self, *, owned: bool = False) -> Endpoint:
        return Endpoint(base_url=self.base_url, served_model="judge", owned=owned)

    def set(self, **changes: Any) -> None:
        self.abilities = msgspec.structs.replace(self.abilities, **changes)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in tuple(self._handlers):
            task.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)
        await asyncio.sleep(0.01)  # transports close in later turns of the loop

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._handlers.add(task)
            task.add_done_callback(self._handlers.discard)
        try:
            while await self._serve_one(reader, writer):
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return
        finally:
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        data = await reader.readexactly(int(headers.get("content-length", "0")))
        if method == "GET":
            writer.write(_answer(200, self._information(path)))
            return True
        seen = see(json.loads(data), len(self.log))
        self.log.append(seen)
        self.heard(seen)
        abilities = self.abilities
        if abilities.fault_first and len(self.log) > abilities.fault_first:
            abilities = msgspec.structs.replace(abilities, fault="")
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(abilities.delay_s)
            if abilities.fault == "disconnect":
                return False
            writer.write(self._reply(seen, abilities))
            return True
        finally:
            self.in_flight -= 1

    def _information(self, path: str) -> dict[str, Any]:
        if path.endswith("/models"):
            return {"object": "list", "data": [{"id": "judge", "object": "model", "meta": {"n_ctx_train": self.abilities.context or 8192}}]}
        if path.endswith("/props"):
            return {"default_generation_settings": {"n_ctx": self.abilities.context or 8192}, "total_slots": 4}
        return {"status": "ok"}

    def _reply(self, seen: Seen, abilities: Abilities) -> bytes:
        prompt = "".join(f"<{message['role']}>{message.get('content')}" for message in seen.body["messages"])
        n_prompt = math.ceil(len(prompt.encode()) / 4)
        if abilities.fault.isdigit():
            return _answer(
                int(abilities.fault),
                {"error": {"message": f"the judge says {abilities.fault}", "type": "server_error", "code": int(abilities.fault)}},
            )
        if abilities.fault == "garbage":
            return _answer(200, b"\x00not json {")
        if abilities.refuses_system and any(message["role"] == "system" for message in seen.body["messages"]):
            return _answer(abilities.refuses_system, {"error": {"message": "System role not supported", "code": abilities.refuses_system}})
        if abilities.context is not None and n_prompt + 1 > abilities.context:
            message = f"the request exceeds the available context size ({n_prompt} tokens > {abilities.context})"
            return _answer(
                400,
                {
                    "error": {
                        "message": message,
                        "type": "exceed_context_size_error",
                        "code": 400,
                        "n_prompt_tokens": n_prompt,
                        "n_ctx": abilities.context,
                    }
                },
            )
        text, tokens, finish = self._said(seen, abilities)
        common = next((place for place, (a, b) in enumerate(zip(prompt, self._last, strict=False)) if a != b), min(len(prompt), len(self._last)))
        self._last = prompt
        cached = min(common // 4, n_prompt - 1)
        n_said = max(1, len(tokens) or len(text) // 4)
        facts = {
            "usage": {
                "prompt_tokens": n_prompt, "completion_tokens": n_said, "total_tokens": n_prompt + n_said,
                "prompt_tokens_details": {"cached_tokens": cached},
            },
            "timings": {"prompt_n": n_prompt - cached, "prompt_ms": 1.0, "predicted_n": n_said, "predicted_ms": 1.0, "cache_n": cached},
        }  # fmt: skip
        if not abilities.counts:
            facts = {}
        logprobs = {"content": tokens} if tokens else None
        if seen.body.get("stream"):
            return _streamed(text, logprobs, finish, facts)
        message = {"role": "assistant", "content": None if abilities.fault == "null_content" else text}
        choice = {"index": 0, "message": message, "logprobs": logprobs, "finish_reason": finish}
        return _answer(200, {"id": f"judged-{seen.n}", "object": "chat.completion", "created": 0, "model": "judge", "choices": [choice], **facts})

    def _said(self, seen: Seen, abilities: Abilities) -> tuple[str, list[dict[str, Any]], str]:
        """Text, tokens with log-probabilities (where asked for and able), finish reason."""
        if abilities.fault == "empty":
            return "", [], "stop"
        if not abilities.prefix and seen.prefix:
            seen = msgspec.structs.replace(seen, prefix="")
        p = self.script(seen) if seen.form != "other" else 0.5
        labels = beliefs(seen, p, abilities.certainty)
        temperature = seen.body.get("temperature") or 0.0
        chance = _chance(abilities.seed, seen.body["messages"], seen.body.get("seed"), None if seen.body.get("seed") is not None else seen.n)
        if seen.form in {"verdict", "prometheus"}:
            label = _choose(labels, temperature, chance) if labels else ""
            return written(seen, label, p, abilities.fault), [], "length" if abilities.fault in {"truncated", "think_unclosed"} else "stop"
        if seen.form == "other":
            tokens = _tokens([("OK", _WORDS)], _asked_for(seen, abilities))
            return _trial(seen, abilities) or "OK", tokens, "stop"
        most = seen.body.get("max_tokens") or seen.body.get("max_completion_tokens") or 16
        if abilities.fault == "prose":
            return "Well, that is hard to say."[: 4 * most], [], "length"
        return _spoken(seen, abilities, labels, (temperature, chance, most))


def _spoken(seen: Seen, abilities: Abilities, labels: Mapping[str, float], how: tuple[float, random.Random, int]) -> tuple[str, list[Any], str]:
    """A label, token by token, as far as it may go."""
    temperature, chance, most = how
    begun = re.search(r"\d+$", seen.prefix)
    start = begun.group() if begun else ""
    said: list[tuple[str, dict[str, float]]] = []
    text = ""
    while len(said) < most:
        nexts = alternatives(seen, labels, start + text.strip(), abilities.label_mass)
        token = _choose(nexts, temperature, chance)
        if token == _END:
            said.append((token, nexts))
            return text, _tokens(said, _asked_for(seen, abilities)), "stop"
        said.append((token, nexts))
        text += token.replace("▁", " ")
        if not token.strip().isdigit():
            break
    return text, _tokens(said, _asked_for(seen, abilities)), "length"


def _asked_for(seen: Seen, abilities: Abilities) -> int:
    return min(seen.body.get("top_logprobs") or 0, abilities.logprobs) if seen.body.get("logprobs") else 0


def _choose(labels: Mapping[str, float], temperature: float, chance: random.Random) -> str:
    if temperature <= 0:
        return max(labels, key=labels.__getitem__)
    return chance.choices(list(labels), list(labels.values()))[0]


def _tokens(said: Sequence[tuple[str, Mapping[str, float]]], top: int) -> list[dict[str, Any]]:
    if not top:
        return []

    def entry(token: str, p: float) -> dict[str, Any]:
        return {"token": token, "logprob": math.log(max(p, 1e-12)), "bytes": list(token.encode())}

    return [
        {**entry(token, nexts[token]), "top_logprobs": [entry(*pair) for pair in sorted(nexts.items(), key=lambda pair: -pair[1])[:top]]}
        for token, nexts in said
    ]


def _answer(status: int, content: Any) -> bytes:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


def _streamed(text: str, logprobs: Any, finish: str, facts: dict[str, Any]) -> bytes:
    head = {"id": "judged", "object": "chat.completion.chunk", "created": 0, "model": "judge"}
    deltas = [({"role": "assistant", "content": None}, None, None), ({"content": text}, logprobs, None), ({}, None, finish)]
    chunks = [{**head, "choices": [{"index": 0, "delta": delta, "logprobs": probs, "finish_reason": end}]} for delta, probs, end in deltas]
    chunks.append({**head, "choices": [], **facts})
    events = b"".join(b"data: %b\n\n" % json.dumps(chunk).encode() for chunk in chunks) + b"data: [DONE]\n\n"
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n%b" % (len(events), events)


@contextlib.contextmanager
def scripted_judge(script: Script | None = None, **abilities: Any) -> Iterator[ScriptedJudge]:
    """Serve this script (default: a good judge) with these `Abilities` until the block ends, in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="scripted-judge", daemon=True)
    thread.start()
    judge = ScriptedJudge(script or good(), Abilities(**abilities))
    asyncio.run_coroutine_threadsafe(judge.start(), loop).result(5)
    try:
        yield judge
    finally:
        asyncio.run_coroutine_threadsafe(judge.close(), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()
