"""What became of every model, and what a decision needs to know of it beside its numbers."""

from bench.records.estimate import Counts
from bench.records.serving import Endpoint
from bench.records.spec import Gpu, ModelSpec, Variant
from bench.records.view import Cell, Column, Section, Table
from bench.report import numbers
from bench.report.escape import ends, short
from bench.report.lookup import Key, Lookup

_MOST_REMARKS = 1000  # characters of a model's reason and all its remarks: each says what a reader must know


def models(seen: Lookup) -> Section:
    """The state of every model with its reason, its failures, and its facts: licence, capabilities, runtime, device."""
    tables = [_states(seen), _facts(seen)]
    if failures := _failures(seen):
        tables.insert(1, failures)
    return Section(id="models", title="Models", tables=tuple(tables))


def _states(seen: Lookup) -> Table:
    columns = ("Model", "State", "Required", "Reason or remark", "What to do")
    rows = []
    for key in seen.keys:
        status = seen.status(key)
        if status is None:
            rows.append((Cell(value=seen.label(key)), Cell(value="not tried", state="no_data"), _text(None), _text(None), _text(None)))
            continue
        reason = "; ".join(part for part in (status.reason, *status.notes) if part)
        hint = Cell(value=ends(status.hint)) if status.hint else numbers.NOT_APPLICABLE
        required = Cell(value="optional" if status.is_optional else "required")
        rows.append((Cell(value=seen.label(key)), Cell(value=status.state), required, _text(reason, most=_MOST_REMARKS), hint))
    return Table(id="status", columns=tuple(Column(title=title) for title in columns), rows=tuple(rows))


def _text(value: str | None, *, is_code: bool = False, most: int = 300) -> Cell:
    return Cell(value=short(value, most), is_code=is_code) if value else numbers.NOT_APPLICABLE


def _failures(seen: Lookup) -> Table | None:
    counts = [count for key in seen.keys if (count := seen.counts.get(key)) is not None and _is_mixed(count)]
    if not counts:
        return None
    titles = ("Planned", "Answered", "Failed", "Missing", "Retried")
    columns = (Column(title="Model"), *(Column(title=title, is_number=True) for title in titles), Column(title="Failures by kind"))
    return Table(id="failures", columns=columns, rows=tuple(_failure_row(seen, count) for count in counts))


def _is_mixed(count: Counts) -> bool:
    """Whether some trials went another way than the others; a model of which none was tried is told of above."""
    return bool(count.failures or count.retried or (count.missing and count.missing < count.planned))


def _failure_row(seen: Lookup, count: Counts) -> tuple[Cell, ...]:
    kinds = ", ".join(f"{kind.replace('_', ' ')} {n:,}" for kind, n in sorted(count.failures.items()))
    figures = (count.planned, count.completed, count.failed, count.missing, count.retried)
    return (Cell(value=seen.label(Key(count.model_id, count.variant_id))), *(Cell(value=f"{n:,}") for n in figures), _text(kinds))


def _facts(seen: Lookup) -> Table:
    """What no model of the run has takes no column."""
    titles = ("Model", "Licence", "Capabilities", "Runtime and server", "Ran on", "Settings", "Served as", "Weights (SHA-256)")
    rows = [_fact_row(seen, key, seen.models.get(key.model_id)) for key in seen.keys]
    told = [place for place in range(len(titles)) if any(row[place].state != "not_applicable" for row in rows)]
    columns = tuple(Column(title=titles[place]) for place in told)
    return Table(id="facts", columns=columns, rows=tuple(tuple(row[place] for place in told) for row in rows))


def _fact_row(seen: Lookup, key: Key, model: ModelSpec | None) -> tuple[Cell, ...]:
    status = seen.status(key)
    endpoint = status.endpoint if status is not None else None
    runtime = _runtime(model.runtime if model else None, endpoint.runtime_version if endpoint else None)
    digest = (endpoint.weights_digest if endpoint else None) or (model.sha256 if model else None)
    return (
        Cell(value=seen.label(key)),
        _text(model.license if model else None) if model and model.license else Cell(value="not stated", state="no_data"),
        _text(", ".join(model.capabilities) if model else None),
        _served_by(runtime, endpoint),
        _ran_on(endpoint),
        _text(_settings(model, seen.variants.get(key.variant_id)) if model else None),
        _text(endpoint.served_model if endpoint else None, is_code=True),
        _text(digest.removeprefix("sha256:")[:12] if digest else None, is_code=True),
    )


def _runtime(name: str | None, version: str | None) -> str:
    """`foundry-local SDK 2.2.1`: a version that begins with the runtime's own name says it once."""
    own = (name or "").replace("-", " ")
    rest = version[len(own) :].strip() if version and own and version.lower().startswith(own) else version
    return " ".join(part for part in (name, rest) if part)


def _served_by(runtime: str, endpoint: Endpoint | None) -> Cell:
    """The runtime; the software that answered, where that is not said by it, and how it was spoken to."""
    server = endpoint.server if endpoint is not None else None
    if server is None:
        return _text(runtime)
    said = " ".join(part for part in (server.name, server.version) if part)
    by = " by its own API" if server.api != "openai" else ""
    is_ours = said.lower() == runtime.lower() and server.dialect == server.name and not by  # nothing that the runtime's name does not say
    return Cell(value=short(runtime), mark="" if is_ours else short(f"{said}, spoken to as {server.dialect}{by}: {server.evidence}"))


def _ran_on(endpoint: Endpoint | None) -> Cell:
    """On what it ran, and what showed that."""
    if endpoint is None:
        return numbers.NOT_APPLICABLE
    if endpoint.placement is None:
        return _text(endpoint.device) if endpoint.device else Cell(value="not shown", state="no_data")
    return Cell(value=short(endpoint.device or endpoint.placement.on), mark=short(endpoint.placement.evidence))


def _asked_of(gpu: Gpu) -> str:
    layers = f", {gpu.layers} layers" if gpu.layers is not None else ""
    devices = f", devices {' '.join(map(str, gpu.devices))}" if gpu.devices else ""
    return f"{gpu.mode}{layers}{devices}"


def _settings(model: ModelSpec, variant: Variant | None) -> str:
    """How it is served; the variant's word wins."""
    said = variant or Variant(id="")
    gpu = said.gpu or model.gpu
    pairs = (
        ("threads", said.threads or model.threads),
        ("context", said.context or model.context),
        ("GPU", _asked_of(gpu) if gpu else None),
        ("device", said.device or model.device),
    )
    return ", ".join(f"{name} {value:,}" if isinstance(value, int) else f"{name} {value}" for name, value in pairs if value is not None)
