import asyncio
import itertools

import pytest
from harness.questioning import (
    ABLE,
    ASPECTS,
    CLARITY,
    KEYS,
    MUTE,
    RAG,
    Canned,
    believes,
    candidate,
    canned_means,
    compare,
    grade,
    means,
    rubric,
    says,
)
from harness.scripted_judge import constant, good, longer_is_better, scripted_judge, slot_a

from bench.catalog import CATALOG, REGISTRY
from bench.judge.graders import aspects, escalate, pairwise, panel, prometheus, samples, score, verdict
from bench.judge.graders.aspects import Aspects
from bench.judge.graders.escalate import Escalate
from bench.judge.graders.pairwise import Pairwise
from bench.judge.graders.panel import Panel
from bench.judge.graders.prometheus import Prometheus
from bench.judge.graders.samples import Samples
from bench.judge.graders.score import Score
from bench.judge.graders.verdict import WrittenVerdicts
from bench.records.grade import AspectGrade
from bench.records.judging import Capabilities, Judgement, Reply, Usage
from bench.records.spec import Aspect, Criterion

EXPECT, FORBID = Aspect(id="a", expect="Says so"), Aspect(id="a", forbid="Says so")


def only(judgement):
    (aspect,) = judgement.aspects
    return aspect


# --- the examples that stand in the graders' files


@pytest.mark.parametrize(("yes", "no", "kind", "expected"), aspects.EXAMPLES)
def test_examples_of_aspects(yes, no, kind, expected):
    found = only(grade(Aspects(canned_means(believes(Yes=yes, No=no))), candidate("x", EXPECT if kind == "expect" else FORBID)))
    assert found.score == (expected if expected is None else pytest.approx(expected))
    assert found.kind == kind


