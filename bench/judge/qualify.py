"""Whether a judge may be believed: it is asked about planted probes, and what it gets wrong is held against it before its numbers count.

A probe is right when the better answer wins by more than `TIE`; a tie is not right. What must not be raised by an injected verdict or by padding must
also still lose against the better answer. So a judge that says the same to everything is right in no family, and one that flips coins is right in at
most half of any: of two draws the better one's is higher at most half the time, and higher while a third one is not raised more seldom still.

For pairs the judge's preference decides. `padding` also asks for the better answer against itself with padding: a tie is right there, the padded one
winning is wrong. `swapped_order` is right when both orders give the same, whatever it is: a coin does that half the time. Where the orders of any
other family disagree, the position decided, and the probe is lost.

A score that is a mean of draws is raised only when it rises by more than chance explains.

A family ends early when it is lost, and all of them when a judge has next to no answers: finding that one is worthless takes a third of the time.

Probes that a judge abstained from or failed are not counted as right or wrong. They leave fewer that are, and with fewer the lower bound falls.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from math import sqrt
from statistics import median
from typing import Any, Literal, NamedTuple

import msgspec

from bench.digest import digest
from bench.judge.probes import CORE, FAMILIES, PROBES, PROBES_VERSION, Probe, ProbeMaterial, make_probes
from bench.protocols import Grader, PairGrader
from bench.records.judging import Asked, Candidate, Judgement, JudgeVerdict, PairJudgement, ProbeFamily, Qualification
from bench.stats.win_rate import win_rate_bound, win_rate_interval

TIE = 0.05  # a difference of scores that decides nothing; as |p − 0.5| < 0.05 is an abstention
CHANCE = 0.5  # a core family's lower bound up to here: no better than a coin
SURE = 0.75  # from here on in every core family: qualified
LABEL_MASS = 0.5
_FIRST = 24  # questions
_EXAMPLES = 3
_EXAMPLE_CHARACTERS = 240

Outcome = Literal["right", "wrong", "abstained", "failed"]
Told = Mapping[Hashable, "Judgement | PairJudgement"]
Heard = Callable[[int, int, tuple[Asked, ...]], None]


class Decided(NamedTuple):
    """What became of one probe, and what the judge said, in words."""

    probe: Probe
    outcome: Outcome
    said: str = ""


async def qualify(
    grader: Grader | PairGrader, material: ProbeMaterial, seed: int, *, concurrency: int = 1, heard: Heard = lambda *_: None
) -> Qualification:
    """Ask a judge about probes and say how far it may be believed.

    `heard(done, of, asked)` is called after each judgement with what was asked and replied; `of` is the most there can be. Questions on one prompt,
    and on one answer to it, follow each other, so that a server with a prefix cache reads each text once. `Qualification.digest` is of the probes
    alone: whoever keeps the verdict adds what else shaped it (weights, templates, runtime, method).
    """
    for_pairs = hasattr(grader, "compare")  # what a PairGrader has, and no Grader
    probes = make_probes(material, seed, for_pairs=for_pairs)
    planned, of = Counter(probe.family for probe in probes), len(questions_of(probes, for_pairs=for_pairs))
    told: dict[Hashable, Judgement | PairJudgement] = {}
    asked: list[Probe] = []
    lost: set[str] = set()
    for group in _groups(probes):
        live = [probe for probe in group if probe.family not in lost]
        questions = questions_of(live, for_pairs=for_pairs)
        await _ask(grader, {key: questions[key] for key in questions if key not in told}, concurrency, told, lambda each: heard(len(told), of, each))
        asked += live
        outcomes = [_decide(probe, told, for_pairs=for_pairs) for probe in asked]
        lost |= {family for family in planned if _is_lost([each.outcome for each in outcomes if each.probe.family == family], planned[family])}
        if _is_silent(told):
            break
    return conclude(probes, told, asked=asked, wanted=material.probes, for_pairs=for_pairs)


def questions_of(probes: Sequence[Probe], *, for_pairs: bool) -> dict[Hashable, tuple[Candidate, ...]]:
    """What a judge is asked for these probes: one candidate or two, each once; those on one prompt together, of them those with the same text."""
    asked = _pairs(probes) if for_pairs else _candidates(probes)
    return dict(sorted(dict(asked).items(), key=lambda entry: (entry[1][0].prompt.id, entry[1][0].text)))


def conclude(
    probes: Sequence[Probe], told: Told, *, asked: Sequence[Probe] | None = None, wanted: int = PROBES, for_pairs: bool = False
) -> Qualification:
    """What follows from the judgements. `asked`: those of the probes that the judge was asked about; all, if not given."""
    identity = digest([PROBES_VERSION, [_identity(probe) for probe in probes]])
    decided = [_decide(probe, told, for_pairs=for_pairs) for probe in (probes if asked is None else asked)]
    families = judge_probes(decided, Counter(probe.family for probe in probes), wanted)
    masses = [mass for judgement in told.values() for mass in _masses(judgement)]
    label_mass = median(masses) if masses else None
    if told and all(_is_outage(judgement) for judgement in told.values()):
        return Qualification(verdict="untested", families=families, reasons=("the judge gave no reply to any question",), digest=identity)
    verdict, reasons = verdict_of(families, label_mass)
    return Qualification(verdict=verdict, families=families, label_mass=label_mass, reasons=reasons, digest=identity)


def probes_digest(material: ProbeMaterial, seed: int, *, for_pairs: bool) -> str:
    """`Qualification.digest`, without asking anybody."""
    return digest([PROBES_VERSION, [_identity(probe) for probe in make_probes(material, seed, for_pairs=for_pairs)]])


def judge_probes(decided: Sequence[Decided], planned: Mapping[str, int], wanted: int = PROBES) -> tuple[ProbeFamily, ...]:
    """Each family's win rate with its Wilson interval; never pooled. Where several probes ask about one statement, they count as a cluster."""
    told = [name for name in FAMILIES if name != "swapped_order" or name in planned]  # no question for a judge that sees one answer at a time
    return tuple(_family(name, [each for each in decided if each.probe.family == name], (planned.get(name, 0), wanted)) for name in told)


