"""Observations in one line, for the examples of metrics and for tests."""

from typing import TypedDict, Unpack

from bench.records.exchange import Completion, Failure, FailureKind, ServerTimings, Timing, Usage, gaps_of
from bench.records.grade import Grade
from bench.records.observation import Observation
from bench.records.plan import Request, Trial
from bench.records.sample import Sample
from bench.records.spec import Generation, Message


class Sketch(TypedDict, total=False):
    """What may be said of an observation; everything else is filled in. Times in seconds, as in `Timing`."""

    model_id: str
    variant_id: str
    prompt_id: str
    round: int
    step: int | None
    is_warmup: bool
    is_first: bool
    bypass_cache: bool
    treatment_digest: str
    worker: str
    attempts: int
    failure: FailureKind | None
    text: str
    reasoning: str
    finish_reason: str | None
    served_model: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    reasoning_tokens: int | None
    tokens_estimated: bool
    server_timings: ServerTimings | None
    scheduled_s: float
    sent_s: float
    first_byte_s: float | None
    first_token_s: float | None
    last_token_s: float | None
    token_s: tuple[float, ...]
    finished_s: float
    connect_s: float | None
    grades: tuple[Grade, ...]


def observation(**said: Unpack[Sketch]) -> Observation:
    """One trial as described. Unless said otherwise it is sent at 0 s and answers three tokens at 0.1, 0.2 and 0.3 s.

    `token_s` stands for the arrivals; else `first_token_s` and `last_token_s` do, and `first_token_s=None` is an answer that was not streamed.
    """
    trial = _trial(said)
    failure = said.get("failure")
    sample = Sample(
        trial_id=trial.id,
        attempt=said.get("attempts", 1),
        is_final=True,
        outcome=_completion(said) if failure is None else Failure(kind=failure, message=f"made up: {failure}"),
        timing=_timing(said),
        worker=said.get("worker", "w1"),
        is_first=said.get("is_first", False),
    )
    return Observation(trial=trial, sample=sample, attempts=said.get("attempts", 1), grades=said.get("grades", ()))


def _trial(said: Sketch) -> Trial:
    model, variant, prompt = said.get("model_id", "m"), said.get("variant_id", "default"), said.get("prompt_id", "p")
    round_, is_warmup = said.get("round", 1), said.get("is_warmup", False)
    return Trial(
        id=f"{model}/{variant}/{prompt}/{'w' if is_warmup else 'r'}{round_}",
        request_digest=f"request {prompt}",
        treatment_digest=said.get("treatment_digest", f"treatment {model} {variant}"),
        model_id=model,
        prompt_id=prompt,
        variant_id=variant,
        round=round_,
        step=said.get("step"),
        is_warmup=is_warmup,
        request=Request(
            messages=(Message(role="user", content=prompt),),
            generation=Generation(stream=said.get("first_token_s", 0.0) is not None),
            cache="bypass" if said.get("bypass_cache", False) else "allow",
        ),
    )


def _timing(said: Sketch) -> Timing:
    sent = said.get("sent_s", said.get("scheduled_s", 0.0))
    first = said.get("first_token_s", sent + 0.1)
    tokens = said.get("token_s")
    if tokens is None:
        last = said.get("last_token_s", None if first is None else first + 0.2)
        tokens = () if first is None or last is None or said.get("failure") else (first, (first + last) / 2, last)
    return Timing(
        scheduled_s=said.get("scheduled_s", sent),
        sent_s=sent,
        finished_s=said.get("finished_s", tokens[-1] if tokens else sent + 1.0),
        first_byte_s=said.get("first_byte_s", tokens[0] if tokens else None),
        first_token_s=tokens[0] if tokens else None,
        last_token_s=tokens[-1] if tokens else None,
        chunks=len(tokens),
        gaps_us=gaps_of(tokens),
        connect_s=said.get("connect_s"),
        stamped_by="kernel",
    )


def _completion(said: Sketch) -> Completion:
    return Completion(
        text=said.get("text", "An answer."),
        reasoning=said.get("reasoning", ""),
        finish_reason=said.get("finish_reason", "length"),
        usage=Usage(
            prompt_tokens=said.get("prompt_tokens", 10),
            completion_tokens=said.get("completion_tokens", 3),
            cached_tokens=said.get("cached_tokens", 0),
            reasoning_tokens=said.get("reasoning_tokens"),
            counted_by="estimate" if said.get("tokens_estimated", False) else "server",
        ),
        served_model=said.get("served_model", "m.gguf"),
        server_timings=said.get("server_timings"),
    )