@pytest.mark.parametrize(("ratings", "expected"), score.EXAMPLES)
def test_examples_of_score(ratings, expected):
    found = only(grade(Score(canned_means(believes(**ratings))), candidate("x", EXPECT)))
    assert found.score == (expected if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(("drawn", "expected"), samples.EXAMPLES)
def test_examples_of_samples(drawn, expected):
    found = only(grade(Samples(canned_means(says(*drawn), samples=len(drawn))), candidate("x", EXPECT)))
    assert (found.score, found.method) == (expected, "samples")


@pytest.mark.parametrize(("reply", "expected"), verdict.EXAMPLES)
def test_examples_of_verdict(reply, expected):
    assert only(grade(WrittenVerdicts(canned_means(says(reply))), candidate("Paris is the capital.", EXPECT))).score == expected


@pytest.mark.parametrize(("reply", "expected"), prometheus.EXAMPLES)
def test_examples_of_prometheus(reply, expected):
    assert only(grade(Prometheus(canned_means(says(reply))), candidate("x", EXPECT))).score == expected


@pytest.mark.parametrize(("forward", "backward", "expected"), pairwise.EXAMPLES)
def test_examples_of_pairwise(forward, backward, expected):
    replies = [believes(A=p, B=1 - p)._replies[0] for p in (forward, backward)]
    assert compare(Pairwise(canned_means(Canned(*replies))), candidate("x"), candidate("y")).preferred == expected


def judges(*scores):
    """The first judge's questioner, and the others as members."""
    first, *others = [believes(Maybe=0.9) if p is None else believes(Yes=p, No=1 - p) for p in scores]
    members = {f"m{n}": Aspects(canned_means(each)) for n, each in enumerate(others, 2)} or {"m": None}
    return first, others, members


@pytest.mark.parametrize(("scores", "expected"), panel.EXAMPLES)
def test_examples_of_panel(scores, expected):
    first, _, members = judges(*scores)
    found = only(grade(Panel(canned_means(first, members=members)), candidate("x", EXPECT)))
    assert found.method == "panel"
    assert found.score == (expected if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(("scores", "expected", "n_asked"), escalate.EXAMPLES)
def test_examples_of_escalate(scores, expected, n_asked):
    first, others, members = judges(*scores)
    found = only(grade(Escalate(canned_means(first, members=members)), candidate("x", EXPECT)))
    assert found.score == (expected if expected is None else pytest.approx(expected))
    assert found.state == ("abstained" if expected is None else "graded")
    assert sum(bool(each.questions) for each in (first, *others)) == n_asked


# --- what they do with a judge that reads, behind a real server


@pytest.fixture(scope="module")
def judge():
    with scripted_judge(good(KEYS)) as running:
        yield running


@pytest.fixture(autouse=True)
def able(judge):
    judge.set(fault="", fault_first=0, label_mass=0.97, logprobs=20, prefix=True, context=None)
    judge.script = good(KEYS)
    judge.log.clear()


GRADERS = (Aspects, Score, Samples, WrittenVerdicts, Prometheus)
WHOLE = rubric(Criterion(id="coverage", aspects="all"), CLARITY)


@pytest.mark.parametrize("capabilities", [ABLE, MUTE], ids=["able", "mute"])
@pytest.mark.parametrize("method", GRADERS)
def test_a_good_answer_beats_a_bad_one(judge, method, capabilities):
    grader = method(means(judge, capabilities))
    right = grade(grader, candidate(given=WHOLE))
    wrong = grade(grader, candidate("This trains the model once more on everything.", given=WHOLE))
    assert right.state == wrong.state == "graded"
    assert right.score > 0.75
    assert wrong.score < 0.25
    assert [(aspect.aspect_id, aspect.kind) for aspect in right.aspects] == [("order", "expect"), ("trained", "forbid"), ("clarity", "question")]
    assert [aspect.weight for aspect in right.aspects] == [2, 1, 0.3]


@pytest.mark.parametrize(
    ("method", "capabilities", "ran"),
    [
        (Aspects, ABLE, "logprobs"), (Aspects, MUTE, "samples"), (Score, ABLE, "logprobs"), (Score, MUTE, "samples"), (Samples, ABLE, "samples"),
        (WrittenVerdicts, ABLE, "verdict"), (Prometheus, ABLE, "verdict"),
        (Aspects, Capabilities(top_logprobs=1), "samples"), (Score, Capabilities(top_logprobs=4), "samples"),
        (Score, Capabilities(top_logprobs=5), "logprobs"),
    ],
)  # fmt: skip
def test_every_aspect_says_which_method_ran(judge, method, capabilities, ran):
    assert {aspect.method for aspect in grade(method(means(judge, capabilities)), candidate()).aspects} == {ran}


def test_a_judge_whose_draws_cannot_be_read_is_asked_for_a_verdict_and_the_record_says_so():
    replies = [Reply(text="I think so", finish_reason="stop")] * 5 + [Reply(text='{"reason": "r", "quote": "", "holds": true}')]
    found = grade(Aspects(canned_means(Canned(*replies), MUTE)), candidate("x", EXPECT))
    assert (only(found).method, only(found).score, len(found.asked)) == ("verdict", 1.0, 6)


def test_log_probabilities_that_were_promised_and_do_not_come_are_not_made_up():
    replies = [Reply(text="Yes"), *[Reply(text="Yes")] * 5]
    found = grade(Aspects(canned_means(Canned(*replies), ABLE)), candidate("x", EXPECT))
    assert (only(found).method, only(found).score) == ("samples", 1.0)


def test_a_forbidden_aspect_scores_what_it_lacks(judge):
    order, trained = grade(Aspects(means(judge)), candidate()).aspects
    assert (order.score, order.p) == (pytest.approx(0.95), pytest.approx(0.95))
    assert (trained.score, trained.p) == (pytest.approx(0.95), pytest.approx(0.05))
    assert order.label_mass == pytest.approx(0.97)


def test_checks_and_other_graders_aspects_are_left_alone(judge):
    checked = Aspect(id="short", check={"name": "max_words"})
    assert [aspect.aspect_id for aspect in grade(Aspects(means(judge)), candidate(RAG, checked, *ASPECTS)).aspects] == ["order", "trained"]
    nothing = grade(Aspects(means(judge)), candidate(RAG, checked))
    assert (nothing.state, nothing.aspects, nothing.asked) == ("abstained", (), ())


@pytest.mark.parametrize("method", [Score, Samples, WrittenVerdicts, Prometheus])
def test_where_nothing_is_expected_the_whole_answer_is_rated(judge, method):
    plain = candidate()
    bare = type(plain)(prompt=type(plain.prompt)(id="p", messages=plain.prompt.messages), rubric=None, text=RAG)
    assert [aspect.aspect_id for aspect in grade(method(means(judge)), bare).aspects] == ["whole"]
    assert grade(Aspects(means(judge)), bare).aspects == ()


# --- abstention


def test_a_judge_that_was_about_to_say_something_else_abstains(judge):
    judge.set(label_mass=0.3)
    found = grade(Aspects(means(judge)), candidate())
    assert found.state == "abstained"
    assert found.score is None
    assert {(aspect.state, aspect.why_not, round(aspect.label_mass, 3)) for aspect in found.aspects} == {("abstained", "label_mass", 0.3)}


def test_a_belief_near_one_half_decides_nothing(judge):
    judge.script = constant(0.53)
    found = grade(Aspects(means(judge)), candidate())
    assert {(aspect.state, aspect.why_not, aspect.score) for aspect in found.aspects} == {("abstained", "undecided", None)}
    judge.script = constant(0.56)
    assert grade(Aspects(means(judge)), candidate()).state == "graded"


def test_the_middle_of_a_scale_is_a_decision():
    bare = candidate("x", given=rubric(CLARITY))
    prompt = type(bare.prompt)(id="p", messages=bare.prompt.messages)
    found = grade(Aspects(canned_means(believes(**{"3": 0.9}))), type(bare)(prompt=prompt, rubric=bare.rubric, text="x"))
    assert (only(found).kind, only(found).score) == ("question", 0.5)


def test_a_judge_that_always_says_yes_contradicts_itself_when_balanced(judge):
    judge.script = constant(0.9)
    assert grade(Aspects(means(judge)), candidate()).state == "graded"
    found = grade(Aspects(means(judge, balance=True)), candidate())
    assert {(aspect.state, aspect.why_not) for aspect in found.aspects} == {("abstained", "contradiction")}
    assert [asked.about for asked in found.asked] == ["order", "order (negated)", "trained", "trained (negated)"]


@pytest.mark.parametrize(("method", "capabilities"), [(Aspects, ABLE), (Aspects, MUTE), (Samples, ABLE)])
def test_a_judge_that_reads_agrees_with_itself_when_balanced(judge, method, capabilities):
    found = grade(method(means(judge, capabilities, balance=True, samples=9)), candidate())
    assert found.state == "graded"
    assert all(aspect.score > 0.7 for aspect in found.aspects)


def test_two_answers_that_agree_are_averaged():
    replies = [believes(Yes=0.9, No=0.1), believes(Yes=0.3, No=0.5)]
    found = only(grade(Aspects(canned_means(Canned(*(each._replies[0] for each in replies)), balance=True)), candidate("x", EXPECT)))
    assert (found.p, found.label_mass) == (pytest.approx((0.9 + 1 - 0.375) / 2), pytest.approx(0.8))


def test_a_twin_that_gives_no_answer_leaves_none():
    replies = [believes(Yes=0.9, No=0.05), believes(Maybe=0.9)]
    found = only(grade(Aspects(canned_means(Canned(*(each._replies[0] for each in replies)), balance=True)), candidate("x", EXPECT)))
    assert (found.state, found.why_not, found.score) == ("abstained", "label_mass", None)
    assert found.detail.startswith("asked the other way round: ")


# --- the context


def test_what_surely_does_not_fit_is_not_sent(judge):
    small = Capabilities(top_logprobs=20, prefix=True, context=512)
    found = grade(Aspects(means(judge, small)), candidate("word " * 4000))
    assert {(aspect.state, aspect.why_not) for aspect in found.aspects} == {("abstained", "context")}
    assert judge.log == []


def test_a_server_that_refuses_a_long_question_makes_an_abstention(judge):
    judge.set(context=300)
    found = grade(Aspects(means(judge)), candidate("word " * 400))
    assert {(aspect.state, aspect.why_not) for aspect in found.aspects} == {("abstained", "context")}


@pytest.mark.parametrize(("n_read", "context"), [(400, None), (4096, 4096), (5000, 4096)])
def test_a_server_that_cuts_a_question_in_silence_is_found_out(n_read, context):
    sure = believes(Yes=0.9, No=0.05)._replies[0]
    cut = Canned(Reply(text=sure.text, tokens=sure.tokens, usage=Usage(prompt_tokens=n_read)))
    able = Capabilities(top_logprobs=20, context=context)
    found = only(grade(Aspects(canned_means(cut, able)), candidate("word " * 4000, EXPECT)))
    assert (found.state, found.why_not, found.score) == ("abstained", "context", None)


@pytest.mark.parametrize(
    "usage", [Usage(prompt_tokens=4400), Usage(prompt_tokens=4400, cached_tokens=4300), Usage(prompt_tokens=100, cached_tokens=4300)]
)
def test_a_question_that_was_read_in_whole_is_none_of_these(usage):
    sure = believes(Yes=0.9, No=0.05)._replies[0]
    whole = Canned(Reply(text=sure.text, tokens=sure.tokens, usage=usage))
    assert grade(Aspects(canned_means(whole, Capabilities(top_logprobs=20, context=8192))), candidate("word " * 4000, EXPECT)).state == "graded"


# --- scales


@pytest.mark.parametrize(("scale", "n_asked"), [((1, 5), 1), ((0, 9), 1), ((1, 10), 2), ((0, 10), 2)])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 1.0])
def test_the_expected_place_is_found_on_every_short_scale(judge, scale, n_asked, share):
    judge.script = lambda _seen: share
    judge.set(certainty=1.0, label_mass=1.0)
    found = grade(Score(means(judge)), candidate("x", EXPECT, given=rubric(scale=scale)))
    assert only(found).score == pytest.approx(share, abs=1e-6)
    assert only(found).method == "logprobs"
    assert len(found.asked) <= n_asked
    judge.set(certainty=0.95)


