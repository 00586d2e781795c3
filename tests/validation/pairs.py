"""Holds judges against people: pairs of answers of which people said which one is better.

    BENCH_DATA=FOLDER python tests/validation/pairs.py                                  100 pairs of each set, the embedded models of the example
    BENCH_DATA=FOLDER python tests/validation/pairs.py --pairs all                      the full sets: 419 pairs and 890
    … --spec my.yaml --judge big                                                        a judge of a spec
    … --base-url http://localhost:8080/v1 --model NAME [--key-env VARIABLE]             any server that runs already

Every judge is asked in two ways. `pairwise`: which of the two, in both orders; where the orders disagree, the place decided and it is a tie.
`aspects`: about each answer alone whether it does what the task asks for; the answer with the larger probability of Yes wins.

Prints Markdown tables: agreement with people over the pairs that the judge decided [95 % Wilson interval]; then over all of them, with half a point
for each that it left open, as a coin would get. A pair is without an answer where the judge cannot read one of its questions (its context, its label
mass).
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import msgspec

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.labelled_pairs import SETS, LabelledPair, drawn, longer, read

from bench.catalog import REGISTRY
from bench.clock import Clock
from bench.execute.stop import StopRules
from bench.interrupts import Interrupts
from bench.judge.graders.aspects import Aspects
from bench.judge.graders.pairwise import Pairwise
from bench.judge.means import JudgeMeans
from bench.judge.metered import Work
from bench.judges import Seat, Serving, bring_up, means_of
from bench.protocols import ServingContext
from bench.providers.questioner import ChatQuestioner
from bench.records.judging import Candidate, Judgement
from bench.records.spec import Aspect, JudgeSpec, Message, ModelSpec, Prompt, SecretName, Spec
from bench.serving.cache import default_folder
from bench.spec.load import load_spec
from bench.stats.distributions import normal_quantile
from bench.stats.wilson import wilson_interval

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = 100
SEED = 7
DOES = Aspect(id="does", expect="Does what the task asks for, all of it, and says nothing that is wrong")
Said = Literal["first", "second", "tie", "abstained", "failed"]
EQUAL = 1e-9


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a judge said of a pair. `is_place`: it preferred whatever stood in one place."""

    judge: str
    way: str
    pair_id: str
    said: Said
    is_place: bool = False


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one way of asking gave."""

    said: Said
    is_place: bool = False


def candidates(pair: LabelledPair) -> tuple[Candidate, Candidate]:
    """Both answers as a judge sees them."""
    prompt = Prompt(id=pair.id, messages=(Message(role="user", content=pair.task),), aspects=(DOES,))
    return Candidate(prompt=prompt, rubric=None, text=pair.first), Candidate(prompt=prompt, rubric=None, text=pair.second)


async def by_pairwise(means: JudgeMeans, pair: LabelledPair) -> Finding:
    """Both at once, in both orders."""
    found = await Pairwise(means).compare(*candidates(pair))
    if found.preferred is None:
        return Finding(said="abstained" if found.state == "abstained" else "failed")
    is_place = found.p_forward is not None and found.p_backward is not None and (found.p_forward > 0.5) != (found.p_backward > 0.5)
    return Finding(said=found.preferred, is_place=is_place)


async def by_aspects(means: JudgeMeans, pair: LabelledPair) -> Finding:
    """Each alone. Both beliefs are compared, also where one is too near one half to decide about its answer alone."""
    grader = Aspects(means)
    first, second = [await grader.grade(candidate) for candidate in candidates(pair)]
    if unread := [each for each in (first, second) if _belief(each) is None]:
        return Finding(said="failed" if any(each.state == "failed" for each in unread) else "abstained")
    difference = (_belief(first) or 0.0) - (_belief(second) or 0.0)
    return Finding(said="tie" if abs(difference) < EQUAL else "first" if difference > 0 else "second")


def _belief(judgement: Judgement) -> float | None:
    (aspect,) = judgement.aspects
    return aspect.p


WAYS = {"pairwise": by_pairwise, "aspects": by_aspects}


async def judged(means: JudgeMeans, judge: str, left: Sequence[tuple[LabelledPair, str]], told: Callable[[Outcome], None], places: int = 1) -> None:
    """Ask about each pair in its way, so many at a time."""
    waiting = iter(left)

    async def work() -> None:
        for pair, way in waiting:
            found = await WAYS[way](means, pair)
            told(Outcome(judge=judge, way=way, pair_id=pair.id, said=found.said, is_place=found.is_place))

    async with asyncio.TaskGroup() as group:
        for _ in range(places):
            group.create_task(work())


def left_over(pairs: Sequence[LabelledPair], known: Sequence[Outcome], judge: str, seed: int) -> list[tuple[LabelledPair, str]]:
    """What this judge was not asked yet, in an order by chance: however early it ends, what is there is a sample of all."""
    done = {(one.pair_id, one.way) for one in known if one.judge == judge}
    left = [(pair, way) for pair in pairs for way in WAYS if (pair.id, way) not in done]
    random.Random(seed).shuffle(left)
    return left


# --- the tables


class Table:
    """What was said of the pairs of one set, judge by judge."""

    def __init__(self, pairs: Sequence[LabelledPair], outcomes: Sequence[Outcome]) -> None:
        self._right = {pair.id: pair.preferred for pair in pairs}
        self._subset = {pair.id: pair.subset for pair in pairs}
        by_length = [Outcome(judge="the longer answer", way="–", pair_id=pair.id, said=longer(pair)) for pair in pairs]
        judges = list(dict.fromkeys(one.judge for one in outcomes))
        self._rows: dict[tuple[str, str], list[Outcome]] = {(judge, way): [] for judge in judges for way in WAYS}
        for one in (*outcomes, *by_length):
            if one.pair_id in self._right:
                self._rows.setdefault((one.judge, one.way), []).append(one)
        self._rows = {place: found for place, found in self._rows.items() if found}

    def lines(self) -> list[str]:
        """The judges beside the longer answer and a coin."""
        n = len(self._right)
        reach = min(50.0, 100 * normal_quantile(0.975) * (0.25 / n) ** 0.5)
        return [
            "| judge | asked by | pairs | right of those it decided | right of all, open ones half | the place decided | ties | no answer |",
            "| :-- | :-- | --: | :-- | --: | --: | --: | --: |",
            *(self._line(judge, way, outcomes) for (judge, way), outcomes in self._rows.items()),
            f"| a coin | – | {n} | 50 % [{50 - reach:.0f}–{50 + reach:.0f} in 95 of 100 such samples] | 50 % | – | – | – |",
        ]

    def by_subset(self) -> list[str]:
        """Right of those decided, subset by subset."""
        subsets = sorted(set(self._subset.values()))
        lines = [f"| judge | asked by | {' | '.join(subsets)} |", f"| :-- | :-- |{' :-- |' * len(subsets)}"]
        for (judge, way), outcomes in self._rows.items():
            cells = [self.agreement([one for one in outcomes if self._subset[one.pair_id] == subset]) for subset in subsets]
            lines.append(f"| {judge} | {way} | {' | '.join(cells)} |")
        return lines

    def agreement(self, outcomes: Sequence[Outcome]) -> str:
        """Right of those that were decided, with the Wilson interval."""
        decided = [one for one in outcomes if one.said in {"first", "second"}]
        right = sum(one.said == self._right[one.pair_id] for one in decided)
        if not decided:
            return "none decided"
        low, high = wilson_interval(right / len(decided), len(decided))
        return f"{100 * right / len(decided):.0f} % [{100 * low:.0f}–{100 * high:.0f}], {right} of {len(decided)}"

    def points(self, outcomes: Sequence[Outcome]) -> float:
        """Right of all, half a point for each that was left open."""
        halves = sum(one.said not in {"first", "second"} for one in outcomes) / 2
        return (halves + sum(one.said == self._right[one.pair_id] for one in outcomes)) / len(outcomes)

    def _line(self, judge: str, way: str, outcomes: Sequence[Outcome]) -> str:
        n = len(outcomes)
        place = f"{100 * sum(one.is_place for one in outcomes) / n:.0f} %" if way == "pairwise" else "–"
        ties = sum(one.said == "tie" for one in outcomes)
        silent = sum(one.said in {"abstained", "failed"} for one in outcomes)
        points = f"{100 * self.points(outcomes):.0f} %"
        return f"| {judge} | {way} | {n} | {self.agreement(outcomes)} | {points} | {place} | {ties} | {silent} |"


# --- the judges


def serve(name: str, spec: Spec, folder: Path, held: ExitStack) -> Seat:
    """Bring a judge of a spec up."""
    context = ServingContext(
        spec_folder=folder, log_folder=Path(tempfile.mkdtemp(prefix="judge-")), cache_folder=default_folder(os.environ), environ=os.environ
    )
    nothing = Interrupts(StopRules(spec.limits, Clock()))
    return bring_up(name, Serving(spec=spec, registry=REGISTRY, context=context, interrupts=nothing, held=held))


async def ask_all(seat: Seat, spec: Spec, left: Sequence[tuple[LabelledPair, str]], told: Callable[[Outcome], None]) -> None:
    """All questions to one judge."""
    questioners: list[ChatQuestioner] = []
    try:
        means = await means_of(seat, spec, {}, questioners, Work(seat.name, Clock().now_s))
        say(f"{seat.name}: {'; '.join(means.capabilities.notes)}")
        await judged(means, seat.name, left, told, seat.places)
    finally:
        for questioner in questioners:
            await questioner.close()


class Kept:
    """Outcomes, each written down as soon as it is there, so that a run that was ended goes on where it was."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        lines = path.read_bytes().splitlines() if path is not None and path.exists() else []
        self.outcomes = [msgspec.json.decode(line, type=Outcome) for line in lines]

    def keep(self, one: Outcome) -> None:
        """Take one in."""
        self.outcomes.append(one)
        if self._path is not None:
            with self._path.open("ab") as file:
                file.write(msgspec.json.encode(one) + b"\n")
        if len(self.outcomes) % 20 == 0:
            sys.stderr.write(f"{len(self.outcomes)} outcomes\n")


