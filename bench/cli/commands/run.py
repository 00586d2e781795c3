"""Run a spec: bring each model up, measure it, check its answers, report. The last line on standard output is the run's folder.

Everything observed is on disk as it comes. After an interruption `--resume` measures exactly what is missing, with the selection and
the `--set` changes that the run was started with.
"""

import argparse
import os
import shlex
import sys
from pathlib import Path

from bench.catalog import REGISTRY
from bench.cli import github
from bench.cli.console import line, plain
from bench.cli.progress import console_progress
from bench.cli.words import add_base, add_choice, add_overrides, choice, fork_of
from bench.clock import Clock
from bench.errors import Exit, UsageError
from bench.extensions.printing import aside
from bench.forecast import commands_of
from bench.pipeline import Ended, Means, RunOptions, run
from bench.plan.expand import treatment_of
from bench.plan.select import Choice, select
from bench.records.spec import Spec
from bench.report.console import tables
from bench.serving.cache import default_folder
from bench.serving.command_words import as_shell
from bench.session import Asked, Resuming, overrides_of
from bench.spec.diagnostics import render
from bench.spec.load import LoadedSpec, load_spec


def configure(options: argparse.ArgumentParser) -> None:
    """Options of `bench run`."""
    options.add_argument("spec", type=Path, nargs="?", metavar="SPEC", help="the spec's file (YAML)")
    add_overrides(options)
    add_choice(options)
    add_base(options)
    options.add_argument("--runs", type=Path, default=Path("runs"), metavar="FOLDER", help="where runs are kept (default: runs)")
    options.add_argument(
        "--resume",
        nargs="?",
        const="latest",
        metavar="RUN",
        help="continue a run of this spec (a folder, an id, or the latest): measure only what is missing",
    )
    options.add_argument("--retry-failed", action="store_true", help="with --resume: measure failed trials again as well")
    options.add_argument("--allow-changed-spec", action="store_true", help="with --resume: continue although the spec has changed")
    options.add_argument("--allow-commands", action="store_true", help="let `runtime: command` start the programs that the spec names")
    options.add_argument("--offline", action="store_true", help="download nothing; use what is in the cache")
    options.add_argument(
        "--selftest",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="measure the client's own error after the models (1-2 s); by default only after a long run, where it was not measured lately",
    )
    options.add_argument("--workers", type=int, default=1, metavar="N", help="send with N processes, for endpoints beyond one core (default: 1)")
    options.add_argument("--quiet", action="store_true", help="no progress, no tables: only the run's folder")
    options.add_argument("--format", choices=("text", "json", "github"), default="text", help="how errors of the spec are shown; github: gates, too")


def execute(options: argparse.Namespace) -> int:
    """Run, show the tables, print the folder."""
    _check_words(options)
    resuming = None
    if options.resume is not None:
        resuming = Resuming(which=options.resume, retry_failed=options.retry_failed, allow_changed_spec=options.allow_changed_spec)
    loaded, overrides = _load(options, resuming)
    picked = choice(options)
    command = ("bench", *(shlex.quote(word) for word in sys.argv[1:]))
    run_options = RunOptions(
        asked=Asked(command=command, choice=picked, overrides=overrides, baselines_at=fork_of(options.base)),
        runs=options.runs,
        cache_folder=default_folder(os.environ),
        environ=os.environ,
        resume=resuming,
        allow_commands=options.allow_commands or _asked_on_terminal(loaded.spec, picked),
        offline=options.offline,
        workers=options.workers,
        selftest=options.selftest,
    )
    folders: list[Path] = []
    with console_progress(quiet=options.quiet) as progress:
        means = Means(loaded=loaded, options=run_options, registry=REGISTRY, progress=progress, clock=Clock(), on_folder=folders.append)
        try:
            with aside():
                ended = run(means)
        except BaseException:  # however it ends: what was measured can be found
            sys.stdout.write("".join(f"{folder}\n" for folder in folders))
            raise
    _show(ended, options.spec, options.format, quiet=options.quiet)
    return int(ended.code)


def _load(options: argparse.Namespace, resuming: Resuming | None) -> tuple[LoadedSpec, tuple[str, ...]]:
    """The spec with the overrides that hold: those given, else those that the run to be continued was started with."""
    overrides = tuple(options.overrides)
    loaded = load_spec(options.spec, extensions=REGISTRY, environ=os.environ, overrides=overrides)
    if resuming is not None and not overrides and (overrides := overrides_of(options.runs, resuming, loaded.spec.name)):
        line(f"as the run was started: {' '.join(f'--set {shlex.quote(each)}' for each in overrides)}")
        loaded = load_spec(options.spec, extensions=REGISTRY, environ=os.environ, overrides=overrides)
    sys.stderr.write(render(loaded.warnings, loaded.sources, "text"))
    return loaded, overrides


def _check_words(options: argparse.Namespace) -> None:
    """Refuse words that make no sense together. `--resume SPEC` is read as `SPEC --resume`: the option's own word is optional.

    Raises: UsageError.
    """
    if options.spec is None and options.resume is not None and Path(options.resume).is_file():
        options.spec, options.resume = Path(options.resume), "latest"
    if options.spec is None:
        raise UsageError("which spec?", hint="bench run SPEC [--resume [RUN]]; `bench init my.yaml` writes one to start from")
    if options.workers < 1:
        raise UsageError(f"--workers {options.workers}: expected at least 1", hint="leave it out for one")
    if options.resume is None and (options.retry_failed or options.allow_changed_spec):
        word = "--retry-failed" if options.retry_failed else "--allow-changed-spec"
        raise UsageError(f"{word} goes with --resume", hint="bench run SPEC --resume " + word)
    if options.resume is not None and options.base is not None:
        raise UsageError("--resume keeps the baselines that the run was started with", hint="leave out --base, or `bench gate RUN --base REVISION`")
    if options.resume is not None and (options.only or options.skip or options.quick):
        raise UsageError(
            "--resume keeps the selection that the run was started with", hint="leave out --only, --skip and --quick, or start a new run"
        )


def _asked_on_terminal(spec: Spec, picked: Choice) -> bool:
    """Whether a person at a terminal said yes to every command that takes part; False without one or without a terminal."""
    commands = [model for model in select(spec, picked).models if model.runtime == "command"]
    if not commands or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    for model in commands:
        for words in commands_of(treatment_of(model, variant) for variant in spec.variants):
            sys.stderr.write(f"{plain(model.id)} wants to run: {plain(as_shell(words))}\n")
    sys.stderr.write("run these programs? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _show(ended: Ended, spec: Path, style: str, *, quiet: bool) -> None:
    for reason in ended.reasons:
        line(f"exit {int(reason.code)}: {reason.message}")
    if ended.code == Exit.INTERRUPTED:
        line(f"continue with: {shlex.join(('bench', 'run', str(spec), '--resume', str(ended.folder)))}")
    if not quiet:
        sys.stdout.write(tables(ended.view) + "\n\n")
    _tell_github(ended, style)
    sys.stdout.write(f"{ended.folder}\n")


def _tell_github(ended: Ended, style: str) -> None:
    gates = ended.view.summary.gates
    if style == "github" or github.is_there(os.environ):
        sys.stdout.write(github.annotations(gates))
    github.summarise(f"Gates of {ended.view.title}", gates, os.environ)
