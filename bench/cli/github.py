"""Gates as GitHub shows them: an annotation at the gate's line of the spec, and a table on the page of the job."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench.cli.console import line
from bench.gate.ends import gate_words
from bench.records.gate import GateResult, has_variants
from bench.records.source import Diagnostic
from bench.report.gates import as_markdown
from bench.spec.diagnostics import render


def is_there(environ: Mapping[str, str]) -> bool:
    """Whether this runs in a job of GitHub."""
    return environ.get("GITHUB_ACTIONS") == "true"


def annotations(results: Sequence[GateResult]) -> str:
    """A line for each gate that did not pass: an error for one that failed, a warning for one that is undecided."""
    return render(_findings(results), (), "github")


def _findings(results: Sequence[GateResult]) -> Iterator[Diagnostic]:
    named = has_variants(results)
    for one in results:
        if one.outcome != "pass":
            failed = one.outcome == "fail"
            yield Diagnostic(
                code="gate-failed" if failed else "gate-undecided",
                severity="error" if failed else "warning",
                message=gate_words(one, named_variant=named),
                position=one.position,
                pointer=f"/gates/{one.gate}",
            )


def summarise(title: str, results: Sequence[GateResult], environ: Mapping[str, str]) -> None:
    """Add the gates to the page of the job, where there is one and the spec has gates."""
    name = environ.get("GITHUB_STEP_SUMMARY")
    if not name or not results:
        return
    try:
        with Path(name).open("a", encoding="utf-8", errors="replace") as page:
            page.write(as_markdown(title, results) + os.linesep)
    except OSError as error:
        line(f"the job's page cannot be written: {error.strerror or error}")
