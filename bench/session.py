"""One session of `bench run` on a run folder: a new folder, or an old one that is continued. Part of the program (`pipeline.py`)."""

from pathlib import Path

import msgspec

from bench.clock import Clock
from bench.digest import short
from bench.errors import RunFolderError, UsageError
from bench.plan.expand import expand
from bench.plan.select import Choice
from bench.records.plan import Plan
from bench.records.run import Manifest, RunStatus, Session
from bench.records.source import SourceFile
from bench.spec.load import LoadedSpec
from bench.store.create import create_run, write_json
from bench.store.layout import RunLayout, inside, next_worker
from bench.store.plan_lines import plan_to_lines
from bench.store.reader import read_manifest, read_plan
from bench.store.resolved import to_yaml
from bench.store.writer import write_whole
from bench.telemetry.inventory import git_state, machine, packages


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line asked of a run, as it will be recorded."""

    command: tuple[str, ...]
    choice: Choice = Choice()
    overrides: tuple[str, ...] = ()


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A run folder that is ready for a session: where it is, what it is, the whole plan, and the session's worker name."""

    layout: RunLayout
    manifest: Manifest
    plan: Plan
    worker: str


def start(loaded: LoadedSpec, asked: Asked, runs: Path, clock: Clock) -> Opened:
    """A new run folder for a spec.

    Raises: UsageError from the selection, RunFolderError when the folder cannot be made.
    """
    plan = expand(loaded.spec, asked.choice)
    installed = packages()
    first = Session(worker="w1", started_at=_now(clock), command=asked.command, bench_version=installed.get("bench-spec", "unknown"))
    manifest = Manifest(
        run_id="",
        status="running",
        spec_name=loaded.spec.name,
        spec_version=loaded.spec.version,
        spec_file=loaded.sources[0].path,
        spec_digest=loaded.spec.digest,
        plan_digest=plan.digest,
        planned_trials=_measured(plan),
        bench_version=first.bench_version,
        packages=installed,
        started_at=first.started_at,
        machine=machine(),
        sessions=(first,),
        git=git_state(loaded.folder),
        overrides=asked.overrides,
        only=asked.choice.only,
        skip=asked.choice.skip,
        quick=asked.choice.quick,
    )
    layout = RunLayout(create_run(runs, manifest, plan, (*loaded.sources, *_template(loaded)), loaded.resolved))
    return Opened(layout=layout, manifest=read_manifest(layout), plan=plan, worker=first.worker)


def _template(loaded: LoadedSpec) -> tuple[SourceFile, ...]:
    """The user's report template, if any: a run keeps it, so that its report can be rendered again.

    Raises: UsageError when it cannot be read.
    """
    name = loaded.spec.report.template
    if name is None:
        return ()
    try:
        return (SourceFile(path=name, content=inside(loaded.folder, name).read_bytes()),)
    except OSError as error:
        raise UsageError(
            f"cannot read the report template {name}: {error.strerror}", hint="report.template is relative to the spec's folder"
        ) from error


def choice_of(manifest: Manifest) -> Choice:
    """The selection that a run was started with; a resumed session keeps it."""
    return Choice(only=manifest.only, skip=manifest.skip, quick=manifest.quick)


def resume(loaded: LoadedSpec, layout: RunLayout, asked: Asked, clock: Clock, *, allow_changed_spec: bool) -> Opened:
    """An old run folder for another session. Call it with the run's lock held.

    A changed spec is refused unless allowed; then the new plan takes the old one's place, trials that are the same keep their samples, and the new
    inputs lie beside the old ones.

    Raises: RunFolderError when the spec or its plan is another than the run's.
    """
    manifest, plan = read_manifest(layout), read_plan(layout)
    fresh = expand(loaded.spec, choice_of(manifest))
    worker = next_worker(layout)
    is_changed = fresh.digest != manifest.plan_digest or loaded.spec.digest != manifest.spec_digest
    if is_changed and not allow_changed_spec:
        raise _changed(loaded, manifest, layout)
    session = Session(
        worker=worker,
        started_at=_now(clock),
        command=asked.command,
        bench_version=packages().get("bench-spec", "unknown"),
        spec_changed=is_changed,
    )
    ended = tuple(_closed(each) for each in manifest.sessions)
    manifest = msgspec.structs.replace(manifest, status="running", sessions=(*ended, session))
    if is_changed:
        plan = fresh
        manifest = msgspec.structs.replace(
            manifest,
            spec_version=loaded.spec.version,
            spec_digest=loaded.spec.digest,
            plan_digest=plan.digest,
            planned_trials=_measured(plan),
        )
        for source in loaded.sources:
            write_whole(inside(layout.folder / f"inputs-{worker}", source.path), source.content)
        write_whole(layout.resolved, to_yaml(dict(loaded.resolved)))
        write_whole(layout.plan, plan_to_lines(plan))
    write_json(layout.manifest, manifest)
    return Opened(layout=layout, manifest=manifest, plan=plan, worker=worker)


def close(opened: Opened, *, ended_by: str | None, has_answers: bool, clock: Clock) -> Manifest:
    """Write how the session ended. A run that nothing cut short is finished, whatever became of its models; without any answer it failed."""
    now = _now(clock)
    *earlier, last = opened.manifest.sessions
    last = msgspec.structs.replace(last, finished_at=now, ended_by=ended_by or "finished")
    status: RunStatus = "interrupted" if ended_by == "interrupt" else "stopped" if ended_by else "finished" if has_answers else "failed"
    manifest = msgspec.structs.replace(opened.manifest, status=status, finished_at=now, sessions=(*earlier, last))
    write_json(opened.layout.manifest, manifest)
    return manifest


def _closed(session: Session) -> Session:
    """A session that never said how it ended was killed."""
    return session if session.ended_by else msgspec.structs.replace(session, ended_by="killed")


def _changed(loaded: LoadedSpec, manifest: Manifest, layout: RunLayout) -> RunFolderError:
    if loaded.spec.digest != manifest.spec_digest:
        what = f"the spec is not the one of this run (digest {short(loaded.spec.digest)}, the run's is {short(manifest.spec_digest)})"
    else:
        what = f"this version of bench plans the spec otherwise than {manifest.bench_version} did"
    return RunFolderError(
        f"{layout.folder}: {what}",
        hint="start a new run; or continue with --allow-changed-spec: what is planned alike keeps its samples, the rest is measured anew",
    )


def _measured(plan: Plan) -> int:
    return sum(not trial.is_warmup for block in plan.blocks for trial in block.trials)


def _now(clock: Clock) -> str:
    return f"{clock.utc():%Y-%m-%dT%H:%M:%SZ}"