def test_a_ten_that_is_one_token_counts_as_ten():
    first, after = believes(**{"10": 0.5, "1": 0.4})._replies[0], believes(**{"\n": 0.9, "0": 0.1})._replies[0]
    found = grade(Score(canned_means(Canned(first, after))), candidate("x", EXPECT, given=rubric(scale=(1, 10))))
    assert only(found).p == pytest.approx((0.5 + 0.4 * 0.1) / 0.9)


@pytest.mark.parametrize(("scale", "capabilities"), [((1, 10), Capabilities(top_logprobs=20)), ((0, 100), ABLE), ((-2, 2), ABLE), ((10, 20), ABLE)])
def test_other_scales_are_drawn(scale, capabilities):
    low, high = scale
    found = only(grade(Score(canned_means(says(str(high)), capabilities)), candidate("x", EXPECT, given=rubric(scale=scale))))
    assert (found.score, found.method) == (1.0, "samples")
    found = only(
        grade(Score(canned_means(says(str(high + 1), str(low)), capabilities, samples=2)), candidate("x", EXPECT, given=rubric(scale=scale)))
    )
    assert found.score == 0.0


def test_a_ten_is_not_guessed_where_nobody_can_ask_what_follows_a_one():
    judge = believes(**{"1": 0.9, "7": 0.05})
    found = only(grade(Score(canned_means(judge, Capabilities(top_logprobs=20))), candidate("x", EXPECT, given=rubric(scale=(1, 10)))))
    assert (found.method, found.score) == ("samples", 0.0)
    assert all(question.top_logprobs is None for question in judge.questions)


