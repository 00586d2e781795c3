"""Run a spec: bring each model up, measure it, check its answers, report. The last line on standard output is the run's folder.

Everything observed is on disk as it comes. After an interruption `--resume` measures exactly what is missing.
"""

import argparse
import os
import shlex
import sys
from pathlib import Path

from bench.catalog import REGISTRY
from bench.cli.console import plain
from bench.cli.progress import console_progress
from bench.cli.words import add_choice, add_spec, choice
from bench.clock import Clock
from bench.errors import Exit, UsageError
from bench.pipeline import Ended, Means, RunOptions, run
from bench.records.spec import Spec
from bench.report.console import tables
from bench.serving.cache import default_folder
from bench.session import Asked
from bench.spec.diagnostics import render
from bench.spec.load import load_spec


def configure(options: argparse.ArgumentParser) -> None:
    """Options of `bench run`."""
    add_spec(options)
    add_choice(options)
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
    options.add_argument("--quiet", action="store_true", help="no progress, no tables: only the run's folder")
    options.add_argument("--format", choices=("text", "json", "github"), default="text", help="how errors of the spec are shown")


def execute(options: argparse.Namespace) -> int:
    """Run, show the tables, print the folder."""
    picked = choice(options)
    _check_words(options)
    loaded = load_spec(options.spec, extensions=REGISTRY, environ=os.environ, overrides=options.overrides)
    sys.stderr.write(render(loaded.warnings, loaded.sources, "text"))
    command = ("bench", *(shlex.quote(word) for word in sys.argv[1:]))
    run_options = RunOptions(
        asked=Asked(command=command, choice=picked, overrides=tuple(options.overrides)),
        runs=options.runs,
        cache_folder=default_folder(os.environ),
        environ=os.environ,
        resume=options.resume,
        retry_failed=options.retry_failed,
        allow_changed_spec=options.allow_changed_spec,
        allow_commands=options.allow_commands or _asked_on_terminal(loaded.spec),
        offline=options.offline,
    )
    with console_progress(quiet=options.quiet) as progress:
        ended = run(Means(loaded=loaded, options=run_options, registry=REGISTRY, progress=progress, clock=Clock()))
    _show(ended, quiet=options.quiet)
    return int(ended.code)


def _check_words(options: argparse.Namespace) -> None:
    if options.resume is None and (options.retry_failed or options.allow_changed_spec):
        word = "--retry-failed" if options.retry_failed else "--allow-changed-spec"
        raise UsageError(f"{word} goes with --resume", hint="bench run SPEC --resume " + word)
    if options.resume is not None and (options.only or options.skip or options.quick):
        raise UsageError(
            "--resume keeps the selection that the run was started with", hint="leave out --only, --skip and --quick, or start a new run"
        )


def _asked_on_terminal(spec: Spec) -> bool:
    """Whether a person at a terminal said yes to every command of the spec; False without one or without a terminal."""
    commands = [model for model in spec.models if model.runtime == "command"]
    if not commands or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    for model in commands:
        sys.stderr.write(f"{plain(model.id)} wants to run: {plain(shlex.join(model.command))}\n")
    sys.stderr.write("run these programs? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _show(ended: Ended, *, quiet: bool) -> None:
    if not quiet:
        sys.stdout.write(tables(ended.view) + "\n\n")
    for reason in ended.reasons:
        sys.stderr.write(f"exit {int(reason.code)}: {plain(reason.message)}\n")
    if ended.code == Exit.INTERRUPTED:
        sys.stderr.write(f"continue with: bench run … --resume {plain(str(ended.folder))}\n")
    sys.stdout.write(f"{ended.folder}\n")
