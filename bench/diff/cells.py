"""What a plan sends to what, by the planner's own digests, and what becomes of each of its trials."""

from collections import Counter, defaultdict
from collections.abc import Callable

import msgspec

from bench.records.diff import TrialFate
from bench.records.plan import Block, Plan, Trial
from bench.trials import Trials, columns

Key = tuple[str, str, str, str, str]  # model, prompt, variant, what is sent, what answers: with its round, what a trial's id is made of
_Cell = tuple[str, str, str]


class Cells:
    """The cells of a plan's matrix with their digests, and how many measured rounds each has."""

    def __init__(self, plan: Plan) -> None:
        """Read the kinds of trials, not each trial."""
        self.rounds: Counter[Key] = Counter()
        for block in plan.blocks:
            for kind, n in columns(block.trials).counted():
                if not kind.is_warmup:
                    self.rounds[key(kind)] += n
        self.of_cell: dict[_Cell, int] = defaultdict(int)
        for one, n in self.rounds.items():
            self.of_cell[one[:3]] += n

    def served(self, *, beside: "Cells", model_id: str | None = None, variant_id: str | None = None) -> set[tuple[str, str, str]]:
        """What answers, by model and variant, of a model or a variant, where the other version has that model and variant too."""
        known = {(model, variant) for model, _, variant in beside.of_cell}
        wanted = {(model, variant, answers) for model, _, variant, _, answers in self.rounds if (model, variant) in known}
        return {one for one in wanted if model_id in (None, one[0]) and variant_id in (None, one[1])}

    def sends_otherwise(self, other: "Cells", variant_id: str | None = None) -> bool:
        """Whether something else is sent in a cell that both have."""
        mine = {(prompt, variant): sent for _, prompt, variant, sent, _ in self.rounds}
        theirs = {(prompt, variant): sent for _, prompt, variant, sent, _ in other.rounds}
        return any(mine[cell] != theirs[cell] for cell in mine.keys() & theirs.keys() if variant_id in (None, cell[1]))


def key(trial: Trial) -> Key:
    """All of a trial's identity but its round."""
    return trial.model_id, trial.prompt_id, trial.variant_id, trial.request_digest, trial.treatment_digest


def fates(old: Cells, new: Cells, is_run_again: Callable[[Key], bool], is_graded_again: Callable[[Key], bool]) -> tuple[TrialFate, ...]:
    """What becomes of the trials, by model and variant in the order of the newer plan.

    Rounds count from 1 in each cell, so that of two versions with the same identity the trials of the rounds that both have are the same.
    """
    found: dict[tuple[str, str], Counter[str]] = {}
    for one, n in new.rounds.items():
        same = min(n, old.rounds[one])
        replaced = min(n - same, max(0, old.of_cell.get(one[:3], 0) - same)) if one not in old.rounds else 0
        counts = found.setdefault((one[0], one[2]), Counter())
        counts["run_again" if is_run_again(one) else "graded_again" if is_graded_again(one) else "kept"] += same
        counts["run_again"] += replaced
        counts["added"] += n - same - replaced
    for cell, n in old.of_cell.items():
        counts = found.setdefault((cell[0], cell[2]), Counter())
        counts["removed"] += max(0, n - new.of_cell.get(cell, 0))
    return tuple(TrialFate(model_id=model_id, variant_id=variant_id, **counts) for (model_id, variant_id), counts in found.items())


def to_run(plan: Plan, old: Cells, is_run_again: Callable[[Key], bool]) -> Plan:
    """The plan with only the trials that an earlier run of the older version has no results for, and the warm-ups that go before them."""
    blocks = [_left(block, old, is_run_again) for block in plan.blocks]
    return msgspec.structs.replace(plan, blocks=tuple(block for block in blocks if block.trials))


def _left(block: Block, old: Cells, is_run_again: Callable[[Key], bool]) -> Block:
    trials = columns(block.trials)
    known = [0 if kind.is_warmup or is_run_again(key(kind)) else old.rounds[key(kind)] for kind in trials.kinds]
    of, rounds = trials.looked_up(range(len(trials)))
    missing = trials.chosen(number > known[kind] for kind, number in zip(of, rounds, strict=True))
    serving = {kind.key for kind, _ in missing.counted() if not kind.is_warmup}
    kept: Trials = missing.where(lambda kind: kind.key in serving)
    return Block(treatments=tuple(one for one in block.treatments if one.key in serving), trials=kept)
