"""Show what a run would open, fetch, send, take and cost. Opens nothing, sends nothing.

The expected time and cost come from an earlier run of the same spec where there is one, else from stated assumptions.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from bench.catalog import REGISTRY
from bench.cli.console import plain
from bench.cli.words import add_choice, add_spec, choice
from bench.errors import Exit
from bench.forecast import earlier_summary, forecast, unavailable
from bench.plan.expand import expand
from bench.records.plan import Budget, JudgeBudget, Plan
from bench.report.numbers import money
from bench.serving.command_words import as_shell
from bench.spec.diagnostics import render
from bench.spec.load import load_spec


def configure(options: argparse.ArgumentParser) -> None:
    """Options of `bench plan`."""
    add_spec(options)
    add_choice(options)
    options.add_argument("--runs", type=Path, default=Path("runs"), metavar="FOLDER", help="where earlier runs are looked for (default: runs)")
    options.add_argument("--format", choices=("text", "json"), default="text", help="text for people, json for programs")
    options.add_argument("--trials", action="store_true", help="list every trial in its order")


def execute(options: argparse.Namespace) -> int:
    """Print the plan."""
    loaded = load_spec(options.spec, extensions=REGISTRY, environ=os.environ, overrides=options.overrides)
    sys.stderr.write(render(loaded.warnings, loaded.sources, "text"))
    plan = expand(loaded.spec, choice(options))
    budget = forecast(loaded.spec, plan, options.runs, REGISTRY, environment=loaded.environment_names)
    earlier = earlier_summary(options.runs, loaded.spec.name)
    troubles = {} if earlier is None else unavailable(earlier)
    if options.format == "json":
        document: dict[str, Any] = {
            "plan_digest": plan.digest,
            "spec_digest": plan.spec_digest,
            "order": plan.order,
            "seed": plan.seed,
            "blocks": len(plan.blocks),
        }
        document |= {"models": _models(plan, troubles), "budget": msgspec.to_builtins(budget)}
        if options.trials:
            document["trials"] = _trial_line(plan)
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n")
        return int(Exit.OK)
    sys.stdout.write(plain("\n".join(_text(plan, budget, troubles))) + "\n")
    if options.trials:
        sys.stdout.writelines(plain(line) + "\n" for line in _trials(plan))
    return int(Exit.OK)


def _text(plan: Plan, budget: Budget, troubles: Mapping[tuple[str, str], str]) -> list[str]:
    tokens = f"about {budget.prompt_tokens_estimate:,} prompt tokens"
    if budget.completion_tokens_max is not None:
        tokens += f", at most {budget.completion_tokens_max:,} output tokens"
    beside = ", beside the judging" if budget.judge is not None else ""
    return [
        f"requests      {budget.requests} measured + {budget.warmup_requests} warm-up ({tokens})",
        f"order         {plan.order}, {len(plan.blocks)} block{'s' * (len(plan.blocks) != 1)}, seed {plan.seed}",
        *(_model_line(model) for model in _models(plan, troubles)),
        *(_judge_lines(budget.judge) if budget.judge is not None else ()),
        f"hosts         {', '.join(budget.hosts) or 'none: everything runs on this machine'}",
        f"environment   {', '.join(budget.environment) or 'no names are read'}",
        *(f"command       {as_shell(command)}   (runs only with --allow-commands)" for command in budget.commands),
        *(f"download      {source}   (unless it is in the cache)" for source in budget.downloads),
        f"time          about {_duration(budget.expected_s)}{beside} ({budget.basis})",
        "cost          "
        + (f"about {money(budget.cost.amount, budget.cost.currency)}{beside}" if budget.cost else "not known: the spec declares no cost model"),
        f"plan          {plan.digest[:16]}",
    ]


def _models(plan: Plan, troubles: Mapping[tuple[str, str], str]) -> list[dict[str, Any]]:
    """What is served, in its order. `last_time` is what kept the latest run from measuring it."""
    return [
        {
            "model_id": treatment.model_id,
            "variant_id": treatment.variant_id,
            "runtime": treatment.model.runtime,
            "optional": treatment.optional,
            "last_time": troubles.get((treatment.model_id, treatment.variant_id)),
        }
        for block in plan.blocks
        for treatment in block.treatments
    ]


def _model_line(model: Mapping[str, Any]) -> str:
    remarks = ", ".join(each for each in (model["runtime"], "optional" if model["optional"] else None, model["last_time"]) if each)
    return f"model         {model['model_id']} [{model['variant_id']}]: {remarks}"


def _judge_lines(judge: JudgeBudget) -> Iterator[str]:
    who = ", ".join(f"{name} ({runtime})" for name, runtime in zip(judge.judges, judge.runtimes, strict=True))
    what = f"at most {judge.questions:,} questions on {judge.answers:,} {'pairs of ' * (judge.method == 'pairwise')}answers"
    yield f"judge         {who}: {judge.method}, after all measuring; {what}, before them at most {judge.probe_questions:,} on planted probes"
    tokens = f"at most about {judge.prompt_tokens_estimate:,} prompt and {judge.completion_tokens_max:,} output tokens"
    cost = f", {money(judge.cost.amount, judge.cost.currency)}" if judge.cost is not None else ", at a cost that nothing declares"
    times = f"; {judge.draws} times as many questions if it gives no log-probabilities" if judge.draws > 1 else ""
    yield f"judging       {tokens}, about {_duration(judge.expected_s)}{cost} ({judge.basis}{times})"


def _trials(plan: Plan) -> Iterator[str]:
    for number, trial in enumerate((trial for block in plan.blocks for trial in block.trials), start=1):
        row = (f"{'warm-up' if trial.is_warmup else 'round'} {trial.round}", trial.model_id, trial.variant_id, trial.prompt_id)
        yield f"{number:>5}  {trial.id[:12]}  {'  '.join(row)}"


def _trial_line(plan: Plan) -> list[dict[str, object]]:
    keys = ("id", "request_digest", "treatment_digest", "model_id", "prompt_id", "variant_id", "round", "is_warmup")
    return [{key: getattr(trial, key) for key in keys} for block in plan.blocks for trial in block.trials]


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "an unknown time"
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"
