"""What a gate makes of a run's end: its exit code, and a line of words."""

from bench.errors import Exit
from bench.records.gate import GateResult, who


def gate_code(result: GateResult) -> Exit:
    """What one gate makes of the exit code."""
    match result.outcome:
        case "pass":
            return Exit.OK
        case "fail":
            return Exit.GATE_FAILED
        case "undecided":
            return Exit.JUDGE_UNUSABLE if result.cause == "judge" else Exit.GATE_UNDECIDED


def gate_words(result: GateResult, *, named_variant: bool) -> str:
    """One gate in a line: `gate ttft p95 ≤ 800 ms of m failed: 912 ms [870 ms – 950 ms]: the whole interval …`."""
    of = who(result, named_variant=named_variant)
    verb = {"pass": "passed", "fail": "failed", "undecided": "is undecided"}[result.outcome]
    return f"gate {result.name}{f' of {of}' if of else ''} {verb}: {result.reason}"
