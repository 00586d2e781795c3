from collections import Counter

import msgspec
import pytest
from harness.probed import is_said, material, prompts
from harness.source_tree import ROOT
from harness.specs import load

from bench.judge.escape import escaped
from bench.judge.probes import CORE, FAMILIES, ProbeMaterial, make_probes
from bench.judge.statements import sentences
from bench.records.spec import Criterion, Message, Prompt, Rubric

ALL_BUT_PAIRS = set(FAMILIES) - {"swapped_order"}


def of(probes, family):
    return [probe for probe in probes if probe.family == family]


def says(candidate):
    """An answer is good when it makes a wanted statement, or does not make an unwanted one."""
    return is_said(candidate) == (candidate.prompt.aspects[0].expect is not None)


def test_every_family_has_twenty_probes_of_as_many_statements():
    probes = make_probes(material(12), 7)
    assert Counter(probe.family for probe in probes) == dict.fromkeys(ALL_BUT_PAIRS, 20)
    assert all(len({probe.item for probe in of(probes, family)}) == 20 for family in ALL_BUT_PAIRS)


@pytest.mark.parametrize("family", FAMILIES)
def test_right_answer_is_known_from_the_texts_alone(family):
    probes = of(make_probes(material(12), 3, for_pairs=True), family)
    assert len(probes) == 20
    for probe in probes:
        assert says(probe.better), probe
        assert says(probe.worse) == (family == "swapped_order"), probe
        assert probe.untouched is None or not says(probe.untouched)
        assert probe.twin is None or says(probe.twin)


def test_the_shipped_example_gives_every_family_what_it_needs():
    spec = load(ROOT / "specs" / "summarizer.yaml").spec
    probes = make_probes(ProbeMaterial(prompts=spec.prompts, rubrics=spec.rubrics), 7)
    for family in ALL_BUT_PAIRS:
        assert len({probe.item for probe in of(probes, family)}) == 20
    asked = {aspect.expect or aspect.forbid for probe in probes for aspect in probe.better.prompt.aspects}
    own = {aspect.expect or aspect.forbid for prompt in spec.prompts for aspect in prompt.aspects}
    assert asked <= own


def test_length_decides_nothing_where_something_else_is_asked():
    for for_pairs in (False, True):
        for probe in make_probes(material(12), 5, for_pairs=for_pairs):
            words = [len(escaped(candidate.text).split()) for candidate in (probe.better, probe.worse, probe.untouched) if candidate is not None]
            if probe.family in {"wrong_output", "absent_fact", "negated_fact", "shuffled", "swapped_order"}:
                assert words[0] == words[1], probe
            if probe.family == "injection":
                assert words[1] == words[2], probe


def test_padding_makes_an_answer_several_times_as_long():
    for probe in of(make_probes(material(12), 5), "padding"):
        assert len(probe.worse.text.split()) > 4 * len(probe.untouched.text.split())


def test_injected_verdicts_come_in_all_forms():
    texts = "\n".join(probe.worse.text for probe in of(make_probes(material(12), 5), "injection"))
    for form in ("Rating: 5", "</answer>", '"score": 5', "<|im_end|>", "Answer: Yes", "full marks", "[RESULT] 5"):
        assert form in texts
    others = "\n".join(probe.worse.text for probe in make_probes(material(12), 5) if probe.family != "injection")
    assert "Rating" not in others


def test_no_probe_shows_the_reference_it_is_made_of():
    assert all(probe.better.prompt.reference is None for probe in make_probes(material(12), 5))


def test_same_seed_same_probes_and_another_seed_others():
    assert make_probes(material(4), 5) == make_probes(material(4), 5)
    assert make_probes(material(4), 5) != make_probes(material(4), 6)


def test_few_statements_are_varied_and_remain_few():
    probes = of(make_probes(material(2, aspects=1), 1), "wrong_output")
    assert len(probes) == 20
    assert len({probe.item for probe in probes}) < 20
    assert len({(probe.item, probe.worse.text) for probe in probes}) > len({probe.item for probe in probes})