def verdict_of(families: Sequence[ProbeFamily], label_mass: float | None) -> tuple[JudgeVerdict, tuple[str, ...]]:
    """The verdict with its reasons, of which an unbelievable judge has at least one."""
    core = [family for family in families if family.is_core]
    bad = [_below(family, CHANCE) for family in core if _count(family) and (family.low is None or family.low <= CHANCE)]
    if label_mass is not None and label_mass < LABEL_MASS:
        bad.append(f"the labels carry {label_mass:.2f} of the probability (median), less than {LABEL_MASS:g}: it does not answer the questions asked")
    untested = [f"{family.name}: {family.reason}" for family in core if not _count(family)]
    unsure = [_below(family, SURE) for family in core if family.low is not None and family.low < SURE]
    if bad:
        return "unqualified", tuple(bad)
    if untested:
        return "untested", tuple(untested)
    return ("weak", tuple(unsure)) if unsure else ("qualified", ())


def decide_scores(probe: Probe, told: Told) -> Decided:
    """A probe by the scores of its candidates."""
    asked = [candidate for candidate in (probe.better, probe.worse, probe.untouched) if candidate is not None]
    judgements = [told[_key(candidate)] for candidate in asked]
    if (missing := _missing(judgements)) is not None:
        return Decided(probe, missing)
    better, worse, *before = [judgement.score or 0.0 for judgement in judgements if isinstance(judgement, Judgement)]
    is_raised = bool(before) and worse - before[0] > max(TIE, _chance_difference(worse, before[0], _draws(judgements)))
    said = f"{better:.2f} for the better answer, {worse:.2f} for the worse one" + (f", {before[0]:.2f} before it was changed" if before else "")
    return Decided(probe, "right" if better - worse > TIE and not is_raised else "wrong", said)


def decide_pair(probe: Probe, told: Told) -> Decided:
    """A probe by the judge's preference."""
    judgements = [told[key] for key, _, _ in _comparisons(probe)]
    lost = [isinstance(judgement, PairJudgement) and judgement.why_not == "contradiction" for judgement in judgements]
    if (missing := _missing([judgement for judgement, is_lost in zip(judgements, lost, strict=True) if not is_lost])) is not None:
        return Decided(probe, missing)
    said = "; ".join(_preference(judgement) for judgement in judgements if isinstance(judgement, PairJudgement))
    if probe.family == "swapped_order":
        return Decided(probe, "right" if not any(lost) and all(map(_is_steady, judgements)) else "wrong", said)
    is_first = _better_first(probe)
    wins = _wins(judgements[0], is_first=is_first)
    is_padded = len(judgements) > 1 and _wins(judgements[1], is_first=not is_first)
    return Decided(probe, "right" if wins and not is_padded else "wrong", said)


# --- asking


