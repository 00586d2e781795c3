"""Small plans, samples and manifests for tests of what is written and read."""

from pathlib import Path

from bench.digest import digest
from bench.records.exchange import Completion, Failure, Timing, Usage
from bench.records.machine import Machine
from bench.records.plan import Block, Plan, Request, Treatment, Trial
from bench.records.run import Manifest, Session
from bench.records.sample import Sample
from bench.records.source import SourceFile
from bench.records.spec import Generation, Message, ModelSpec
from bench.store.create import fill_run, new_run
from bench.store.layout import RunLayout

STARTED_AT = "2026-11-22T22:43:01+00:00"


def trial(model: str, prompt: str, number: int, *, is_warmup: bool = False) -> Trial:
    return Trial(
        id=digest([model, prompt, number, is_warmup]), request_digest=digest(prompt), treatment_digest=digest(model), model_id=model,
        prompt_id=prompt, variant_id="default", round=number, is_warmup=is_warmup, seed=number,
        request=Request(messages=(Message(role="user", content=f"Summarise {prompt} – please."),), generation=Generation(max_tokens=16)),
    )  # fmt: skip


def block(*models: str, prompts: int = 3, rounds: int = 2) -> Block:
    measured = (trial(model, f"p{p}", r) for r in range(1, rounds + 1) for p in range(prompts) for model in models)
    treatments = tuple(
        Treatment(
            model_id=model,
            variant_id="default",
            digest=digest(model),
            optional=False,
            model=ModelSpec(id=model, runtime="fake", settings={"b": 1.0, "a": [1]}),
        )
        for model in models
    )
    return Block(treatments=treatments, trials=(*(trial(model, "p0", 1, is_warmup=True) for model in models), *measured))


def plan(*blocks: Block) -> Plan:
    blocks = blocks or (block("one"), block("two"))
    return Plan(digest=digest([[t.id for t in b.trials] for b in blocks]), spec_digest=digest("spec"), seed=7, order="blocked", blocks=blocks)


def sample(trial_id: str, *, failure: str | None = None, is_final: bool = True, attempt: int = 1, text: str = "Yes.") -> Sample:
    outcome = Failure(kind=failure, message="so it was") if failure else Completion(text=text, usage=Usage(completion_tokens=2))
    timing = Timing(scheduled_s=1.0, sent_s=1.0, finished_s=2.0, chunks=2, gaps_us=(250_000,), first_token_s=1.5, last_token_s=1.75)
    return Sample(trial_id=trial_id, attempt=attempt, is_final=is_final, outcome=outcome, timing=timing, worker="w1")


def manifest(planned: Plan, run_id: str = "") -> Manifest:
    return Manifest(
        run_id=run_id, status="running", spec_name="summarizer", spec_version="1.0.0", spec_file="summarizer.yaml", spec_digest=planned.spec_digest,
        plan_digest=planned.digest, planned_trials=sum(not t.is_warmup for b in planned.blocks for t in b.trials), bench_version="0.1.0",
        packages={"msgspec": "0.20"}, started_at=STARTED_AT,
        machine=Machine(system="Linux 6.1", architecture="x86_64", cpu="a CPU", cores=2, memory_bytes=2**33),
        sessions=(Session(worker="w1", started_at=STARTED_AT, command=("bench", "run", "summarizer.yaml"), bench_version="0.1.0"),),
    )  # fmt: skip


def run_folder(root: Path, planned: Plan | None = None, run_id: str = "") -> RunLayout:
    planned = planned or plan()
    sources = (SourceFile(path="summarizer.yaml", content=b"bench: 1\n"), SourceFile(path="prompts/meetings.yaml", content=b"- \xff\n"))
    layout = new_run(root, manifest(planned, run_id))
    fill_run(layout, manifest(planned, run_id), planned, sources, {"bench": 1, "name": "summarizer"})
    return layout
