"""Reading in columns says what reading whole observations says."""

from array import array
from itertools import pairwise

import msgspec
import pytest
from harness.summarized import METRICS, manifest, plan_of, spec_of

from bench.records.grade import AspectGrade, Grade
from bench.records.sketch import observation
from bench.records.spec import Aspect, Check, Message, Prompt
from bench.summarize.reading import first_answers, read, read_run
from bench.summarize.summary import summarize


class Source:
    """Observations as `Decided` gives them, with samples as they are decoded from lines."""

    def __init__(self, observations):
        self.all = observations
        self.asked = 0

    def stretches(self, kind):
        for start, end in pairwise([*range(0, len(self.all), 7), len(self.all)]):
            some = self.all[start:end]
            samples = [msgspec.json.decode(msgspec.json.encode(seen.sample), type=kind) for seen in some]
            kinds = [seen.trial for seen in self.all]
            places, rounds = list(range(start, end)), [seen.trial.round for seen in some]
            yield Stretch(places=places, kinds=kinds, of=places, rounds=rounds, samples=samples, attempts=[seen.attempts for seen in some])

    def observations(self):
        yield from self.all

    def places(self):
        return iter(range(len(self.all)))

    def observed(self, places):
        for place in places:
            self.asked += 1
            yield self.all[place]

    def verdicts(self):
        kinds = {}
        return array("I", [kinds.setdefault(seen.grades[0].score, len(kinds) + 1) if seen.grades else 0 for seen in self.all])


class Stretch(msgspec.Struct):
    places: list
    kinds: list
    of: list
    rounds: list
    samples: list
    attempts: list


def graded(trial_id, score):
    aspect = AspectGrade(aspect_id="a", kind="check", state="graded", score=score, required=True)
    return Grade(trial_id=trial_id, grader_id="checks", grader_digest="d", state="graded", score=score, aspects=(aspect,))


def answers():
    made = [
        observation(
            model_id=model, prompt_id=f"p{p}", round=r, is_warmup=r == 0, is_first=r == 0, sent_s=10.0 * (8 * r + p), worker="w1" if r < 4 else "w2",
            token_s=tuple(10.0 * (8 * r + p) + 0.1 * k * (1 + p) for k in range(1, 2 + (r * p) % 6)), served_model=model, connect_s=0.01 * p or None,
            failure="server" if (p + r) % 7 == 3 else None, attempts=1 + (r == 5), cached_tokens=6 if r else 0, prompt_tokens=10, text=f"{p} {r}",
        )
        for r in range(8) for p in range(6) for model in ("one", "two")
    ]  # fmt: skip
    return [
        seen if seen.trial.is_warmup else msgspec.structs.replace(seen, grades=(graded(seen.trial.id, float(seen.trial.round % 3 > 0)),))
        for seen in made
    ]


def spec():
    aspect = Aspect(id="a", check=Check(name="contains", argument="x"), required=True)
    prompts = tuple(Prompt(id=f"p{p}", messages=(Message(role="user", content="Say."),), aspects=(aspect,)) for p in range(6))
    return spec_of(answers(), prompts=prompts)


def said(seen, observations):
    """The summary and the work, as bytes."""
    summary = summarize(
        manifest=manifest(), spec=spec(), plan=plan_of(observations), statuses=(), seen=seen, health=(), metrics=METRICS, costs=()
    )  # fmt: skip
    return msgspec.json.encode((summary, seen.work.bases((), seen.rows.by_cell())))


class OfAnotherKind:
    """A third party's metric: it reads observations alone."""

    unit, better, aggregate = "tokens", "higher", "mean"

    def measure(self, seen):
        return float(len(seen.completion.text)) if seen.completion else None


def test_columns_and_observations_say_the_same():
    observations = answers()
    source = Source(observations)
    in_columns = read_run(spec(), source, METRICS)
    assert 0 < source.asked < len(observations)
    assert said(in_columns, observations) == said(read(spec(), observations, METRICS), observations)


def test_a_metric_without_columns_reads_observations():
    observations = answers()
    source = Source(observations)
    seen = read_run(spec(), source, METRICS | {"letters": OfAnotherKind()})
    assert not source.asked
    assert {row.values["letters"][0] for row in seen.rows if row.failure is None} == {3.0}
    assert said(seen, observations) == said(read(spec(), observations, METRICS), observations)


@pytest.mark.parametrize(("most", "unshown"), [(6, 0), (2, 4)])
def test_the_first_answer_of_each_model_and_prompt_is_shown(most, unshown):
    observations = answers()
    places, left_out = first_answers(read_run(spec(), Source(observations), METRICS).rows, ["p4", "p1"], most)
    shown = [observations[place] for place in places]
    assert left_out == unshown
    assert [seen.trial.prompt_id for seen in shown][::2] == ["p4", "p1", "p0", "p2", "p3", "p5"][:most]
    for seen in shown:
        alike = [one for one in observations if (one.trial.prompt_id, one.trial.model_id) == (seen.trial.prompt_id, seen.trial.model_id)]
        assert seen.trial.round == min(one.trial.round for one in alike if one.completion and not one.trial.is_warmup)


def test_places_are_those_of_the_plan_also_where_trials_are_missing():
    observations = answers()
    gaps = Source(observations)
    gaps.observations = lambda: iter(observations[20:])
    gaps.places = lambda: iter(range(20, len(observations)))
    places, _ = first_answers(read_run(spec(), gaps, METRICS | {"letters": OfAnotherKind()}).rows, ["p0"], 1)
    assert [observations[place].trial.prompt_id for place in places] == ["p0", "p0"]
    assert min(places) >= 20
