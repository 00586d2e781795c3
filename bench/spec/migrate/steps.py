"""The steps from one version of the language to the next, one after the other."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from bench.spec.migrate.places import Edit, Places
from bench.spec.yaml_text import Unreadable, finding

CURRENT = 1  # version of the language that this program reads


def _nothing(_places: Places) -> Iterable[Edit]:
    return ()


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """From a version to the next. `says` names the changes for people.

    `spec` gives the edits of a spec's own text, without that of its `bench:`, which follows by itself. `prompts` gives those of a prompt set.
    A set does not say its version, and several specs may include it: where it is new already there must be none.
    """

    says: str
    spec: Callable[[Places], Iterable[Edit]]
    prompts: Callable[[Places], Iterable[Edit]] = _nothing


STEPS: Mapping[int, Step] = {}
"""The shipped steps by the version that they start from. Version 1 is the only one yet."""


class Migrated(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a text: its versions before and after, and what each step says it does."""

    content: bytes
    before: int
    after: int
    says: tuple[str, ...] = ()


def migrate(content: bytes, file: str, *, steps: Mapping[int, Step] = STEPS, target: int = CURRENT) -> Migrated:
    """A spec in the target version of the language. What is in it already comes back as it is, byte for byte.

    Raises: Unreadable when it is no YAML, says no version or a newer one, or no step leads on.
    """
    before = version = _version(Places(content, file), file, target)
    says = []
    while version < target:
        if (step := steps.get(version)) is None:
            raise Unreadable(finding(file, (1, 1), "language-version", f"no step leads from version {version} of the language to {version + 1}"))
        places = Places(content, file)
        edits = (*step.spec(places), *places.replace(("bench",), str(version + 1)))
        content = _encoded(places.edited(edits), content)
        says.append(step.says)
        version += 1
    return Migrated(content=content, before=before, after=version, says=tuple(says))


def migrate_prompts(content: bytes, file: str, before: int, *, steps: Mapping[int, Step] = STEPS, target: int = CURRENT) -> bytes:
    """A prompt set of a spec that was in version `before`. Raises: Unreadable when it is no YAML."""
    for version in range(before, target):
        if version in steps:
            places = Places(content, file)
            content = _encoded(places.edited(steps[version].prompts(places)), content)
    return content


def included(content: bytes, file: str) -> tuple[str, ...]:
    """The prompt sets that a spec includes. Raises: Unreadable when it is no YAML."""
    data = Places(content, file).data
    prompts = data.get("prompts") if isinstance(data, dict) else None
    entries = prompts if isinstance(prompts, list) else []
    return tuple(name for one in entries if isinstance(one, dict) and isinstance(name := one.get("include"), str))


def _version(places: Places, file: str, target: int) -> int:
    version: Any = places.data.get("bench") if isinstance(places.data, dict) else None
    if not isinstance(version, int) or isinstance(version, bool):
        hint = f"a spec starts with `bench: {target}`"
        raise Unreadable(finding(file, (1, 1), "language-version", "this says no version of the language", hint))
    if version > target:
        message = f"this is version {version} of the language, and this bench knows up to {target}"
        raise Unreadable(finding(file, (1, 1), "language-version", message, "update bench"))
    return version


def _encoded(text: str, before: bytes) -> bytes:
    """The text in bytes, with a byte order mark where there was one."""
    return (b"\xef\xbb\xbf" if before.startswith(b"\xef\xbb\xbf") else b"") + text.encode()