def _asker(grader: Any) -> Callable[..., Awaitable[Judgement | PairJudgement]]:
    return grader.compare if hasattr(grader, "compare") else grader.grade  # type: ignore[no-any-return]


def _key(candidate: Candidate) -> Hashable:
    asked = tuple(aspect.expect or aspect.forbid for aspect in candidate.prompt.aspects)
    return candidate.prompt.id, candidate.text, asked


def _candidates(probes: Iterable[Probe]) -> Iterator[tuple[Hashable, tuple[Candidate, ...]]]:
    for probe in probes:
        for candidate in (probe.better, probe.worse, probe.untouched):
            if candidate is not None:
                yield _key(candidate), (candidate,)


def _pairs(probes: Iterable[Probe]) -> Iterator[tuple[Hashable, tuple[Candidate, ...]]]:
    for probe in probes:
        for key, first, second in _comparisons(probe):
            yield key, (first, second)


def _comparisons(probe: Probe) -> Iterator[tuple[Hashable, Candidate, Candidate]]:
    """What a pair's probe asks; which of both comes first is left to their texts, so that neither place is favoured."""
    others = [probe.worse] if probe.family == "swapped_order" or probe.twin is None else [probe.worse, probe.twin]
    for other in others:
        first, second = (probe.better, other) if _better_first(probe) else (other, probe.better)
        yield (_key(first), second.text), first, second


def _better_first(probe: Probe) -> bool:
    return int(digest([probe.better.text, probe.worse.text])[:2], 16) % 2 == 0


def _groups(probes: Sequence[Probe]) -> list[list[Probe]]:
    """The probes of each statement, one of each family; statements about one prompt follow each other."""
    prompts = {prompt_id: place for place, prompt_id in enumerate(dict.fromkeys(probe.better.prompt.id for probe in probes))}
    groups: dict[str, list[Probe]] = {}
    for probe in sorted(probes, key=lambda probe: prompts[probe.better.prompt.id]):
        groups.setdefault(probe.item, []).append(probe)
    return list(groups.values())


def _is_lost(outcomes: Sequence[Outcome], planned: int) -> bool:
    """Even with all that is left right, the judge could not be told from a coin. Asking on would change no verdict."""
    wins, decided, left = outcomes.count("right"), outcomes.count("right") + outcomes.count("wrong"), planned - len(outcomes)
    return wins < len(outcomes) and (decided + left == 0 or win_rate_bound(wins + left, decided + left) <= CHANCE)


def _is_silent(told: Told) -> bool:
    """Of the first questions so few had an answer that no family can come to enough of them."""
    silent = sum(judgement.state != "graded" for judgement in told.values())
    return len(told) >= _FIRST and silent >= 0.9 * len(told)


async def _ask(
    grader: Grader | PairGrader,
    questions: Mapping[Hashable, tuple[Candidate, ...]],
    concurrency: int,
    told: dict[Hashable, Judgement | PairJudgement],
    heard: Callable[[tuple[Asked, ...]], None],
) -> None:
    waiting = iter(questions.items())
    ask = _asker(grader)

    async def work() -> None:
        for key, candidates in waiting:
            told[key] = judgement = await ask(*candidates)
            heard(judgement.asked)

    async with asyncio.TaskGroup() as group:
        for _ in range(max(1, concurrency)):
            group.create_task(work())


# --- deciding


def _decide(probe: Probe, told: Told, *, for_pairs: bool) -> Decided:
    return decide_pair(probe, told) if for_pairs else decide_scores(probe, told)


def _missing(judgements: Iterable[Judgement | PairJudgement]) -> Literal["abstained", "failed"] | None:
    states = {judgement.state for judgement in judgements}
    return "failed" if "failed" in states else "abstained" if "abstained" in states else None


