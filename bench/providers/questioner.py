"""Questions to a judge, over the official SDK: nobody's time is measured here, so the hot path is not needed.

Every judge is asked in the same way, wherever it runs. What differs between servers is how an answer that was begun for the model is gone on with
(assistant prefill); `DIALECTS` are the ways there are, and the capability probe finds which one works:

    plain       the beginning is the last message (llama.cpp, Mistral, several hosted APIs); an answer may repeat it, and is told without it
    no_thinking the same, and the chat template is told to leave out its reasoning: llama.cpp refuses a begun answer of a model that reasons
    continued   the same with the words of vLLM and SGLang, which otherwise close the begun message
    foundry     Foundry Local takes a schema as it is, and OpenAI's wrapping of it for a schema that allows anything; it can be held to a grammar, too
"""

import asyncio
import json
import math
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
import openai

from bench.providers.chat_chunks import Reading
from bench.providers.failures import clean, from_error_object, from_status, said
from bench.providers.odd_chunks import repaired
from bench.providers.patience import Patience
from bench.records.exchange import Completion, Failure
from bench.records.judging import Question, Reply, TokenChoice
from bench.records.serving import Endpoint

_NO_THINKING: Final = {"chat_template_kwargs": {"enable_thinking": False}}
DIALECTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "plain": {},
    "no_thinking": _NO_THINKING,
    "continued": {**_NO_THINKING, "continue_final_message": True, "add_generation_prompt": False},
    "foundry": {},
}
GRAMMATICAL: Final = "foundry"
"""The dialect in which a judge can be held to a few given replies."""
_CONTINUING = ("continue_final_message", "add_generation_prompt")  # these make sense only where the last message is a begun answer
_MOST_BYTES = 64 << 20
_MOST_TOKENS = 64  # of a reply, whose alternatives are kept
_LEAST_LOGPROB = -1e4  # stands for a probability of zero
# The SDK lets errors of its HTTP library through; which library that is depends on its version (httpx, httpx2).
_HTTP = next(part.__module__.partition(".")[0] for part in openai.DefaultAsyncHttpxClient.__mro__ if part.__module__.startswith("httpx"))
_TRANSPORT_ERROR: type[Exception] = sys.modules[_HTTP].HTTPError
_BROKEN = (openai.OpenAIError, _TRANSPORT_ERROR, TimeoutError, ValueError, RecursionError)


class ChatQuestioner:
    """Speaks to a judge's chat endpoint. Made inside the event loop."""

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
        """Open nothing yet. No proxy of the environment is used, as in serving; redirects are not followed.

        `restart(why)` starts the judge's server again at the same address: done when its own errors last for two tries of a question.
        """
        self._endpoint = endpoint
        self._credential = credential
        self._timeout_s = timeout_s
        self._patience = Patience(retries, restart)
        self._dialect = DIALECTS[dialect]
        self._is_foundry = dialect == GRAMMATICAL
        http = openai.DefaultAsyncHttpxClient(trust_env=False, follow_redirects=False)
        self._client = openai.AsyncOpenAI(base_url=endpoint.base_url, api_key=credential or "none", max_retries=0, http_client=http)

    async def ask(self, question: Question) -> Reply:
        """Send one question; where the server is out of reach, busy or broken, some times more."""
        return await self._patience.ask(lambda: self._ask(question))

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()

    async def _ask(self, question: Question) -> Reply:
        try:
            async with asyncio.timeout(self._timeout_s):
                return read_reply(await self._send(question), question, self._credential)
        except _BROKEN as error:
            return Reply(failure=_failure(error, self._credential, self._timeout_s))

    async def _send(self, question: Question) -> bytes:
        body, foreign = body_of(question, self._dialect, is_foundry=self._is_foundry)
        create = self._client.chat.completions.with_streaming_response.create
        async with create(model=self._endpoint.served_model, extra_body=foreign or None, **body) as response:
            content = bytearray()
            async for part in response.iter_bytes():
                content += part
                if len(content) > _MOST_BYTES:
                    raise ValueError(f"the reply has more than {_MOST_BYTES} bytes")
            return bytes(content)


def body_of(question: Question, dialect: Mapping[str, Any], *, is_foundry: bool = False) -> tuple[dict[str, Any], dict[str, Any]]:
    """The call's arguments, and the fields beside them that only some servers know."""
    messages = [{"role": message.role, "content": message.content} for message in question.messages]
    foreign = dict(dialect)
    if question.prefix:
        messages.append({"role": "assistant", "content": question.prefix})
    else:
        foreign = {name: value for name, value in foreign.items() if name not in _CONTINUING}
    body: dict[str, Any] = {"messages": messages, "max_tokens": question.max_tokens, "temperature": question.temperature, "stream": False}
    if question.seed is not None:
        body["seed"] = question.seed
    if question.top_logprobs is not None:
        body |= {"logprobs": True, "top_logprobs": question.top_logprobs}
    if is_foundry:
        foreign |= _foundry_shape(question)
    elif question.json_schema is not None:
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "verdict", "strict": True, "schema": question.json_schema}}
    return body, foreign


