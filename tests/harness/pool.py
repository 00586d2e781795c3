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

from bench.compare.compare import Side
from bench.records.baseline import Baseline, Contestant, Grading, Measure
from bench.records.grade import AspectGrade, Grade
from bench.records.sketch import observation
from bench.summarize.rows import Rows
from bench.summarize.standing import answered
from bench.summarize.table import Cell, Table, parts

DATA = Path(__file__).parents[1] / "data" / "compare" / "pool.json"
USED = {name: METRICS[name] for name in ("quality", "error_rate", "ttft", "latency", "decode_tps")}
CELL = Cell("m", "default")
PLAIN, SLOW, LOST = range(3)


class Pool:
    """All recorded answers three times: as they were, `slower` times as slow, and without the aspect `lost`."""

    def __init__(self, *, slower=1.0, lost=None):
        recorded = json.loads(DATA.read_text(encoding="utf-8"))
        self.aspects = recorded["aspects"]
        self.prompts = sorted(recorded["answers"])
        self.answers = [(prompt, answer) for prompt in self.prompts for answer in recorded["answers"][prompt]]
        self.size = len(self.answers)
        seen = [
            *(self._observed(prompt, number, answer) for number, (prompt, answer) in enumerate(self.answers)),
            *(self._observed(prompt, number, answer, slower) for number, (prompt, answer) in enumerate(self.answers, self.size)),
            *(self._observed(prompt, number, answer, 1.0, lost) for number, (prompt, answer) in enumerate(self.answers, 2 * self.size)),
        ]
        self.met = np.array([[aspect.score for aspect in one.grades[0].aspects] for one in seen], dtype=bool)
        table = Table(USED)
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