def say(line: str) -> None:
    """A line of the result."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def spec_of(arguments: argparse.Namespace) -> tuple[Spec, Path, list[str]]:
    """The spec that has the judges, its folder, and the judges' names."""
    spec = load_spec(arguments.spec, extensions=REGISTRY, environ=os.environ).spec
    judge = JudgeSpec(use="judge", concurrency=arguments.concurrency)
    names = arguments.judge
    if arguments.base_url:
        key = SecretName(env=arguments.key_env) if arguments.key_env else None
        names = ["judge"]
        served = ModelSpec(id="judge", runtime="external", base_url=arguments.base_url, model=arguments.model, api_key=key)
        spec = msgspec.structs.replace(spec, judges=(served,))
    return msgspec.structs.replace(spec, judge=judge), arguments.spec.parent, names


def main() -> None:
    """Read, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("BENCH_DATA"), help="the folder with llmbar/ and pandalm/ (default: $BENCH_DATA)")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--pairs", default=str(SAMPLE), help="of each set, or `all`")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--spec", type=Path, default=ROOT / "specs" / "summarizer.yaml")
    parser.add_argument("--judge", nargs="+", default=["smollm2-135m", "gemma-3-270m"])
    parser.add_argument("--base-url")
    parser.add_argument("--model")
    parser.add_argument("--key-env", help="the environment variable that holds the server's key")
    parser.add_argument("--concurrency", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a file of outcomes: what is in it is not asked again, what is found is added")
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("no data: set BENCH_DATA or give --data")
    pairs: dict[str, Sequence[LabelledPair]] = {}
    for name in arguments.sets:
        found = read(name, Path(arguments.data))
        pairs[name] = found.pairs if arguments.pairs == "all" else drawn(found.pairs, int(arguments.pairs), arguments.seed)
        say(f"{name}: {len(pairs[name])} of {len(found.pairs)} pairs; left out: {found.left_out or 'none'}")
    spec, folder, names = spec_of(arguments)
    kept = Kept(arguments.keep)
    for judge in names:
        left = left_over([pair for given in pairs.values() for pair in given], kept.outcomes, judge, arguments.seed)
        with ExitStack() as held:
            if left:
                asyncio.run(ask_all(serve(judge, spec, folder, held), spec, left, kept.keep))
    for name, given in pairs.items():
        made = Table(given, kept.outcomes)
        say("\n".join(("", name, "", *made.lines(), "", *made.by_subset())))


if __name__ == "__main__":
    main()
