"""Prompt templates: a small part of Jinja that sees only its variables and always ends.

There are output, `if`, `for`, comparisons, arithmetic on numbers, `~`, `range`, and a list of filters and tests. Everything that is not on the
lists is refused before anything is compiled; what is left is bounded while it runs. Strict: an unknown name is an error.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import nodes
from jinja2.exceptions import TemplateError, TemplateSyntaxError, UndefinedError
from jinja2.runtime import LoopContext, StrictUndefined, Undefined
from jinja2.sandbox import SandboxedEnvironment
from jinja2.visitor import NodeTransformer

from bench.spec.filters import FILTERS, MAX_TEXT, LimitReached, joined

MAX_SOURCE = 256 * 2**10  # characters of one template; text without `{{`, `{%` or `{#` is no template
MAX_STEPS = 10_000  # turns of all loops of one template together
MAX_NODES = 2_000
MAX_DEPTH = 40
MAX_RANGE = 1_000
_MAX_NUMBER = 10**15
_FILE = "<prompt>"  # the template's name in tracebacks

_NODES = {
    "Template", "Output", "TemplateData", "Name", "Const", "Getattr", "Getitem", "For", "If", "CondExpr", "Compare", "Operand", "And", "Or",
    "Not", "Filter", "Test", "List", "Tuple", "Dict", "Pair", "Keyword", "Concat", "Add", "Sub", "Mul", "Div", "FloorDiv", "Mod", "Neg", "Pos",
    "Call",
}  # fmt: skip
_TESTS = {
    "boolean", "defined", "divisibleby", "eq", "even", "false", "ge", "gt", "in", "integer", "le", "lt", "mapping", "ne", "none", "number",
    "odd", "sequence", "string", "true", "undefined",
}  # fmt: skip
_LOOP = {"index", "index0", "revindex", "revindex0", "first", "last", "length"}
_WORDS = {
    "Assign": "`{% set %}`", "AssignBlock": "`{% set %}`", "Macro": "`{% macro %}`", "CallBlock": "`{% call %}`", "FilterBlock": "`{% filter %}`",
    "Include": "`{% include %}`", "Import": "`{% import %}`", "FromImport": "`{% import %}`", "Extends": "`{% extends %}`", "Block": "`{% block %}`",
    "With": "`{% with %}`", "Pow": "`**`", "Slice": "a slice",
}  # fmt: skip


class TemplateProblem(Exception):
    """A template cannot be rendered: the code and message of the finding, and the line inside the template, from 1."""

    def __init__(self, code: str, message: str, line: int, hint: str | None = None) -> None:
        """Keep what a finding needs."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.line = line
        self.hint = hint


class Budget:
    """Turns of loops that are left for all templates of a spec."""

    def __init__(self, steps: int) -> None:
        """Start with so many."""
        self.steps = steps

    def counted(self, items: Any) -> Iterator[Any]:
        """The items of a loop, each taken from the budget and from what one template may take."""
        if isinstance(items, Undefined):
            str(items)  # strict: raises
        if isinstance(items, str) or not isinstance(items, Iterable):
            raise TypeError("a loop needs a list; for a mapping write `for key, value in name | items`")
        for item in items:
            self.steps -= 1
            if self.steps < 0:
                raise LimitReached("its loops take too many turns")
            yield item


