"""`bench models check`: a row for each model of a spec, with what it answered."""

import argparse
import sys

import msgspec

from bench.catalog import REGISTRY
from bench.checking import Checking, check
from bench.cli.console import line, plain
from bench.cli.model_tables import columns, megabytes, one_line, write_json
from bench.cli.models.context import context, spec_of, told
from bench.cli.transfers import PlainLines
from bench.clock import Clock
from bench.errors import ServingError
from bench.extensions.printing import aside
from bench.forecast import commands_of
from bench.outlook import Place, places_of
from bench.records.models import CheckReport, ModelCheck
from bench.serving.command_words import as_shell

_SHOWN = 60  # characters of an answer in the table


def check_models(options: argparse.Namespace) -> int:
    """Check, show the table, return the exit code that a run would have."""
    loaded = spec_of(options.spec, tuple(options.overrides))
    places = places_of(loaded.spec, tuple(word.strip() for typed in options.only for word in typed.split(",") if word.strip()))
    where = context(loaded.folder, PlainLines(), offline=options.offline, allow_commands=options.allow_commands or _is_allowed_on_terminal(places))
    where = msgspec.structs.replace(where, uses_proxies=loaded.spec.client == "openai-sdk", native=loaded.spec.client == "wire")
    with aside():
        report = check(Checking(spec=loaded.spec, places=places, registry=REGISTRY, context=where, clock=Clock(), on_start=_say))
    if options.format == "json":
        write_json(msgspec.to_builtins(report))
    else:
        _show(report)
    return report.exit_code


def _say(place: Place) -> None:
    line(f"checking {_named(place.model.id, place.variants)}")


def _is_allowed_on_terminal(places: tuple[Place, ...]) -> bool:
    """Whether a person at a terminal said yes to every command; False without one or without a terminal."""
    words = commands_of(place.treatment for place in places)
    if not words or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    for each in words:
        sys.stderr.write(f"this would run: {plain(as_shell(each))}\n")
    sys.stderr.write("run these programs? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _named(model_id: str, variants: tuple[str, ...]) -> str:
    return model_id if variants in {("default",), ("judge",)} else f"{model_id} [{', '.join(variants)}]"


def _show(report: CheckReport) -> None:
    head = ("model", "runtime", "state", "listed", "device", "load", "memory", "answer")
    sys.stdout.write(columns([head, *map(_row, report.models)]))
    sys.stdout.flush()
    for row in report.models:
        if row.reason is not None:
            line(told(ServingError(f"{_named(row.model_id, row.variants)}: {row.state}: {row.reason}", hint=row.hint)))
        if row.is_unloaded is False:
            line(f"{row.model_id}: its process has not ended")
    for reason in report.reasons:
        line(f"exit {reason.code}: {reason.message}")
    if report.logs is not None:
        line(f"logs of what was started: {report.logs}")


def _row(row: ModelCheck) -> tuple[str, ...]:
    name = _named(row.model_id, row.variants) + (" (judge)" if row.role == "judge" else "") + (" (optional)" if row.is_optional else "")
    answer = one_line(row.answer.strip()[:_SHOWN]) + ("…" if len(row.answer.strip()) > _SHOWN else "") if row.answer is not None else ""
    cells = (
        name,
        row.runtime,
        row.state,
        "" if row.is_listed is None else "yes" if row.is_listed else "no",
        row.device or "",
        f"{row.load_s:.1f} s" if row.load_s is not None else "",
        megabytes(row.rss_loaded_bytes) if row.rss_loaded_bytes is not None else "",
    )
    return (*map(one_line, cells), answer)
