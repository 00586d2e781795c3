"""Which part of a spec's version must rise, and whether it did. Source: semver.org, 2.0.0, for the order of versions."""

import re

from bench.records.diff import Effect, Part, VersionRise

RISES: dict[Effect, Part] = {"treatment": "major", "measurement": "major", "scope": "minor", "policy": "patch", "cosmetic": "patch"}

_Version = tuple[tuple[int, int, int], tuple[tuple[bool, int, str], ...] | None]


def rise(before: str, after: str, effect: Effect | None) -> VersionRise:
    """The part that must rise for changes up to this effect; none for no change. A version that fell is never enough.

    A version before its release (`2.0.0-rc.1`) may change as it likes, once it stands for the part that must rise.
    """
    part = "none" if effect is None else RISES[effect]
    (old, old_pre), (new, new_pre) = _read(before), _read(after)
    major, minor, patch = old
    least = {
        "none": old,
        "patch": old if old_pre is not None else (major, minor, patch + 1),
        "minor": old if old_pre is not None and patch == 0 else (major, minor + 1, 0),
        "major": old if old_pre is not None and (minor, patch) == (0, 0) else (major + 1, 0, 0),
    }[part]
    is_higher = (new, new_pre is None, new_pre or ()) > (old, old_pre is None, old_pre or ())
    is_enough = (is_higher and new >= least) if part != "none" else is_higher or after == before
    shown = before if part == "none" else ".".join(map(str, least))
    return VersionRise(before=before, after=after, part=part, least=shown, is_enough=is_enough)


def _read(version: str) -> _Version:
    """A version's numbers, and its identifiers before a release: numbers come before words."""
    core, _, rest = version.partition("-")
    major, minor, patch = (int(number) for number in core.split("."))
    if not rest:
        return (major, minor, patch), None
    parts = tuple((not part.isdigit(), int(part) if re.fullmatch("[0-9]+", part) else 0, part) for part in rest.split("."))
    return (major, minor, patch), parts
