"""What a gate makes of a run's end: its exit code, and a line of words."""

from collections.abc import Iterable

from bench.errors import Exit
from bench.records.gate import GateResult


def gate_code(result: GateResult) -> Exit:
    """What one gate makes of the exit code."""
    match result.outcome:
        case "pass":
            return Exit.OK
        case "fail":
            return Exit.GATE_FAILED
        case "undecided":
            return Exit.JUDGE_UNUSABLE if result.cause == "judge" else Exit.GATE_UNDECIDED


def has_variants(results: Iterable[GateResult]) -> bool:
    """Whether these gates speak of several variants, so that each must name its own."""
    return len({one.variant_id for one in results if one.variant_id is not None}) > 1


def who(result: GateResult, *, named_variant: bool) -> str:
    """The model a gate is about, with its variant where that is needed; empty where no model took part."""
    if result.model_id is None:
        return ""
    return f"{result.model_id} [{result.variant_id}]" if named_variant else result.model_id


def gate_words(result: GateResult, *, named_variant: bool) -> str:
    """One gate in a line: `gate ttft p95 ≤ 800 ms of m failed: 912 ms [870 ms – 950 ms]: the whole interval …`."""
    of = who(result, named_variant=named_variant)
    verb = {"pass": "passed", "fail": "failed", "undecided": "is undecided"}[result.outcome]
    return f"gate {result.name}{f' of {of}' if of else ''} {verb}: {result.reason}"
