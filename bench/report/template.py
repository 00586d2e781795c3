"""Templates to text: everything a template prints is escaped for its format, unknown names are errors, and the output is bounded."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from jinja2 import Environment, StrictUndefined, Template, TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from bench.errors import BenchError, Exit
from bench.records.view import View
from bench.report import escape

MOST_CHARACTERS = 20_000_000  # of one report: far beyond what a person or a browser reads


class ReportTemplateError(BenchError):
    """A report template that cannot be rendered. Says which one and where."""

    code = Exit.USAGE


def environment(kind: str, *, is_own: bool = False) -> Environment:
    """The environment of `markdown` or `html` templates; without the sandbox, which takes half of the time, for our own.

    Autoescaping is on for both: what is not yet `Markup` goes through the format's own escaping first.
    """
    printed: Callable[[Any], Any] = _markdown_printed if kind == "markdown" else _html_printed
    made = (Environment if is_own else ImmutableSandboxedEnvironment)(
        undefined=StrictUndefined, autoescape=True, finalize=printed, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    made.filters["code"] = _code if kind == "markdown" else escape.visible
    made.filters["cell_code"] = escape.markdown_code
    made.filters["block"] = escape.markdown_block
    made.filters["visible"] = escape.visible
    made.filters["tight"] = escape.markdown_tight
    made.filters["prose"] = escape.html_prose
    return made


def _markdown_printed(value: Any) -> Markup:
    return value if isinstance(value, Markup) else escape.markdown(str(value))


def _html_printed(value: Any) -> Any:
    return value if isinstance(value, Markup) else escape.visible(str(value))


def _code(text: str) -> Markup:
    return escape.markdown_code(text, in_table=False)


@lru_cache(maxsize=4)
def _own(source: str, kind: str) -> Template:
    """A shipped template, compiled."""
    return environment(kind, is_own=True).from_string(source)


def render(source: str, name: str, kind: str, view: View, *, is_own: bool = False, **more: Any) -> str:
    """The document. `name` is what an error calls the template; `is_own`: it is a shipped one.

    Raises: ReportTemplateError with the template's name and line.
    """
    if "css" in more:
        more["css"] = Markup(more["css"])  # noqa: S704 - our own file, and a style's quotes must stay quotes
    parts, length = [], 0
    try:
        template = _own(source, kind) if is_own else environment(kind).from_string(source)
        for part in template.generate(view=view, **more):
            length += len(part)
            if length > MOST_CHARACTERS:
                raise ReportTemplateError(f"{name}: the report grew beyond {MOST_CHARACTERS:,} characters", hint="check the template's loops")
            parts.append(part)
    except TemplateSyntaxError as error:
        raise ReportTemplateError(f"{name}:{error.lineno}: {error.message}", hint=_HINT) from error
    except (TemplateError, TypeError, ValueError, ArithmeticError, AttributeError, LookupError, RecursionError, MemoryError) as error:
        line = _line(error)
        place = f"{name}:{line}" if line else name
        raise ReportTemplateError(f"{place}: {_what(error)}", hint=_HINT) from error
    return "".join(parts)


def _what(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return "it needs more memory than a template may have"
    return escape.short(str(error)) or type(error).__name__


_HINT = "a report template sees `view`, a bench.records.view.View; the shipped templates/report.md.j2 is an example"


def _line(error: BaseException) -> int | None:
    """The template's line that an error came from: Jinja rewrites tracebacks so that a template's frames carry its own line numbers."""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