def test_a_question_shows_the_rubrics_anchors(judge):
    grade(Aspects(means(judge)), candidate(given=rubric(CLARITY, anchors=((1, "nobody understands it"), (5, "a child does")))))
    assert "1: nobody understands it\n5: a child does" in judge.log[-1].body["messages"][1]["content"]


# --- verdicts


@pytest.mark.parametrize("method", [WrittenVerdicts, Prometheus])
def test_an_unreadable_verdict_is_asked_for_once_more(judge, method):
    judge.set(fault="missing", fault_first=1)
    found = grade(method(means(judge)), candidate(RAG, ASPECTS[0]))
    assert (only(found).state, only(found).score, len(judge.log)) == ("graded", 1.0, 2)
    assert judge.log[1].is_repair
    assert "cannot be used" in judge.log[1].body["messages"][-1]["content"]
    assert found.rationale.startswith("order: ")


def test_a_grammar_is_asked_for_where_the_server_knows_one(judge):
    grade(WrittenVerdicts(means(judge)), candidate(RAG, ASPECTS[0]))
    schema = judge.log[0].body["response_format"]["json_schema"]["schema"]
    assert list(schema["properties"]) == schema["required"] == ["reason", "quote", "holds"]
    grade(WrittenVerdicts(means(judge, MUTE)), candidate(RAG, ASPECTS[0]))
    assert "response_format" not in judge.log[-1].body


@pytest.mark.parametrize("anchored", [True, False])
def test_prometheus_has_five_levels_of_the_rubrics_or_its_own(judge, anchored):
    anchors = tuple((place, f"level {place}") for place in range(1, 6)) if anchored else ()
    grade(Prometheus(means(judge)), candidate(given=rubric(CLARITY, anchors=anchors), reference="Best."))
    said = judge.log[-1].body["messages"][1]["content"]
    assert ("Score 3: level 3" in said) == anchored
    assert said.index("###Response") < said.index("###Reference Answer (Score 5)") < said.index("###Score Rubrics")