def _foundry_shape(question: Question) -> dict[str, Any]:
    """What holds Foundry Local to a schema or to given replies. Source: its SDK's checks of `response_format`, and what its service did with each."""
    if question.json_schema is not None:
        return {"response_format": {"type": "json_schema", "json_schema": question.json_schema}}
    if question.choices:
        choices = " | ".join(json.dumps(choice) for choice in question.choices)
        return {"response_format": {"type": "lark_grammar", "lark_grammar": f"start: {choices}"}}
    return {}


def read_reply(content: bytes, question: Question, credential: str | None) -> Reply:
    """What a 200 answer says. Raises: ValueError, RecursionError or msgspec.ValidationError when it is no chat completion."""
    return reply_of(json.loads(content), question, credential)


def reply_of(value: Any, question: Question, credential: str | None) -> Reply:
    """What a chat completion says. Raises: as `read_reply`."""
    reading = Reading()
    reading.add(repaired(value), 0)
    tokens = _tokens(value, question, credential)
    outcome = reading.outcome(credential, status=200, is_stream=False)
    if isinstance(outcome, Failure) and not (outcome.kind == "empty" and tokens):  # one token that ends the answer is an answer here
        return Reply(failure=outcome, finish_reason=reading.finish_reason)
    completion = outcome if isinstance(outcome, Completion) else Completion(text="", finish_reason=reading.finish_reason)
    return Reply(
        text=completion.text.removeprefix(question.prefix),
        reasoning=completion.reasoning,
        tokens=tokens,
        finish_reason=completion.finish_reason,
        usage=completion.usage,
        server_timings=completion.server_timings,
    )


def _tokens(value: Any, question: Question, credential: str | None) -> tuple[TokenChoice, ...]:
    """The tokens with their alternatives, as far as there are any that make sense."""
    if question.top_logprobs is None:
        return ()
    listed = _at(_at(_first(_at(value, "choices")), "logprobs"), "content")
    return tuple(_choices(listed, question.top_logprobs, credential))


def _choices(listed: Any, most: int, credential: str | None) -> list[TokenChoice]:
    found: list[TokenChoice] = []
    for entry in (listed if isinstance(listed, list) else [])[:_MOST_TOKENS]:
        said_token = _alternative(entry, credential)
        if said_token is None:
            break
        tops = _at(entry, "top_logprobs")
        others = [_alternative(top, credential) for top in (tops if isinstance(tops, list) else [])[:most]]
        found.append(
            TokenChoice(token=said_token[0], logprob=said_token[1], alternatives=tuple(other for other in others if other is not None)),
        )
    return found


def _alternative(entry: Any, credential: str | None) -> tuple[str, float] | None:
    token, logprob = _at(entry, "token"), _at(entry, "logprob")
    if not isinstance(token, str) or type(logprob) not in {int, float} or math.isnan(logprob):
        return None
    return said(token.encode("utf-8", "replace").decode(), credential), min(max(float(logprob), _LEAST_LOGPROB), 0.0)


def _at(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else None


def _failure(error: Exception, credential: str | None, timeout_s: float) -> Failure:
    """The failure that an exception of the SDK, or of reading its answer, stands for."""
    match error:
        case openai.APIStatusError():
            return from_status(error.status_code, error.response.headers, _content(error), credential)
        case openai.APITimeoutError() | TimeoutError():
            return Failure(kind="timeout", message=f"no complete reply within {timeout_s:g} s")
        case openai.APIConnectionError():
            kind = "Connect" in type(error.__cause__).__name__
            message = f"{'no connection' if kind else 'the connection broke'}: {error.__cause__ or error}"
            return Failure(kind="unreachable" if kind else "protocol", message=clean(message, credential))
        case openai.APIError() if error.body is not None:
            return from_error_object(error.body, credential)
        case msgspec.ValidationError() | ValueError() | RecursionError():
            return Failure(kind="protocol", message=clean(f"the reply is no chat completion: {error}", credential))
        case _:
            return Failure(kind="protocol", message=clean(f"the connection broke: {error}", credential))


def _content(error: openai.APIStatusError) -> bytes:
    """The body of a refusal; the SDK has read it, unless the connection broke in it."""
    try:
        return error.response.content[:_MOST_BYTES]
    except RuntimeError:
        return b""
