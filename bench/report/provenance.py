"""Where the numbers come from: the machine, the packages, the client's own health, and the commands that make them again."""

import shlex
from pathlib import PureWindowsPath

from bench.records.machine import ClientHealth, Machine
from bench.records.run import Manifest
from bench.records.spec import Spec
from bench.records.view import Cell, Column, Section, Table
from bench.report import numbers
from bench.report.escape import one_line, short
from bench.report.lookup import Lookup
from bench.report.ruler import delivery, selftest_table


def environment(seen: Lookup, manifest: Manifest) -> Section:
    """The machine and the software, and whether the measuring client kept up."""
    tables = [_pairs("machine", _machine(manifest.machine, manifest))]
    if seen.summary.health:
        tables += [_health(seen.summary.health), *delivery(seen.summary.health)]
    if seen.summary.selftest is not None:
        tables.append(selftest_table(seen.summary.selftest))
    return Section(id="environment", title="Environment", tables=tuple(tables), is_folded=True)


def _machine(machine: Machine, manifest: Manifest) -> list[tuple[str, str]]:
    return [
        ("System", f"{machine.system}, {machine.architecture}"),
        ("Processor", f"{machine.cpu}, {numbers.count(machine.cores, 'core')}"),
        ("Memory", numbers.size(machine.memory_bytes)),
        ("GPU", ", ".join(machine.gpus) or "none found"),
        ("Python", machine.python or "–"),
        ("bench", manifest.bench_version),
        ("Packages", ", ".join(f"{name} {version}" for name, version in sorted(manifest.packages.items())) or "–"),
    ]


def _pairs(name: str, pairs: list[tuple[str, str]]) -> Table:
    rows = tuple((Cell(value=key), Cell(value=short(value, 600))) for key, value in pairs)
    return Table(id=name, columns=(Column(title="What"), Column(title="Value")), rows=rows)


def _health(health: tuple[ClientHealth, ...]) -> Table:
    titles = ("Block", "Duration", "Loop lag p50", "Loop lag p99", "Loop lag max", "Client's CPU share", "Keep-alive requests")
    rows = tuple(
        (
            Cell(value=f"{number}"),
            *(
                Cell(value=numbers.seconds(value))
                for value in (block.finished_s - block.started_s, block.lag_p50_s, block.lag_p99_s, block.lag_max_s)
            ),
            Cell(value=numbers.share(block.cpu_share)),
            Cell(value=f"{block.keep_alive_requests:,}"),
        )
        for number, block in enumerate(health, start=1)
    )
    note = (
        "The measuring process's own health, block by block. Saturated: lag p99 above 5 ms, or above 5 % of the median TTFT where that is more, "
        "or waiting for a processor for more than a quarter of the time it wanted one."
    )
    return Table(id="client", columns=tuple(Column(title=title, is_number=True) for title in titles), rows=rows, notes=(note,))


def reproduction(manifest: Manifest, spec: Spec) -> Section:
    """The command, and the digests that say whether it is the same experiment."""
    pairs = [
        ("Spec", f"{manifest.spec_name} {manifest.spec_version} ({manifest.spec_file})"),
        ("Run", manifest.run_id),
        ("Started", manifest.started_at),
        ("Finished", manifest.finished_at or "–"),
        ("Sessions", f"{len(manifest.sessions):,}"),
        ("Seed", f"{spec.seed}"),
        ("Order", spec.order),
        ("Server's prefix cache", "allowed" if spec.cache == "allow" else "bypassed"),
        ("Warm-up", f"{numbers.count(spec.warmup, 'request')} per model, not counted"),
        ("Spec digest", manifest.spec_digest),
        ("Plan digest", manifest.plan_digest),
    ]
    if manifest.git is not None:
        pairs.append(("Commit of the spec's folder", manifest.git.commit + (" with uncommitted changes" if manifest.git.is_dirty else "")))
    rows = tuple((Cell(value=key), Cell(value=short(value, 300), is_code="digest" in key or key == "Run")) for key, value in pairs)
    table = Table(id="identity", columns=(Column(title="What"), Column(title="Value")), rows=rows)
    return Section(
        id="reproduce",
        title="How to reproduce",
        commands=(" ".join(shlex.quote(word) for word in command(manifest)),),
        tables=(table,),
        is_folded=True,
    )


def command(manifest: Manifest) -> tuple[str, ...]:
    """The command that started the run, as it was given; of an absolute path only the last part, for it says where a person keeps things."""
    given = manifest.sessions[0].command if manifest.sessions else ("bench", "run", manifest.spec_file)
    return tuple(_last_part(one_line(word)) for word in given)


def _last_part(word: str) -> str:
    option, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
    is_absolute = value.startswith(("/", "\\\\")) or value[1:3] in {":\\", ":/"}
    return f"{option}{equals}{PureWindowsPath(value).name}" if is_absolute else word


def spec_argument(manifest: Manifest) -> str:
    """The spec as the command named it."""
    name = PureWindowsPath(manifest.spec_file).name
    return next((word for word in command(manifest) if PureWindowsPath(word).name == name), manifest.spec_file)
