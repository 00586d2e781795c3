"""Checks of third parties."""

from typing import Any

from bench.errors import ExtensionBroke
from bench.extensions.guard import Origin, a, attempt
from bench.protocols import CheckRule, ComparingRule, Verdict

CHECK_S = 10.0  # for one answer: the same as bench's own checks of foreign patterns may take is far less


def check(origin: Origin, kind: Any, argument: Any) -> CheckRule:
    """The check, made with its argument. ValueError says that the argument makes no sense.

    Raises: ExtensionBroke.
    """
    return _rule(origin, attempt(origin, "when it was made", lambda: kind(argument), passes=(ValueError,), limit_s=CHECK_S))


def _rule(origin: Origin, rule: Any) -> CheckRule:
    if not callable(getattr(rule, "decide", None)):
        raise origin.odd("when it was made", rule, "an object with `decide(text)`")
    return GuardedComparingCheck(origin, rule) if isinstance(rule, ComparingRule) else GuardedCheck(origin, rule)


class GuardedCheck:
    """A check whose trouble is a verdict that it could not decide. One that hung is not asked again."""

    def __init__(self, origin: Origin, rule: Any) -> None:
        """Around this rule."""
        self._origin, self._rule = origin, rule
        self._given_up: str | None = None

    def decide(self, text: str) -> Verdict:
        """The verdict on one answer."""
        if self._given_up is not None:
            return Verdict(passed=None, detail=self._given_up)
        try:
            found = attempt(self._origin, "on an answer", lambda: self._rule.decide(text), limit_s=CHECK_S)
            return a(self._origin, "on an answer", found, Verdict)
        except ExtensionBroke as broke:
            if broke.is_overdue:
                self._given_up = f"{broke.message}; it is not asked again"
            return Verdict(passed=None, detail=broke.message)


class GuardedComparingCheck(GuardedCheck):
    """One that compares with the prompt's reference."""

    def beside(self, reference: str | None) -> CheckRule:
        """The rule with the reference at hand."""
        made = attempt(self._origin, "with a reference", lambda: self._rule.beside(reference), passes=(ValueError,), limit_s=CHECK_S)
        if not callable(getattr(made, "decide", None)):
            raise self._origin.odd("with a reference", made, "an object with `decide(text)`")
        return GuardedCheck(self._origin, made)
