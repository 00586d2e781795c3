"""Calls to a provider and blocks of trials, short enough to read in a test."""

import asyncio

from bench.clock import Clock
from bench.providers.openai_chat import OpenAIChat
from bench.records.plan import Block, Request, Treatment, Trial
from bench.records.serving import Endpoint
from bench.records.spec import Generation, Message, ModelSpec


def request(text="Summarise.", *, cache="allow", **generation):
    return Request(messages=(Message(role="user", content=text),), generation=Generation(**generation), cache=cache)


def ask(endpoint: Endpoint, *requests, credential=None, timeout_s=5.0, make=OpenAIChat):
    """Send these requests one after the other over one provider, and decode the answers."""

    async def run():
        provider = make(endpoint, credential, Clock())
        try:
            return [(await provider.call(one, seed=None, timeout_s=timeout_s)).decode() for one in requests or (request(),)]
        finally:
            await provider.close()

    return asyncio.run(run())


def treatment(digest="t1", model_id="m1"):
    return Treatment(model_id=model_id, variant_id="default", digest=digest, optional=False, model=ModelSpec(id=model_id, runtime="external"))


def trial(number, *, text="Summarise.", digest="t1", is_warmup=False, **generation):
    kind = "warm" if is_warmup else "trial"
    return Trial(
        id=f"{digest}-{kind}-{number}", request_digest="r", treatment_digest=digest, model_id="m1", prompt_id=f"p{number}", variant_id="default",
        round=1, is_warmup=is_warmup, request=request(text, **generation),
    )  # fmt: skip


def block(*trials):
    digests = dict.fromkeys(one.treatment_digest for one in trials)
    return Block(treatments=tuple(treatment(digest) for digest in digests), trials=tuple(trials))
