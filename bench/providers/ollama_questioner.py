"""Questions to a judge on Ollama by its own chat API: with the context that the spec gives it, which OpenAI's API cannot say.

A schema is Ollama's `format`, a begun answer the last message, as with OpenAI's API; log-probabilities are those of Ollama 0.12.11 and later.
Source: docs.ollama.com/api/chat, read 2026-11-23.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from bench.providers.chat_answer import KINDS
from bench.providers.failures import clean, from_error_object, from_status
from bench.providers.ollama_lines import count, milliseconds
from bench.providers.ollama_request import PATH, opening
from bench.providers.patience import Patience
from bench.providers.questioner import reply_of
from bench.providers.request_head import request_head, whole
from bench.providers.wire.http1 import FramingError
from bench.providers.wire.pool import Pool, parse_origin
from bench.providers.wire.received import Received
from bench.records.exchange import Failure
from bench.records.judging import Question, Reply
from bench.records.serving import Endpoint, root_of

MANNERS: Final[Mapping[str, Mapping[str, Any]]] = {"plain": {}, "no_thinking": {"think": False}}
"""The ways to ask, of which the capability probe finds one that works."""


class OllamaQuestioner:
    """Speaks to a judge on Ollama. Made inside the event loop."""

    def __init__(  # noqa: PLR0913 - each is a choice of its own
        self,
        endpoint: Endpoint,
        credential: str | None,
        *,
        timeout_s: float,
        retries: int = 0,
        dialect: str = "plain",
        restart: Callable[[str], bool] | None = None,
    ) -> None:
        """Open nothing yet. `dialect`: one of `MANNERS`; all else as for `ChatQuestioner`."""
        origin = parse_origin(root_of(endpoint.base_url))
        self._head = request_head(origin, f"{origin.path}{PATH}", accept="application/json", credential=credential)
        self._endpoint = endpoint
        self._credential = credential
        self._timeout_s = timeout_s
        self._manner = MANNERS[dialect]
        self._patience = Patience(retries, restart)
        self._pool = Pool(origin)

    async def ask(self, question: Question) -> Reply:
        """Send one question; where the server is out of reach, busy or broken, some times more."""
        return await self._patience.ask(lambda: self._ask(question))

    async def close(self) -> None:
        """Close every connection."""
        self._pool.close()

    async def _ask(self, question: Question) -> Reply:
        body = msgspec.json.encode(native_body(question, self._endpoint, self._manner))
        return read_native(await self._pool.exchange(whole(self._head, body), self._timeout_s), question, self._credential)


def native_body(question: Question, endpoint: Endpoint, manner: Mapping[str, Any]) -> dict[str, Any]:
    """The call's JSON body."""
    messages = [{"role": message.role, "content": message.content} for message in question.messages]
    if question.prefix:
        messages.append({"role": "assistant", "content": question.prefix})
    server = endpoint.server
    options: dict[str, Any] = {**(server.options if server else {}), "temperature": question.temperature, "num_predict": question.max_tokens}
    if question.seed is not None:
        options["seed"] = question.seed
    body = {**opening(endpoint), **manner, "messages": messages, "stream": False, "options": options}
    if question.json_schema is not None:
        body["format"] = question.json_schema
    if question.top_logprobs is not None:
        body |= {"logprobs": True, "top_logprobs": question.top_logprobs}
    return body


def read_native(received: Received, question: Question, credential: str | None) -> Reply:
    """What came back, as a reply."""
    head = received.head
    if received.end != "complete" or head is None:
        return Reply(failure=Failure(kind=KINDS.get(received.end, "protocol"), message=clean(received.detail, credential)))
    try:
        content = received.body().data
        if head.status != 200:
            return Reply(failure=from_status(head.status, head.headers, content, credential))
        value = json.loads(content)
        if isinstance(value, dict) and value.get("error") is not None:
            return Reply(failure=from_error_object(value["error"], credential))
        return reply_of(as_completion(value), question, credential)
    except (FramingError, msgspec.ValidationError, ValueError, RecursionError) as error:
        return Reply(failure=Failure(kind="protocol", message=clean(f"the reply is no answer of Ollama's chat API: {error}", credential)))


def as_completion(value: Any) -> dict[str, Any]:
    """An answer of Ollama's in the shape of a chat completion. Raises: ValueError when it is none."""
    if not (is_answer := isinstance(value, dict)) or not isinstance(value.get("message"), dict):
        raise ValueError("it has no `message`" if is_answer else "it is no object")
    said, written = value["message"], count(value.get("eval_count"))
    message = {"content": said.get("content"), "reasoning": said.get("thinking")}
    logprobs = {"content": value.get("logprobs")}
    return {
        "model": value.get("model"),
        "choices": [{"index": 0, "message": message, "finish_reason": value.get("done_reason"), "logprobs": logprobs}],
        "usage": {"prompt_tokens": count(value.get("prompt_eval_count")), "completion_tokens": written},
        "timings": {
            "prompt_ms": milliseconds(value.get("prompt_eval_duration")),
            "predicted_n": written,
            "predicted_ms": milliseconds(value.get("eval_duration")),
            "load_ms": milliseconds(value.get("load_duration")),
        },
    }
