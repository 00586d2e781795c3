"""A spec and a plan around observations, and their summary."""

from bench.catalog import CATALOG, REGISTRY
from bench.records.machine import ClientHealth, Machine
from bench.records.plan import Block, Plan, Treatment
from bench.records.run import Manifest, Session
from bench.records.serving import Endpoint, ModelStatus
from bench.records.spec import Message, ModelSpec, Prompt, Spec, Variant
from bench.summarize.reading import read
from bench.summarize.summary import summarize

METRICS = {name: REGISTRY.load("metric", name)() for name in CATALOG["metric"]}
MACHINE = Machine(system="Linux 6.1", architecture="x86_64", cpu="a CPU", cores=2, memory_bytes=2**33)


def unique(words):
    return tuple(dict.fromkeys(words))


def spec_of(observations, **more):
    trials = [seen.trial for seen in observations]
    said = {
        "models": tuple(ModelSpec(id=name, runtime="fake") for name in unique(trial.model_id for trial in trials)),
        "prompts": tuple(Prompt(id=name, messages=(Message(role="user", content=name),)) for name in unique(trial.prompt_id for trial in trials)),
        "variants": tuple(Variant(id=name) for name in unique(trial.variant_id for trial in trials)),
    }
    return Spec(**({"bench": 1, "name": "s", "version": "1.0.0", "digest": "d", "seed": 7} | said | more))


def plan_of(observations, planned=()):
    trials = tuple(seen.trial for seen in (*observations, *planned))
    treatments = {
        (trial.model_id, trial.variant_id): Treatment(
            model_id=trial.model_id,
            variant_id=trial.variant_id,
            digest=trial.treatment_digest,
            optional=False,
            model=ModelSpec(id=trial.model_id, runtime="fake"),
        )
        for trial in trials
    }
    return Plan(digest="p", spec_digest="d", seed=7, order="blocked", blocks=(Block(treatments=tuple(treatments.values()), trials=trials),))


def manifest(status="finished", *ended_by):
    sessions = tuple(
        Session(worker=f"w{number}", started_at="2026-11-22T22:00:00Z", command=("bench",), bench_version="0.1.0", ended_by=reason)
        for number, reason in enumerate(ended_by or ("finished",), start=1)
    )
    return Manifest(
        run_id="run", status=status, spec_name="s", spec_version="1.0.0", spec_file="s.yaml", spec_digest="d", plan_digest="p", planned_trials=0,
        bench_version="0.1.0", packages={}, started_at="2026-11-22T22:00:00Z", machine=MACHINE, sessions=sessions,
    )  # fmt: skip


def served(model="m", variant="default", *, load_s=0.5, pid=1, **more):
    endpoint = Endpoint(base_url="http://127.0.0.1:1/v1", served_model="m.gguf", owned=True, pid=pid, load_s=load_s)
    return ModelStatus(model_id=model, variant_id=variant, treatment_digest=f"treatment {model} {variant}", state="served", endpoint=endpoint, **more)


def block_health(**said):
    quiet = {"started_s": 0.0, "finished_s": 1000.0, "lag_p50_s": 0.0001, "lag_p99_s": 0.001, "lag_max_s": 0.002, "cpu_share": 0.1}
    return ClientHealth(**({"worker": "w1", "treatment_digests": ("treatment m default",)} | quiet | said))


def summary_of(observations, *, planned=(), spec=None, plan=None, run=None, statuses=(), health=(), costs=(), strangers=0):
    spec = spec or spec_of([*observations, *planned])
    return summarize(
        manifest=run or manifest(),
        spec=spec,
        plan=plan or plan_of(observations, planned),
        statuses=statuses,
        seen=read(spec, observations, METRICS),
        health=health,
        metrics=METRICS,
        costs=costs,
        strangers=strangers,
    )


def the(summary, metric, statistic, **group):
    """The one estimate of a metric and statistic in a group; groups that differ in what is not named do not match."""
    wanted = {"prompt_id": None, "prefix": None, "step": None, "window": None} | group
    (found,) = [
        estimate
        for estimate in summary.estimates
        if (estimate.metric, estimate.statistic) == (metric, statistic)
        and all(getattr(estimate.group, key) == value for key, value in wanted.items())
    ]
    return found
