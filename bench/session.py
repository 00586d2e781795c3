"""One session of `bench run` on a run folder: a new folder, or an old one that is continued. Part of the program (`pipeline.py`)."""

from contextlib import ExitStack, suppress
from pathlib import Path

import msgspec

from bench.clock import Clock
from bench.digest import short
from bench.errors import RunFolderError
from bench.named_files import named_files, resolved_for
from bench.plan.expand import expand
from bench.plan.select import Choice
from bench.records.plan import Plan
from bench.records.run import Manifest, RunStatus, Session
from bench.spec.load import LoadedSpec
from bench.store.create import fill_run, new_run, write_json
from bench.store.layout import RunLayout, find_run, inside, next_worker
from bench.store.lock import RunLock
from bench.store.pending import pending
from bench.store.plan_lines import plan_to_lines
from bench.store.reader import read_health, read_manifest, read_plan, read_samples
from bench.store.resolved import to_yaml
from bench.store.writer import write_whole
from bench.telemetry.inventory import git_state, machine, packages
from bench.trials import columns


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line asked of a run, as it will be recorded. `baselines_at`: the commit in which the baselines of gates are read."""

    command: tuple[str, ...]
    choice: Choice = Choice()
    overrides: tuple[str, ...] = ()
    baselines_at: str | None = None


class Resuming(msgspec.Struct, frozen=True, kw_only=True):
    """How a run is to be continued. `which` names it: a folder, an id, or `latest`."""

    which: str = "latest"
    retry_failed: bool = False
    allow_changed_spec: bool = False


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A run folder that is ready for a session: where it is, what it is, the whole plan, what is left of it, and the session's worker name.

    `notes` are for the user. A run that is finished, with nothing left, is opened without a session: there is nothing to record of it.
    """

    layout: RunLayout
    manifest: Manifest
    plan: Plan
    rest: Plan
    worker: str
    notes: tuple[str, ...] = ()

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing to do but to conclude again."""
        return self.manifest.status == "finished" and not self.rest.blocks


def start(loaded: LoadedSpec, asked: Asked, runs: Path, clock: Clock, held: ExitStack) -> Opened:
    """A new run folder for a spec. Its lock is entered into `held` before anybody can find the run.

    Raises: UsageError from the selection, RunFolderError when the folder cannot be made.
    """
    plan = expand(loaded.spec, asked.choice)
    files = named_files(loaded)
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
        baselines_at=asked.baselines_at,
    )
    layout = new_run(runs, manifest)
    held.enter_context(RunLock(layout.folder))
    fill_run(layout, manifest, plan, (*loaded.sources, *files), resolved_for(loaded, layout.inputs))
    return Opened(layout=layout, manifest=read_manifest(layout), plan=plan, rest=plan, worker=first.worker)


def choice_of(manifest: Manifest) -> Choice:
    """The selection that a run was started with; a resumed session keeps it."""
    return Choice(only=manifest.only, skip=manifest.skip, quick=manifest.quick)


def overrides_of(runs: Path, resuming: Resuming, spec_name: str) -> tuple[str, ...]:
    """The `--set` words that a run was started with; a resumed session takes them over when it is given none.

    Raises: RunFolderError when there is no such run.
    """
    return read_manifest(RunLayout(find_run(runs, resuming.which, spec_name=spec_name))).overrides


def resume(loaded: LoadedSpec, layout: RunLayout, asked: Asked, clock: Clock, resuming: Resuming) -> Opened:
    """An old run folder for another session. Call it with the run's lock held.

    A changed spec is refused unless allowed; then the new plan takes the old one's place, trials that are the same keep their samples, and the new
    inputs lie beside the old ones.

    Raises: RunFolderError when the spec or its plan is another than the run's.
    """
    manifest, plan = read_manifest(layout), read_plan(layout)
    fresh = expand(loaded.spec, choice_of(manifest))
    is_changed = fresh.digest != manifest.plan_digest or loaded.spec.digest != manifest.spec_digest
    if is_changed and not resuming.allow_changed_spec:
        raise _changed(loaded, manifest, layout)
    plan = fresh if is_changed else plan
    notes: list[str] = []
    rest = pending(plan, read_samples(layout, notes.append), retry_failed=resuming.retry_failed, health=read_health(layout))
    notes.append(f"{_measured(rest)} of {_measured(plan)} trials are left to measure" if rest.blocks else "nothing is left to measure")
    worker = _next_worker(layout, manifest)
    opened = Opened(layout=layout, manifest=manifest, plan=plan, rest=rest, worker=worker, notes=tuple(notes))
    if opened.is_settled and not is_changed:
        return opened
    session = Session(
        worker=worker,
        started_at=_now(clock),
        command=asked.command,
        bench_version=packages().get("bench-spec", "unknown"),
        spec_changed=is_changed,
    )
    ended = tuple(_closed(each) for each in manifest.sessions)
    manifest = msgspec.structs.replace(manifest, status="running", finished_at=None, sessions=(*ended, session))
    if is_changed:
        manifest = _with_changes(loaded, layout, plan, msgspec.structs.replace(manifest, overrides=asked.overrides))
    write_json(layout.manifest, manifest)
    return msgspec.structs.replace(opened, manifest=manifest)


def _with_changes(loaded: LoadedSpec, layout: RunLayout, plan: Plan, manifest: Manifest) -> Manifest:
    """Put another spec and plan in the place of the run's; the manifest that says so is returned, not yet written."""
    inputs = layout.folder / f"inputs-{manifest.sessions[-1].worker}"
    for source in (*loaded.sources, *named_files(loaded)):
        write_whole(inside(inputs, source.path), source.content)
    write_whole(layout.resolved, to_yaml(resolved_for(loaded, inputs)))
    write_whole(layout.plan, plan_to_lines(plan))
    return msgspec.structs.replace(
        manifest,
        spec_version=loaded.spec.version,
        spec_digest=loaded.spec.digest,
        plan_digest=plan.digest,
        planned_trials=_measured(plan),
    )


