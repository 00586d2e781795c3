"""Real small models as judges of the shipped example: worthless, found to be so, and cheaply."""

import asyncio
import os

import pytest
from harness.serving import context, treatment
from harness.source_tree import ROOT
from harness.specs import load

from bench.judge.graders.aspects import Aspects
from bench.judge.graders.pairwise import Pairwise
from bench.judge.means import JudgeMeans
from bench.judge.prefixes import with_prefixes
from bench.judge.probes import CORE, ProbeMaterial
from bench.judge.qualify import qualify
from bench.providers.questioner import ChatQuestioner
from bench.records.judging import Capabilities
from bench.serving.cache import default_folder
from bench.serving.llama_cpp import LlamaCpp

pytestmark = [
    pytest.mark.live,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        "BENCH_LONG" not in os.environ,
        reason="three minutes of a core; the nightly job sets BENCH_LONG=1. tests/live/test_quick_run.py has the Gemma judge probed in every run",
    ),
]

SPEC = load(ROOT / "specs" / "summarizer.yaml").spec


class Counting:
    """A questioner that counts tokens."""

    def __init__(self, questioner):
        self._questioner = questioner
        self.n = self.read = self.cached = 0

    async def ask(self, question):
        reply = await self._questioner.ask(question)
        assert reply.failure is None
        self.n += 1
        self.read += reply.server_timings.prompt_n
        self.cached += reply.server_timings.cache_n
        return reply

    async def close(self):
        await self._questioner.close()


def judged(folder, name, make):
    """The verdict on this model as a judge, and what asking took."""
    (model,) = [model for model in SPEC.models if model.id == name]
    where = context(folder, environ=os.environ, cache_folder=default_folder(os.environ))
    served = LlamaCpp().serve(treatment(model, threads=1, context=2048), where)

    async def run():
        asking = Counting(ChatQuestioner(served.endpoint, served.credential, timeout_s=120))
        able = Capabilities(top_logprobs=100, prefix=True, json_schema=True, context=2048)
        try:
            means = JudgeMeans(questioner=asking, capabilities=able, seed=SPEC.seed)
            grader = make(JudgeMeans(questioner=asking, capabilities=await with_prefixes(means), seed=SPEC.seed))
            return await qualify(grader, ProbeMaterial(prompts=SPEC.prompts, rubrics=SPEC.rubrics), SPEC.seed), asking
        finally:
            await asking.close()

    try:
        return asyncio.run(run())
    finally:
        served.close()


@pytest.mark.parametrize(("name", "make"), [("gemma-3-270m", Aspects), ("smollm2-135m", Aspects), ("smollm2-135m", Pairwise)])
def test_a_small_model_is_an_unqualified_judge(tmp_path, name, make):
    verdict, asking = judged(tmp_path, name, make)
    print(name, make.__name__, verdict, asking.n, asking.read, asking.cached)  # noqa: T201 - seen with -s
    assert verdict.verdict == "unqualified"
    lost = {family.name: family for family in verdict.families if family.is_core and (family.low is None or family.low <= 0.5)}
    assert {"absent_fact", "negated_fact"} <= set(lost) <= set(CORE)
    assert {reason.partition(":")[0] for reason in verdict.reasons if not reason.startswith("the labels")} == set(lost)
    for family in lost.values():
        assert family.examples or not family.decided
        assert family.decided + family.abstained <= 20
    assert asking.n < 200
    assert asking.cached > asking.read
