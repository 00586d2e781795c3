"""A user's template in a process of its own: whatever it does, it ends within a time, a memory and an output limit.

Jinja's sandbox keeps a template away from Python; only an own process keeps it from using the machine up.
"""

import subprocess
import sys
from typing import Literal

import msgspec

from bench.records.view import View
from bench.report import template
from bench.report.escape import short

Kind = Literal["markdown", "html"]

TIMEOUT_S = 20.0  # the shipped template takes well under a second for the largest report
MEMORY_BYTES = 2**30
MOST_TEMPLATE = 1_000_000  # characters


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What the process is asked: the template, and the view as the record's own JSON."""

    source: str
    name: str
    kind: Kind
    view: View
    more: dict[str, str] = {}


class Done(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What it answers: the document, or what is wrong with the template."""

    text: str | None = None
    problem: str | None = None
    hint: str | None = None


def name(view: View) -> str:
    """What errors call the user's template: the name it was given by, else its path as the spec has it."""
    if view.template_name:
        return short(view.template_name, 200)
    declared = view.spec.get("report")
    path = declared.get("template") if isinstance(declared, dict) else None
    return short(path, 200) if isinstance(path, str) else "report template"


def render(source: str, kind: Kind, view: View, *, timeout_s: float = TIMEOUT_S, **more: str) -> str:
    """The document by a user's template.

    Raises: ReportTemplateError with the template's name and line, or the limit that it broke.
    """
    called = name(view)
    if len(source) > MOST_TEMPLATE:
        raise template.ReportTemplateError(f"{called}: {len(source):,} characters; a template has at most {MOST_TEMPLATE:,}")
    job = msgspec.json.encode(Job(source=source, name=called, kind=kind, view=view, more=more))
    command = [sys.executable, "-P", "-m", "bench.report.isolated"]  # -P: the working directory holds a user's files, not modules
    try:
        ended = subprocess.run(command, input=job, capture_output=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired as error:
        message = f"{called}: not rendered within {timeout_s:g} s"
        raise template.ReportTemplateError(message, hint="a loop inside a loop over many things? Compute less in the template") from error
    try:
        done = msgspec.json.decode(ended.stdout, type=Done)
    except msgspec.DecodeError as error:
        message = f"{called}: rendering it needed more memory than {MEMORY_BYTES // 2**20:,} MiB, or was killed (exit code {ended.returncode})"
        raise template.ReportTemplateError(message, hint="compute less in the template") from error
    if done.text is None:
        raise template.ReportTemplateError(done.problem or f"{called}: no output", hint=done.hint)
    return done.text


def answer(job: bytes) -> bytes:
    """What the process answers to one job."""
    asked = msgspec.json.decode(job, type=Job)
    try:
        done = Done(text=template.render(asked.source, asked.name, asked.kind, asked.view, is_own=False, **asked.more))
    except template.ReportTemplateError as error:
        done = Done(problem=error.message, hint=error.hint)
    return msgspec.json.encode(done)


def _limit() -> None:
    """Bound memory where the system can (not on Windows; there the time limit alone holds)."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - Unix only

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (int(TIMEOUT_S), int(TIMEOUT_S) + 1))


if __name__ == "__main__":
    _limit()
    sys.stdout.buffer.write(answer(sys.stdin.buffer.read()))