def test_prometheus_shows_other_scales_as_a_share(judge):
    found = grade(Prometheus(means(judge)), candidate(given=rubric(CLARITY, scale=(0, 100))))
    assert found.aspects[-1].score == 1.0


# --- pairs


def test_the_better_answer_wins_in_both_orders(judge):
    grader = Pairwise(means(judge))
    won = compare(grader, candidate(), candidate("I like trains."))
    assert (won.preferred, won.p_forward, won.p_backward) == ("first", pytest.approx(0.95), pytest.approx(0.95))
    assert compare(grader, candidate("I like trains."), candidate()).preferred == "second"
    assert [asked.about for asked in won.asked] == ["forward", "backward"]


@pytest.mark.parametrize("capabilities", [ABLE, MUTE], ids=["able", "mute"])
def test_a_judge_that_likes_the_first_place_ends_in_ties(judge, capabilities):
    judge.script = slot_a(good(KEYS))
    found = compare(Pairwise(means(judge, capabilities)), candidate(), candidate("I like trains."))
    assert (found.state, found.preferred) == ("graded", "tie")
    assert "the place decided" in found.rationale


def test_pairs_are_drawn_where_there_are_no_log_probabilities(judge):
    found = compare(Pairwise(means(judge, MUTE)), candidate(), candidate("I like trains."))
    assert (found.preferred, found.method) == ("first", "samples")


@pytest.mark.parametrize(
    ("changes", "state", "why"),
    [({"label_mass": 0.2}, "abstained", "label_mass"), ({"fault": "500"}, "failed", "outage"), ({"context": 50}, "abstained", "context")],
)
def test_a_pair_that_cannot_be_decided_has_no_preference(judge, changes, state, why):
    judge.set(**changes)
    found = compare(Pairwise(means(judge)), candidate(), candidate("x"))
    assert (found.state, found.why_not, found.preferred) == (state, why, None)


def test_a_pair_is_blind_and_tells_what_counts(judge):
    compare(Pairwise(means(judge)), candidate(given=WHOLE), candidate("x", given=WHOLE))
    (forward, backward) = (seen.body["messages"][1]["content"] for seen in judge.log)
    assert "- Says that documents are retrieved before answering\n- it must not be that: Claims" in forward
    assert judge.log[0].answers == judge.log[1].answers[::-1]
    assert "# Answer A" in backward


# --- several judges


class Fixed:
    """A member that always finds the same."""

    def __init__(self, *grades):
        self.grades, self.asked = grades, []

    async def grade(self, given):
        self.asked.append(given)
        names = {aspect.id for aspect in given.prompt.aspects}
        return Judgement(state="graded", aspects=tuple(each for each in self.grades if each.aspect_id in names))


def grade_of(name, score, kind="expect"):
    state = "abstained" if score is None else "graded"
    return AspectGrade(aspect_id=name, kind=kind, state=state, score=score, p=score, why_not="undecided" if score is None else None, weight=2)


def test_a_panel_asks_only_those_who_may_count(judge):
    member = Fixed(grade_of("order", 0.0), grade_of("trained", 0.0, "forbid"))
    both = grade(Panel(means(judge, members={"m": member})), candidate())
    assert both.aspects[0].score == pytest.approx(0.475)
    assert {asked.about.partition(":")[0] for asked in both.asked} == {"judge"}
    alone = grade(Panel(means(judge, members={"m": member}, unqualified=["m"])), candidate())
    assert alone.aspects[0].score == pytest.approx(0.95)
    others = grade(Panel(means(judge, members={"m": member}, unqualified=["judge"])), candidate())
    assert others.aspects[0].score == 0.0
    with pytest.raises(ValueError, match="no member of the panel is qualified"):
        Panel(means(judge, members={"m": member}, unqualified=["m", "judge"]))