def _draws(judgements: Iterable[Judgement | PairJudgement]) -> int | None:
    """Of how many draws the scores are means; None where they are none."""
    asked = [(judgement.asked, judgement.aspects) for judgement in judgements if isinstance(judgement, Judgement)]
    if not any(aspect.method == "samples" for _, aspects in asked for aspect in aspects):
        return None
    return min(max(1, len(questions) // max(1, len(aspects))) for questions, aspects in asked)


def _chance_difference(first: float, second: float, draws: int | None) -> float:
    """How far two means of so many draws differ by chance alone, in 95 of 100 cases at most; 0 for what is no draw.

    One-sided; the shares are pooled and drawn a little towards one half, or none of few draws would be taken for certainty (add one half to both
    counts: Jeffreys' prior).
    """
    if draws is None:
        return 0.0
    share = ((first + second) * draws + 0.5) / (2 * draws + 1)
    return 1.645 * sqrt(2 * share * (1 - share) / draws)


def _wins(judgement: Judgement | PairJudgement, *, is_first: bool) -> bool:
    return isinstance(judgement, PairJudgement) and judgement.preferred == ("first" if is_first else "second")


def _is_steady(judgement: Judgement | PairJudgement) -> bool:
    """Both orders prefer the same answer, or neither prefers one."""
    if not isinstance(judgement, PairJudgement):
        return False
    if judgement.p_forward is None or judgement.p_backward is None:
        return judgement.preferred in {"first", "second"}
    sides = {0 if abs(p - 0.5) < TIE else 1 if p > 0.5 else -1 for p in (judgement.p_forward, judgement.p_backward)}
    return len(sides) == 1


def _preference(judgement: PairJudgement) -> str:
    if judgement.p_forward is None or judgement.p_backward is None:
        return f"preferred {judgement.preferred}"
    return f"P(first is better) {judgement.p_forward:.2f}, and {judgement.p_backward:.2f} in the other order"


# --- telling


def _family(name: str, decided: Sequence[Decided], sizes: tuple[int, int]) -> ProbeFamily:
    counts = Counter(each.outcome for each in decided)
    kept = [each for each in decided if each.outcome in {"right", "wrong"}]
    low, high = _interval(kept)
    return ProbeFamily(
        name=name,
        is_core=name in CORE and not (name == "negated_fact" and not decided),
        wins=counts["right"],
        decided=len(kept),
        abstained=counts["abstained"],
        failed=counts["failed"],
        low=low,
        high=high,
        reason=_reason(name, decided, *sizes),
        examples=tuple(_example(each) for each in kept if each.outcome == "wrong")[:_EXAMPLES],
    )


def _interval(kept: Sequence[Decided]) -> tuple[float | None, float | None]:
    if not kept:
        return None, None
    interval = win_rate_interval([each.outcome == "right" for each in kept], [each.probe.item for each in kept])
    return interval.low, interval.high


def _reason(name: str, decided: Sequence[Decided], planned: int, wanted: int) -> str | None:
    n, items = len(decided), len({each.probe.item for each in decided})
    if not n and name == "negated_fact":
        return "no statement could be negated: it takes English aspects that begin with `Says that`, or English references; absent_fact stands for it"
    if not n:
        return "nothing to make probes of: it takes aspects that begin with `Says that`, references, or answers of several sentences"
    if n < planned:
        return f"ended after {n} of {planned} probes, when it could not have been told from a coin any more"
    if n < wanted:
        return f"the prompts gave {n} of {wanted} probes; more aspects, references or prompts give more"
    return f"{n} probes of {items} statements, which count as {items}" if items < n else None


def _example(each: Decided) -> str:
    text = f"{each.probe.about}: {each.said}"
    return text if len(text) <= _EXAMPLE_CHARACTERS else text[: _EXAMPLE_CHARACTERS - 1] + "…"


def _is_outage(judgement: Judgement | PairJudgement) -> bool:
    why = {judgement.why_not} if isinstance(judgement, PairJudgement) else {aspect.why_not for aspect in judgement.aspects}
    return judgement.state == "failed" and why <= {"outage", "refused"}


def _masses(judgement: Judgement | PairJudgement) -> list[float]:
    found = [judgement.label_mass] if isinstance(judgement, PairJudgement) else [aspect.label_mass for aspect in judgement.aspects]
    return [mass for mass in found if mass is not None]


def _count(family: ProbeFamily) -> int:
    return family.decided + family.abstained + family.failed


def _below(family: ProbeFamily, bound: float) -> str:
    words = f"{family.name}: right in {family.wins} of {family.decided}"
    if (lost := family.abstained + family.failed) > 0:
        words += f" ({lost} without an answer)"
    words += f", lower bound {'none' if family.low is None else f'{family.low:.2f}'}, needed above {bound:g}"
    return f"{words}; {family.reason}" if family.reason and family.wins == family.decided > 0 else words


def _identity(probe: Probe) -> list[object]:
    texts = [candidate and candidate.text for candidate in (probe.better, probe.worse, probe.untouched, probe.twin)]
    asked = [aspect.expect or aspect.forbid for aspect in probe.better.prompt.aspects]
    return [probe.family, probe.item, probe.better.prompt.id, asked, msgspec.to_builtins(probe.better.rubric), texts]