def _next_worker(layout: RunLayout, manifest: Manifest) -> str:
    """A name that neither a file nor an earlier session of the run has; a session that was killed early left no file."""
    return f"w{max(int(next_worker(layout)[1:]), len(manifest.sessions) + 1)}"


def close(opened: Opened, *, ended_by: str | None, has_answers: bool, clock: Clock) -> None:
    """Write how the session ended. A run that nothing cut short is finished, whatever became of its models; without any answer it failed."""
    status: RunStatus = "interrupted" if ended_by == "interrupt" else "stopped" if ended_by else "finished" if has_answers else "failed"
    _close(opened, status, ended_by or "finished", clock)


def break_off(opened: Opened, error: BaseException, clock: Clock) -> None:
    """Write that an exception ended the session, if that can still be written; else the next session will say that this one was killed."""
    is_interrupt = isinstance(error, KeyboardInterrupt)
    with suppress(RunFolderError):  # a full disk, say: the error on its way out tells more than this one would
        _close(opened, "interrupted" if is_interrupt else "failed", "interrupt" if is_interrupt else "error", clock)


def _close(opened: Opened, status: RunStatus, ended_by: str, clock: Clock) -> None:
    now = _now(clock)
    *earlier, last = opened.manifest.sessions
    last = msgspec.structs.replace(last, finished_at=now, ended_by=ended_by)
    write_json(opened.layout.manifest, msgspec.structs.replace(opened.manifest, status=status, finished_at=now, sessions=(*earlier, last)))


def mark(layout: RunLayout, manifest: Manifest, *, client_saturated: bool) -> Manifest:
    """Say in the manifest whether the client kept up; a run that still goes on is left alone."""
    if manifest.client_saturated == client_saturated or manifest.status == "running":
        return manifest
    marked = msgspec.structs.replace(manifest, client_saturated=client_saturated)
    write_json(layout.manifest, marked)
    return marked


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
    return sum(n for block in plan.blocks for kind, n in columns(block.trials).counted() if not kind.is_warmup)


def _now(clock: Clock) -> str:
    return f"{clock.utc():%Y-%m-%dT%H:%M:%SZ}"
