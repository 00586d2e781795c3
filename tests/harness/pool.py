"""Runs drawn from a recorded pool of answers: the same for both sides, or with a change planted on one.

What is drawn is which answer of a prompt stands for a round. Whatever ties the answers of one session together (a machine that grows warm) is lost by
that, so that what two sessions of one machine have apart is not in here.
"""

import json
from collections import Counter
from functools import cached_property
from pathlib import Path

import numpy as np
from harness.summarized import MACHINE, METRICS
from msgspec.structs import replace

from bench.compare.compare import Side
from bench.records.baseline import Baseline, Contestant, Grading, Measure, Price
from bench.records.estimate import Group
from bench.records.grade import AspectGrade, Grade
from bench.records.sketch import observation
from bench.summarize.estimates import Subject, estimate, gathered, ratio, told
from bench.summarize.rows import Rows
from bench.summarize.standing import answered, level_of
from bench.summarize.table import Cell, Table, parts

DATA = Path(__file__).parents[1] / "data" / "compare" / "pool.json"
USED = {name: METRICS[name] for name in ("quality", "error_rate", "ttft", "latency", "decode_tps")}
WHOLE = {name: METRICS[name] for name in ("ttft", "latency", "completion_tokens")}
CELL = Cell("m", "default")
PLAIN, SLOW, LOST = range(3)


class Pool:
    """All recorded answers three times: as they were, `slower` times as slow, and without the aspect `lost`.

    `copies`: how many prompts each recorded one stands for, where a figure takes more of them than were recorded.
    """

    def __init__(self, *, slower=1.0, lost=None, copies=1):
        recorded = json.loads(DATA.read_text(encoding="utf-8"))
        self.aspects = recorded["aspects"]
        answers = {f"{prompt} {copy}": some for prompt, some in recorded["answers"].items() for copy in range(copies)}
        self.prompts = sorted(answers)
        self.answers = [(prompt, answer) for prompt in self.prompts for answer in answers[prompt]]
        self.size = len(self.answers)
        seen = [
            *(self._observed(prompt, number, answer) for number, (prompt, answer) in enumerate(self.answers)),
            *(self._observed(prompt, number, answer, slower) for number, (prompt, answer) in enumerate(self.answers, self.size)),
            *(self._observed(prompt, number, answer, 1.0, lost) for number, (prompt, answer) in enumerate(self.answers, 2 * self.size)),
        ]
        self.met = np.array([[aspect.score for aspect in one.grades[0].aspects] for one in seen], dtype=bool)
        table = Table(USED | WHOLE)
        for part in parts(seen):
            table.add(part)
        self.rows = Rows(table, np.arange(table.n))

    @cached_property
    def of_prompt(self):
        """The places of each prompt's answers in the plain third."""
        return [np.flatnonzero([name == prompt for name, _ in self.answers]) for prompt in self.prompts]

    def _observed(self, prompt, number, answer, times=1.0, lost=None):
        first, last, end, tokens, is_stopped, met = answer
        scores = {aspect: float(bit) * (aspect != lost) for aspect, bit in zip(self.aspects, met, strict=True)}
        score = sum(scores.values()) / len(scores)
        aspects = tuple(AspectGrade(aspect_id=name, kind="check", state="graded", score=value) for name, value in scores.items())
        grade = Grade(trial_id="t", grader_id="checks", grader_digest="d", state="graded", score=score, aspects=aspects)
        return observation(
            prompt_id=prompt,
            round=number,
            first_token_s=first * times / 1e6,
            last_token_s=last * times / 1e6,
            finished_s=end * times / 1e6,
            completion_tokens=tokens,
            finish_reason="stop" if is_stopped else "length",
            grades=(grade,),
        )

    def drawn(self, rng, rounds, third=PLAIN, share=1.0):
        """A run of so many rounds; `share` of its answers come from a third of the pool, the others are as recorded."""
        places = np.concatenate([rng.choice(places, rounds) for places in self.of_prompt])
        places = np.where(rng.random(places.size) < share, places + third * self.size, places)
        rows, fates = self.rows.at(places), {}
        for prompt, some in zip(self.prompts, places.reshape(len(self.prompts), rounds), strict=True):
            for aspect, met in zip(self.aspects, self.met[some].sum(axis=0).tolist(), strict=True):
                fates[CELL, prompt, aspect] = Counter(passed=met, missed=rounds - met)
        requests = {(*CELL, prompt): f"request {prompt}" for prompt in self.prompts}
        return Side(run_of(answered(CELL, rows, requests, fates, USED), self.prompts, self.aspects), "drawn")

    def drawn_whole(self, rng, rounds, third=PLAIN, cost_model="price_table"):
        """A run with its figures over all answers, too: of a load of one at a time, priced by its tokens or by its time."""
        places = np.concatenate([rng.choice(places, rounds) for places in self.of_prompt]) + third * self.size
        rows = self.rows.at(places)
        group = Group(model_id=CELL.model_id, variant_id=CELL.variant_id)
        levels = [level_of(one) for name in ("ttft", "latency") for one in estimate(name, USED[name], group, rows, 7, further=("p90",)) if one.value]
        tokens, seconds = rows.number("completion_tokens"), rows.values("latency")[:, 0]
        for name, counts in (("output_tps", tokens), ("request_rate", np.ones(len(rows)))):
            seen = gathered(np.stack((counts, seconds), axis=1), None, rows, (0, 0))
            levels.append(level_of(told(Subject(name, "1/s", "higher", group), "rate", seen, ratio(seen))))
        requests = {(*CELL, prompt): f"request {prompt}" for prompt in self.prompts}
        run = run_of(answered(CELL, rows, requests, {}, WHOLE), self.prompts, self.aspects)
        paid = tokens if cost_model == "price_table" else seconds
        amounts = {"request": float(paid.mean()), "run": float(paid.sum())}
        price = Price(cost_model=cost_model, priced="p", currency="EUR", amounts=amounts)
        return Side(replace(run, models=(replace(run.models[0], levels=tuple(levels), cost=price),)), "drawn")


def run_of(answers, prompts, aspects, **said):
    """A run in few numbers, all of it alike but its answers."""
    about = {"spec_name": "pool", "spec_version": "1.0.0", "spec_digest": "d", "run_id": "r", "status": "finished", "machine": MACHINE}
    contestant = Contestant(model_id="m", variant_id="default", treatment_digest="t", answers=tuple(answers))
    grading = Grading(checks="c", quality="q", aspects=dict.fromkeys(aspects, "a"))
    return Baseline(
        **(
            about
            | {
                "started_at": "2026-11-22T22:00:00Z",
                "bench_version": "0.1.0",
                "seed": 7,
                "metrics": {name: Measure(unit=metric.unit, better=metric.better) for name, metric in USED.items()},
                "prompts": dict.fromkeys(prompts, grading),
                "models": (contestant,),
            }
            | said
        )
    )
