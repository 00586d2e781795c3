import asyncio

import pytest
from harness.questioning import ABLE, Canned, believes, canned_means, means
from harness.scripted_judge import good, scripted_judge

from bench.judge.interview import PREFIXES
from bench.judge.prefixes import TRIED, with_prefixes
from bench.records.judging import Capabilities, Reply


def test_a_judge_that_is_ready_is_asked_once_for_each_form():
    with scripted_judge(good()) as judge:
        found = asyncio.run(with_prefixes(means(judge)))
        assert found.prefixes == PREFIXES
        assert [(seen.form, seen.prefix) for seen in judge.log] == [("yes_no", "Answer:"), ("scale", "Rating: "), ("pair", "Answer:")]
    assert found.notes == tuple(f"{form}: begun with {prefix!r}, the labels carry 0.970" for form, prefix in PREFIXES.items())
    assert (found.top_logprobs, found.prefix, found.json_schema) == (ABLE.top_logprobs, ABLE.prefix, ABLE.json_schema)


class Picky(Canned):
    """A judge whose tokenizer wants each label after a space."""

    async def ask(self, question):
        self.questions.append(question)
        mass = 0.85 if question.prefix.endswith(" ") else 0.1
        label = "3" if "whole number" in question.messages[-1].content else "A" if "one letter" in question.messages[-1].content else "Yes"
        return believes(**{label: mass, "The": 0.1})._replies[0]


def test_the_beginning_with_the_most_label_mass_is_kept():
    judge = Picky()
    found = asyncio.run(with_prefixes(canned_means(judge)))
    assert found.prefixes == {"yes_no": "Answer: ", "scale": "Rating: ", "pair": "Answer: "}
    assert len(judge.questions) == sum(len(tried) for tried in TRIED.values())


@pytest.mark.parametrize("reply", [believes(Well=0.9)._replies[0], Reply(text="Yes")])
def test_a_judge_that_says_other_things_keeps_the_usual_beginning_and_a_note(reply):
    found = asyncio.run(with_prefixes(canned_means(Canned(reply))))
    assert found.prefixes == PREFIXES
    assert all("too little" in note for note in found.notes)


def test_an_outage_is_no_end():
    with scripted_judge(good(), fault="500") as judge:
        assert asyncio.run(with_prefixes(means(judge))).prefixes == PREFIXES


@pytest.mark.parametrize("known", [Capabilities(top_logprobs=20), Capabilities(prefix=True)])
def test_where_nothing_can_be_begun_or_read_nothing_is_asked(known):
    judge = Canned(Reply(text="x"))
    assert asyncio.run(with_prefixes(canned_means(judge, known))) == known
    assert judge.questions == []
