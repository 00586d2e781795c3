"""promptfoo's assertions as aspects: what a program can decide becomes a check, what a model grades becomes a question for the judge."""

from collections.abc import Mapping
from typing import Any

import msgspec

from bench.interchange.findings import Spot, quoted
from bench.interchange.promptfoo.decisions import CODE, MODEL_GRADED, NotCarried
from bench.interchange.promptfoo.decisions import bodies as decisions_of
from bench.interchange.promptfoo.reading import DATA, Config, is_code
from bench.interchange.promptfoo.templates import Templates
from bench.protocols import Extensions


class Fact(msgspec.Struct, frozen=True):
    """One aspect to be: its name, its decision (`check`, `expect` or `forbid`), its weight; `decides`: it counts for passing."""

    name: str
    body: dict[str, Any]
    weight: float = 1.0
    decides: bool = True


class Limit(msgspec.Struct, frozen=True):
    """A bound on time or money: a gate of the whole run, where every test has it."""

    metric: str
    most: float
    spot: Spot


_READ = {"type", "value", "weight", "metric", "$ref"}
_OF_GRADED = ("threshold", "provider", "rubricPrompt")


class Asserted(msgspec.Struct, frozen=True):
    """What a test's assertions became; `lost` are lines for comments."""

    facts: tuple[Fact, ...] = ()
    limits: tuple[Limit, ...] = ()
    lost: tuple[str, ...] = ()
    reference: str | None = None


class Assertions:
    """Turns assertions into facts."""

    def __init__(self, config: Config, templates: Templates, extensions: Extensions) -> None:
        """What is needed to read values, to fill templates, and to try checks."""
        self._config = config
        self._templates = templates
        self._extensions = extensions

    def of(self, given: tuple[tuple[dict[str, Any], Spot], ...], variables: Mapping[str, Any], *, is_scored: bool) -> Asserted:
        """All facts of one test. `is_scored`: a share of its score is enough, so every assertion must stay one aspect."""
        made = [self._one(assertion, spot, variables, is_scored=is_scored) for assertion, spot in given]
        return Asserted(
            facts=tuple(fact for one in made for fact in one.facts),
            limits=tuple(limit for one in made for limit in one.limits),
            lost=tuple(line for one in made for line in one.lost),
            reference=next((one.reference for one in made if one.reference), None),
        )

    def _one(self, assertion: dict[str, Any], spot: Spot, variables: Mapping[str, Any], *, is_scored: bool) -> Asserted:
        kind = assertion.get("type")
        if not isinstance(kind, str):
            return self._lost(spot, "this `$ref` leads nowhere" if "$ref" in assertion else "this assertion has no type")
        if kind == "assert-set":
            return self._set(assertion, spot, variables, is_scored=is_scored)
        if kind in {"latency", "cost"} and _is_number(assertion.get("threshold")):
            return Asserted(limits=(Limit(kind, float(assertion["threshold"]), spot),))
        weight = assertion.get("weight", 1)
        bare = kind.removeprefix("not-")
        try:
            if not _is_number(weight) or weight < 0:
                raise NotCarried("its weight is no number from 0")  # noqa: TRY301 - ends like every other reason
            value = self._value(assertion, spot, variables)
            bodies, reference = decisions_of(bare, value, is_not=bare != kind, is_scored=is_scored)
            self._try(bodies)
        except NotCarried as reason:
            return self._lost(spot, f"{quoted(kind)}: {reason.why}", reason.hint)
        self._note(assertion, spot, bare)
        name = str(assertion.get("metric") or kind)
        facts = tuple(Fact(name, body, float(weight) or 1.0, decides=weight > 0) for body in bodies)
        return Asserted(facts=facts, reference=reference)

    def _lost(self, spot: Spot, what: str, hint: str | None = None) -> Asserted:
        return Asserted(lost=(self._config.findings.left_out(spot, what, hint),))

    def _try(self, bodies: list[dict[str, Any]]) -> None:
        """Make every check once. Raises: NotCarried with what bench says of it."""
        for name, argument in (pair for body in bodies for pair in body.get("check", {}).items()):
            if (problem := self._extensions.problem("check", name, argument)) is not None:
                raise NotCarried(problem)

    def _value(self, assertion: dict[str, Any], spot: Spot, variables: Mapping[str, Any]) -> Any:
        """The value with files opened and variables filled in."""
        value = assertion.get("value")
        name = self._config.file_named(value)
        if name is None:
            return self._templates.filled(value, variables, spot.at("value"))
        if is_code(name):
            return CODE
        if name.endswith(DATA):
            inner = self._config.data(name, spot.at("value"))
            return inner.value if inner is not None else None
        return self._config.text(name, spot.at("value"))

    def _set(self, assertion: dict[str, Any], spot: Spot, variables: Mapping[str, Any], *, is_scored: bool) -> Asserted:
        """A group: its assertions one by one, where all of them must hold."""
        inner = tuple((one.value, one) for one in spot.at("assert").items() if isinstance(one.value, dict))
        for key in assertion.keys() - {"type", "assert", "threshold"}:
            self._config.findings.left_out(spot.at(key), f"{quoted(key)} of a group of assertions has no counterpart", "its assertions stand alone")
        if "threshold" in assertion or (is_scored and len(inner) > 1):
            what = "a group with a share of its own to reach cannot stand among other aspects"
            return self._lost(spot, what, "give the whole test a `threshold` instead")
        return self.of(inner, variables, is_scored=is_scored)

    def _note(self, assertion: dict[str, Any], spot: Spot, bare: str) -> None:
        """Say where an aspect means something a little different."""
        if bare in MODEL_GRADED:
            self._config.findings.differs(
                spot, f"`{bare}` becomes a question for bench's judge: yes or no, not a score", "docs/judging.md says how it is asked"
            )
            for key in _OF_GRADED:
                if key in assertion:
                    self._config.findings.left_out(
                        spot.at(key), f"`{key}` of a graded assertion is not carried over", "`judge:` says who grades, and how"
                    )
        if bare == "contains-json":
            self._config.findings.differs(spot, "`contains-json` looks at the last JSON in the answer, and takes no unquoted keys")
        for key in assertion:
            if key not in _READ and not (bare in MODEL_GRADED and key in _OF_GRADED):
                self._config.findings.left_out(spot.at(key), f"the assertion's `{key}` has no counterpart", "check the answer as it is")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
