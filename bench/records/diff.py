"""What changed between two versions of a spec, what that means for what was measured, and what measuring it again takes."""

from typing import Literal

import msgspec

from bench.records.plan import Budget
from bench.records.source import Position

Effect = Literal["cosmetic", "policy", "scope", "measurement", "treatment"]
"""What a change does, the least first. *cosmetic*: nothing measured or decided changes. *policy*: what is made of the results (gates, cost, report).
*scope*: trials are added or removed, the rest stays comparable. *measurement*: how it is measured or graded, so numbers are not comparable.
*treatment*: what is sent, or what answers, so those cells are new."""

Redo = Literal["nothing", "grade", "run"]
"""What becomes of trials that stay in the plan: their results hold, their answers must be graded again, or they must be run again."""

Part = Literal["none", "patch", "minor", "major"]
"""A part of a version, MAJOR.MINOR.PATCH."""

EFFECTS: tuple[Effect, ...] = ("cosmetic", "policy", "scope", "measurement", "treatment")


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of a text that was changed word by word."""

    kind: Literal["same", "removed", "added"]
    text: str


class SpecChange(msgspec.Struct, frozen=True, kw_only=True):
    """One change by identity. `where` are the keys of the language that lead to it; `why` says what makes it have its effect.

    `before` and `after` are values as short text; a longer text has `pieces` in their place. `file`: the prompt set where it stands.
    `before_at`, `after_at`: where it is written in each version, or what is nearest around it; files are seen from the spec's folder.
    """

    where: tuple[str, ...]
    kind: Literal["added", "removed", "changed", "renamed", "text"]
    effect: Effect
    why: str
    redo: Redo = "nothing"
    before: str | None = None
    after: str | None = None
    pieces: tuple[Piece, ...] = ()
    file: str = ""
    before_at: Position | None = None
    after_at: Position | None = None


class TrialFate(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of the measured trials of one model and variant, by their ids.

    `kept`: their results hold. `graded_again`: their answers hold. `run_again`: the same prompt and round, but something else is sent, answers or
    measures. `added` and `removed`: rounds of cells that one of the two specs lacks.
    """

    model_id: str
    variant_id: str
    kept: int = 0
    graded_again: int = 0
    run_again: int = 0
    added: int = 0
    removed: int = 0


class VersionRise(msgspec.Struct, frozen=True, kw_only=True):
    """The part of the spec's `version` that must rise, and whether it did. `least` is the lowest version that would do."""

    before: str
    after: str
    part: Part
    least: str
    is_enough: bool


class SpecDiff(msgspec.Struct, frozen=True, kw_only=True):
    """Two versions of one spec. `before` and `after` are what was compared, as typed; None where a version has no such spec.

    `moved`: what only stands at another place, which is no change. `rerun`: what running `run_again` and `added` takes; None when there is none.
    `note`: what else there is to say. `is_broken`: the newer version is not valid.
    """

    name: str
    before: str | None
    after: str | None
    effect: Effect | None = None
    changes: tuple[SpecChange, ...] = ()
    moved: tuple[str, ...] = ()
    trials: tuple[TrialFate, ...] = ()
    rerun: Budget | None = None
    version: VersionRise | None = None
    note: str | None = None
    is_broken: bool = False


class DiffReport(msgspec.Struct, frozen=True, kw_only=True):
    """All specs that were compared. `base` is the commit that `--base` meant; `note`: what of the comparison is not as asked."""

    specs: tuple[SpecDiff, ...]
    base: str | None = None
    note: str | None = None