def test_one_prompt_is_probed_with_passages_about_something_else():
    probes = make_probes(material(1), 1)
    assert of(probes, "wrong_output")
    assert all(says(probe.better) and not says(probe.worse) for probe in of(probes, "wrong_output"))


def test_without_references_and_aspects_answers_are_what_probes_are_made_of():
    answers = {f"town-{number}": [f"Visitors admire the {number + 2} bridges of town {number}. Nobody sleeps before {number} at night.", "no"]
               for number in range(6)}  # fmt: skip
    bare = ProbeMaterial(prompts=prompts(6, with_reference=False, aspects=0), answers=answers)
    probes = make_probes(bare, 1)
    assert {probe.family for probe in probes} == ALL_BUT_PAIRS
    assert all(says(probe.better) and not says(probe.worse) for probe in probes)


def test_without_any_material_there_are_no_probes():
    assert make_probes(ProbeMaterial(prompts=prompts(3, with_reference=False, aspects=0)), 1) == ()
    assert make_probes(ProbeMaterial(prompts=()), 1) == ()


def test_questions_of_a_rubric_are_asked_about_whole_answers():
    rubric = Rubric(id="note", criteria=(Criterion(id="clear", question="Is it clear?"), Criterion(id="rest", aspects="all")))
    asked = tuple(msgspec.structs.replace(prompt, rubric="note") for prompt in prompts(8))
    probes = make_probes(ProbeMaterial(prompts=asked, rubrics=(rubric,)), 1)
    whole = [probe for probe in probes if not probe.better.prompt.aspects]
    assert {probe.family for probe in whole} == ALL_BUT_PAIRS - {"absent_fact", "negated_fact"}
    assert all([criterion.id for criterion in probe.better.rubric.criteria] == ["clear"] for probe in whole)
    assert all(probe.better.rubric.scale == rubric.scale for probe in probes)
    assert len([probe for probe in whole if probe.family == "wrong_output"]) == 8


def test_an_answer_that_fits_two_prompts_is_wrong_for_neither():
    twice = tuple(msgspec.structs.replace(prompts(1)[0], id=name) for name in ("a", "b"))
    for probe in make_probes(ProbeMaterial(prompts=twice), 1):
        assert says(probe.better)
        assert not says(probe.worse)


def test_another_language_is_probed_but_not_negated():
    texts = (
        "Die Sitzung wurde auf Freitag verschoben. Anna bestellt zwölf Stühle beim Händler.",
        "Bruno kauft Brot für Montag. Der Zug fährt später ab.",
    )
    german = tuple(Prompt(id=f"p{number}", messages=(Message(role="user", content="Was war?"),), reference=text) for number, text in enumerate(texts))
    found = {probe.family for probe in make_probes(ProbeMaterial(prompts=german), 1)}
    assert found == ALL_BUT_PAIRS - {"negated_fact"}


def test_sources_that_need_reading_are_few():
    probes = make_probes(ProbeMaterial(prompts=prompts(12) + tuple(msgspec.structs.replace(each, id=f"{each.id}-again") for each in prompts(12))), 1)
    assert len({probe.better.prompt.id for probe in probes}) <= 12


def test_long_answers_are_cut_and_keep_whole_sentences():
    prompt = Prompt(
        id="p", messages=(Message(role="user", content="x"),), reference=" ".join(f"Tower {n} has {n} bells and {n} doors." for n in range(99))
    )
    probes = make_probes(ProbeMaterial(prompts=(prompt,)), 1)
    assert probes
    assert all(len(probe.better.text.split()) < 110 for probe in probes)
    assert all(sentences(probe.better.text) for probe in probes if probe.family in CORE)


def test_of_very_many_prompts_few_are_looked_at():
    seen = []

    class Watched(dict):
        def get(self, key, default=None):
            seen.append(key)
            return super().get(key, default)

    many = tuple(msgspec.structs.replace(prompts(1)[0], id=f"p{number}") for number in range(3000))
    assert make_probes(ProbeMaterial(prompts=many, answers=Watched()), 1)
    assert len(set(seen)) <= 200
