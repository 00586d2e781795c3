"""The run itself: `run.json`."""

from typing import Literal

import msgspec

from bench.records.machine import Machine

RunStatus = Literal["running", "finished", "interrupted", "stopped", "failed"]


class Session(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One invocation of `bench run` on this folder; a resumed run has several. Times are UTC, ISO 8601."""

    worker: str
    started_at: str
    command: tuple[str, ...]
    bench_version: str
    finished_at: str | None = None
    ended_by: str | None = None  # "finished", "interrupt", a stop rule's name, "error", "killed"
    spec_changed: bool = False  # resumed with `--allow-changed-spec`


class GitState(msgspec.Struct, frozen=True, kw_only=True):
    """The commit the spec's folder stood at."""

    commit: str
    is_dirty: bool


class Manifest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a run is. `overrides` are `--set` words as given; `only`/`skip`/`quick` are the selection.

    `baselines_at`: the commit in which the baselines of gates are read; None: the working tree.
    """

    run_id: str
    status: RunStatus
    spec_name: str
    spec_version: str
    spec_file: str
    spec_digest: str
    plan_digest: str
    planned_trials: int
    bench_version: str
    packages: dict[str, str]
    started_at: str
    machine: Machine
    sessions: tuple[Session, ...]
    finished_at: str | None = None
    git: GitState | None = None
    overrides: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    quick: bool = False
    baselines_at: str | None = None
    client_saturated: bool | None = None  # None until the run is summarised
