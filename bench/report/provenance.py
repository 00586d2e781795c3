"""Where the numbers come from: the machine, the packages, the client's own health, and the commands that make them again."""

import shlex

from bench.records.machine import ClientHealth, Machine
from bench.records.run import Manifest
from bench.records.spec import Spec
from bench.records.view import Cell, Column, Section, Table
from bench.report import numbers
from bench.report.escape import one_line, short
from bench.report.lookup import Lookup


def environment(seen: Lookup, manifest: Manifest) -> Section:
    """The machine and the software, and whether the measuring client kept up."""
    tables = [_pairs("machine", _machine(manifest.machine, manifest))]
    if seen.summary.health:
        tables.append(_health(seen.summary.health))
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
    note = "The measuring process's own health, block by block. Saturated: lag p99 above 5 ms, or above 5 % of the median TTFT where that is more."
    return Table(id="client", columns=tuple(Column(title=title, is_number=True) for title in titles), rows=rows, notes=(note,))


def reproduction(manifest: Manifest, spec: Spec) -> Section:
    """The commands, and the digests that say whether it is the same experiment."""
    options = [
        *(["--quick"] if manifest.quick else []),
        *(word for name in manifest.only for word in ("--only", name)),
        *(word for name in manifest.skip for word in ("--skip", name)),
        *(word for override in manifest.overrides for word in ("--set", override)),
    ]
    command = " ".join(shlex.quote(one_line(word)) for word in ("bench", "run", manifest.spec_file, *options))
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
    install = f"pip install 'bench-spec[local]=={one_line(manifest.bench_version)}'"
    return Section(id="reproduce", title="How to reproduce", commands=(install, command), tables=(table,), is_folded=True)
