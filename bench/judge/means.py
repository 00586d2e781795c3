"""What a grader works with."""

from collections.abc import Mapping
from typing import Any

import msgspec

from bench.protocols import Questioner
from bench.records.judging import Capabilities


class JudgeMeans(msgspec.Struct, frozen=True, kw_only=True):
    """A judge that is up, what it can do, and how it is to be asked.

    `settings` are those of the spec's `judge:` (samples, balance, …). `templates` maps a template's name to its text, where a user overrides the
    shipped one. `members` are the graders of a panel's or an escalation's further judges, by name, in order; they are ready to grade. `seed` makes
    draws, orders and nonces repeatable.
    """

    questioner: Questioner
    capabilities: Capabilities
    settings: Mapping[str, Any] = {}
    templates: Mapping[str, str] = {}
    members: Mapping[str, Any] = {}
    seed: int = 0
