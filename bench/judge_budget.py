"""What a judge would be asked, before it is. Part of the program (`pipeline.py`)."""

from collections import Counter
from itertools import combinations

from bench.cases import questions_each
from bench.grading import PAIRWISE
from bench.judge.items import items_of
from bench.judge.probes import ProbeMaterial, make_probes
from bench.judge.qualify import questions_of
from bench.plan.budget import judges_of
from bench.records.plan import JudgeBudget, Plan
from bench.records.spec import Spec
from bench.trials import columns


def judge_budget(spec: Spec, plan: Plan) -> JudgeBudget | None:
    """What the judge of a spec would be asked; None without one."""
    judges = judges_of(spec)
    if spec.judge is None or not judges:
        return None
    method = spec.judge.method
    each = questions_each(spec, method)
    answers, questions = 0, 0
    for prompt_id, n in _answers(plan, is_pairs=method == PAIRWISE).items():
        if prompt_id in each:
            answers, questions = answers + n, questions + n * each[prompt_id]
    material = ProbeMaterial(prompts=tuple(prompt for prompt in spec.prompts if prompt.id in each), rubrics=spec.rubrics, probes=spec.judge.probes)
    asked = questions_of(make_probes(material, spec.seed, for_pairs=method == PAIRWISE), for_pairs=method == PAIRWISE)
    times = 2 if spec.judge.settings.get("balance") or method == PAIRWISE else 1
    probes = times * sum(1 if len(candidates) > 1 else len(items_of(candidates[0])) for candidates in asked.values())
    return JudgeBudget(
        judges=tuple(judge.id for judge in judges),
        runtimes=tuple(judge.runtime for judge in judges),
        method=method,
        answers=answers,
        questions=questions * len(judges),
        probe_questions=probes * (2 * len(judges) if len(judges) > 1 else 1),
    )


def _answers(plan: Plan, *, is_pairs: bool) -> Counter[str]:
    """How many answers, or pairs of answers, each prompt gets."""
    by_cell: dict[str, Counter[tuple[str, str]]] = {}
    for block in plan.blocks:
        for kind, n in columns(block.trials).counted():
            if not kind.is_warmup:
                by_cell.setdefault(kind.prompt_id, Counter())[kind.model_id, kind.variant_id] += n
    if not is_pairs:
        return Counter({prompt_id: sum(cells.values()) for prompt_id, cells in by_cell.items()})
    return Counter({prompt_id: sum(min(pair) for pair in combinations(cells.values(), 2)) for prompt_id, cells in by_cell.items()})