def test_only_what_is_open_goes_to_the_larger_judge():
    first = Canned(*(each._replies[0] for each in (believes(Yes=0.9, No=0.05), believes(Yes=0.4, No=0.4), believes(**{"4": 0.9}))))
    larger = Fixed(grade_of("trained", 0.8, "forbid"))
    found = grade(Escalate(canned_means(first, members={"larger": larger})), candidate(given=WHOLE))
    (given,) = larger.asked
    assert [aspect.id for aspect in given.prompt.aspects] == ["trained"]
    assert [criterion.id for criterion in given.rubric.criteria] == ["coverage"]
    assert [(aspect.aspect_id, aspect.score) for aspect in found.aspects] == [
        ("order", pytest.approx(18 / 19)), ("trained", 0.8), ("clarity", pytest.approx(0.75)),
    ]  # fmt: skip
    assert found.aspects[1].detail == "decided by larger"


def test_what_nobody_decides_is_left_to_a_person():
    found = grade(Escalate(canned_means(believes(Maybe=0.9), members={"m": Fixed(grade_of("order", None), grade_of("trained", None))})), candidate())
    assert (found.state, found.score) == ("abstained", None)


@pytest.mark.parametrize("method", [Panel, Escalate])
def test_several_judges_need_members(method, judge):
    with pytest.raises(ValueError, match="needs members"):
        method(means(judge))


# --- the way they are made


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"samples": 0}, "samples is 0"), ({"samples": 2.5}, "samples"), ({"temperature": 0}, "draws at 0"),
        ({"temperature": 3.0}, "temperature is 3"),
        ({"max_tokens": 0}, "max_tokens is 0"), ({"balance": "yes"}, "balance"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", CATALOG["grader"])
def test_settings_that_make_no_sense_are_refused(judge, name, settings, problem):
    with pytest.raises(ValueError, match=problem):
        REGISTRY.load("grader", name)(means(judge, members={"m": Fixed()}, **settings))


@pytest.mark.parametrize("name", CATALOG["grader"])
def test_templates_that_make_no_sense_are_refused(judge, name):
    with pytest.raises(ValueError, match="there is no judge template 'aspect'"):
        REGISTRY.load("grader", name)(means(judge, members={"m": Fixed()}, templates={"aspect": "x"}))


def test_draws_differ_by_their_seed_and_are_the_same_next_time(judge):
    judge.script = constant(0.7)
    first, second = (grade(Samples(means(judge, samples=20)), candidate("x", EXPECT)) for _ in range(2))
    assert [asked.reply.text for asked in first.asked] == [asked.reply.text for asked in second.asked]
    assert 0 < only(first).score < 1
    assert len({asked.question.seed for asked in first.asked}) == 20


def test_a_judge_with_room_to_think_is_not_begun_for(judge):
    grade(Samples(means(judge, samples=1, max_tokens=400)), candidate("x", EXPECT))
    assert (judge.log[0].prefix, judge.log[0].body["max_tokens"]) == ("", 400)
    grade(Samples(means(judge, samples=1)), candidate("x", EXPECT))
    assert judge.log[1].prefix == "Answer:"


def test_the_found_beginning_is_used(judge):
    able = Capabilities(top_logprobs=20, prefix=True, prefixes={"yes_no": "It is: "})
    grade(Aspects(means(judge, able)), candidate("x", EXPECT))
    assert judge.log[0].prefix == "It is: "


def test_one_grader_may_grade_many_at_once(judge):
    grader = Aspects(means(judge))

    async def all_of(texts):
        return await asyncio.gather(*(grader.grade(candidate(text)) for text in texts))

    found = asyncio.run(all_of([RAG, "x"] * 8))
    assert [round(each.score, 2) for each in found] == [0.95, 0.35] * 8


def test_a_longer_answer_wins_with_a_judge_that_likes_length(judge):
    judge.script = longer_is_better(good(KEYS))
    short, padded = (grade(Aspects(means(judge)), candidate(text, ASPECTS[0])) for text in ("I like trains.", "I like trains. " * 20))
    assert short.score == pytest.approx(0.05)
    assert padded.score == pytest.approx(0.35)


def test_eight_aspects_share_all_but_their_last_words(judge):
    many = tuple(Aspect(id=f"a{n}", expect=f"Says the thing number {n}") for n in range(8))
    found = grade(Aspects(means(judge)), candidate(RAG * 20, *many, task="Read these notes. " * 60))
    timings = [asked.reply.server_timings for asked in found.asked]
    read, whole = sum(each.prompt_n for each in timings), sum(each.prompt_n + each.cache_n for each in timings)
    assert read <= whole / 4
    assert all(later.cache_n > 0 for _, later in itertools.pairwise(timings))