class _Sandbox(SandboxedEnvironment):
    """Jinja in which attributes are keys of mappings, operators are for numbers, and nothing can be called but `range`."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A key of a mapping, or a fact of the loop."""
        if isinstance(obj, LoopContext) and attribute in _LOOP:
            return getattr(obj, attribute)
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """An entry of a mapping or an item of a list."""
        is_key = isinstance(obj, Mapping) and isinstance(argument, str) and argument in obj
        is_index = isinstance(obj, list | tuple) and isinstance(argument, int) and -len(obj) <= argument < len(obj)
        return obj[argument] if is_key or is_index else self.undefined(obj=obj, name=argument)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic on numbers of a sensible size."""
        for side in (left, right):
            if isinstance(side, Undefined):
                str(side)  # strict: raises
            if isinstance(side, bool) or not isinstance(side, int | float):
                raise TypeError(f"`{operator}` is for numbers; texts are joined with `~`")
            if abs(side) > _MAX_NUMBER:
                raise LimitReached("a number becomes too large")
        return super().call_binop(context, operator, left, right)


def _written(value: Any) -> Any:
    """What `{{ … }}` puts out: texts and numbers."""
    if isinstance(value, Undefined):
        return str(value)  # strict: raises
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise LimitReached(f"more than {MAX_TEXT:,} characters come out")
    if isinstance(value, str | int | float):
        return value
    raise TypeError("only texts and numbers can be written out; use `join` or `tojson` for lists and mappings")


def _range(*bounds: Any) -> range:
    if not all(isinstance(bound, int) and abs(bound) <= _MAX_NUMBER for bound in bounds):
        raise TypeError("`range` takes whole numbers")
    numbers = range(*bounds)
    if len(numbers) > MAX_RANGE:
        raise LimitReached(f"a range has more than {MAX_RANGE:,} numbers")
    return numbers


_ENVIRONMENT = _Sandbox(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True, optimized=False, finalize=_written, cache_size=0)
_ENVIRONMENT.globals = {"range": _range}
_ENVIRONMENT.filters = {**FILTERS, "_joined": joined, "_counted": iter}  # `_counted` is each rendering's own
_ENVIRONMENT.tests = {name: test for name, test in _ENVIRONMENT.tests.items() if name in _TESTS or not name.isidentifier()}


def render(text: str, variables: Mapping[str, Any], budget: Budget) -> str:
    """The text with its variables in place.

    Raises: TemplateProblem for syntax, forbidden constructs, unknown names and reached bounds.
    """
    environment = _ENVIRONMENT.overlay()
    turns = Budget(min(MAX_STEPS, budget.steps))
    environment.filters = {**_ENVIRONMENT.filters, "_counted": turns.counted}
    try:
        template = environment.template_class.from_code(environment, _compiled(text), dict(environment.globals))
        return _within(template.generate(dict(variables)))
    except UndefinedError as error:
        known = ", ".join(f"`{name}`" for name in sorted(variables)) or "none"
        message = f"{error.message or 'an unknown name'} in this template".replace("'", "`")
        raise TemplateProblem("template-undefined", message, _line(error), f"variables of this prompt: {known}") from error
    except (LimitReached, RecursionError, MemoryError) as error:
        message = f"the template goes too far: {error or 'it is nested too deeply'}"
        raise TemplateProblem("template-limit", message, _line(error), "make its loops and texts smaller") from error
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError, SyntaxError) as error:
        message = f"the template fails: {str(error).partition(chr(10))[0][:160] or type(error).__name__}"
        raise TemplateProblem("template-error", message, _line(error), "check the kinds of its variables") from error
    finally:
        budget.steps -= min(MAX_STEPS, budget.steps) - turns.steps


def _within(pieces: Iterable[str]) -> str:
    """All that a template puts out, while it is short enough."""
    parts: list[str] = []
    size = 0
    for part in pieces:
        size += len(part)
        if size > MAX_TEXT:
            raise LimitReached(f"more than {MAX_TEXT:,} characters come out")
        parts.append(part)
    return "".join(parts)


@lru_cache(maxsize=256)
def _compiled(text: str) -> Any:
    """The code of a template whose every construct is allowed."""
    if len(text) > MAX_SOURCE:
        raise TemplateProblem("template-limit", f"a template has at most {MAX_SOURCE:,} characters", 1, "move long text into `vars`")
    try:
        tree = _ENVIRONMENT.parse(text)
    except TemplateSyntaxError as error:
        message = str(error.message or "not a template").rstrip(".")
        hint = "write `{{ name }}` for a variable; text with braces goes between `{% raw %}` and `{% endraw %}`"
        raise TemplateProblem("template-syntax", f"the template does not parse: {message}", error.lineno, hint) from error
    _check(tree)
    for loop in list(tree.find_all(nodes.For)):
        loop.iter = nodes.Filter(loop.iter, "_counted", [], [], None, None, lineno=loop.lineno)
    _Concatenation().visit(tree)
    return _ENVIRONMENT.compile(tree, filename=_FILE)


def _check(tree: nodes.Template) -> None:
    waiting: list[tuple[nodes.Node, int]] = [(tree, 0)]
    seen = 0
    while waiting:
        node, depth = waiting.pop()
        seen += 1
        if seen > MAX_NODES or depth > MAX_DEPTH:
            raise TemplateProblem("template-limit", "the template is too large or nested too deeply", node.lineno, "make it simpler")
        if (what := _forbidden(node)) is not None:
            hint = "templates know variables, `if`, `for`, `~`, `range`, and filters such as `join`"
            raise TemplateProblem("template-forbidden", f"{what} is not available in prompts", node.lineno, hint)
        waiting.extend((child, depth + 1) for child in node.iter_child_nodes())


def _forbidden(node: Any) -> str | None:
    """What is not on the lists, in words; None when all is well."""
    kind = type(node).__name__
    what: str | None = None
    match kind:
        case _ if kind not in _NODES:
            what = _WORDS.get(kind, f"`{kind.lower()}`")
        case "Getattr" if node.attr.startswith("_"):
            what = f"the attribute `{node.attr}`"
        case "Name" if node.name.startswith("_") or node.name == "self":
            what = f"the name `{node.name}`"
        case "Filter" if node.name not in FILTERS:
            what = f"the filter `{node.name}`"
        case "Test" if node.name not in _TESTS:
            what = f"the test `{node.name}`"
        case "Call" if not isinstance(node.node, nodes.Name) or node.node.name != "range" or node.dyn_args or node.dyn_kwargs or node.kwargs:
            what = f"a call of `{getattr(node.node, 'name', None) or getattr(node.node, 'attr', 'this')}`"
        case "For" if node.recursive:
            what = "`for … recursive`"
    return what


class _Concatenation(NodeTransformer):
    """Turns every `a ~ b` into a filter that looks at the length first."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:  # noqa: N802  (the visitor's way to name it)
        self.generic_visit(node)
        return nodes.Filter(node.nodes[0], "_joined", node.nodes[1:], [], None, None, lineno=node.lineno)


def _line(error: BaseException) -> int:
    """The line of the template in which an error arose."""
    line, trace = 1, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == _FILE:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
