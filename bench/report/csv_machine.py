"""Rows of the CSV report about the machine: what was used, what contended, and energy with its source."""

from collections.abc import Iterator
from typing import Any

import msgspec

from bench.records.estimate import Summary
from bench.records.telemetry import EnergyFacts, MachineUse

_UNITS = {"_bytes": "B", "_s": "s", "_cores": "cores", "_share": "share", "_w": "W", "_j": "J", "mhz": "MHz", "_c": "°C", "utilisation": "share"}
_USE = (
    "window_s", "read_s", "model_cores", "client_cores", "others_cores", "steal_share", "rss_peak_bytes", "threads", "processes",
    "available_least_bytes", "swap_in_bytes", "swap_out_bytes", "pressure_cpu", "pressure_memory", "pressure_io", "mhz",
)  # fmt: skip
_ENERGY = ("window_s", "gross_j", "idle_w", "idle_j", "net_j", "counter_j", "integral_j", "per_request_j", "per_token_j")


def rows(summary: Summary) -> Iterator[dict[str, Any]]:
    """All of it; a model's variants that share a server share a row, which names the first of them."""
    for use in summary.machine:
        yield from _use(use)
    for facts in summary.energy:
        yield from _energy(facts)
    for source in summary.sources:
        yield {"kind": "source", "metric": source.name, "state": source.state, "note": source.detail}


def _use(use: MachineUse) -> Iterator[dict[str, Any]]:
    place = {"model_id": use.model_id, "variant_id": use.variant_ids[0] if use.variant_ids else ""}
    for name in _USE:
        yield {"kind": "machine", **place, "metric": name, **_value(name, getattr(use, name))}
    for gpu in use.gpus:
        for name, value in msgspec.structs.asdict(gpu).items():
            if name not in {"id", "name", "reasons"}:
                yield {"kind": "gpu", **place, "metric": name, **_value(name, value), "note": f"{gpu.id}: {gpu.name}"}
    for one in use.contention:
        note = f"{one.text}; limit {one.limit:.6g}; may be spoilt: {', '.join(one.spoils)}"
        row = {"statistic": "value", "state": "value", "value": one.value, "unit": one.unit, "note": note}
        yield {"kind": "contention", **place, "metric": one.kind, **row}


def _energy(facts: EnergyFacts) -> Iterator[dict[str, Any]]:
    place = {"model_id": facts.model_id, "variant_id": facts.variant_id}
    for name in _ENERGY:
        method = f"{facts.basis}: {', '.join(facts.sources)}"
        yield {"kind": "energy", **place, "metric": name, **_value(name, getattr(facts, name)), "method": method, "note": "; ".join(facts.notes)}


def _value(name: str, value: float | None) -> dict[str, Any]:
    unit = next((unit for ending, unit in _UNITS.items() if name.endswith(ending)), "share" if name.startswith("pressure") else "")
    return {"statistic": "value", "state": "not applicable" if value is None else "value", "value": value, "unit": unit}
