"""Settings of load shapes as written in a spec: read strictly, and refused with what to write instead."""

from collections.abc import Iterable
from difflib import get_close_matches
from math import isfinite
from typing import TypeVar

import msgspec

from bench.records.quantity import seconds
from bench.records.spec import Load

Duration = str | float
"""A duration as written: `10 s`, or a number of seconds."""

_Record = TypeVar("_Record", bound=msgspec.Struct)


def read(load: Load, record: type[_Record], *, has_steps: bool = False) -> _Record:
    """The settings of a load as a shape's own record.

    Raises: ValueError that names the key, with what is allowed.
    """
    if load.concurrency < 1:
        raise ValueError(f"concurrency is {load.concurrency}; expected at least 1")
    if load.steps < 1 or (load.steps > 1 and not has_steps):
        raise ValueError(f"`steps` is {load.steps}; " + ("expected at least 1" if has_steps else f"load `{load.kind}` does not rise in steps"))
    known = {field.encode_name: field for field in msgspec.structs.fields(record)}
    for key in load.settings:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"it knows {_listed(('concurrency', *known))}"
            raise ValueError(f"load `{load.kind}` does not know `{key}`; {hint}")
    missing = [name for name, field in known.items() if field.required and name not in load.settings]
    if missing:
        raise ValueError(f"load `{load.kind}` needs {_listed(missing)}")
    try:
        return msgspec.convert(load.settings, record)
    except msgspec.ValidationError as error:
        raise ValueError(f"load `{load.kind}`: {error}") from error


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def positive(value: float, name: str) -> float:
    """A finite number above 0. Raises: ValueError when it is none."""
    if not isfinite(value) or value <= 0:
        raise ValueError(f"`{name}` is {value:g}; expected a number above 0")
    return float(value)


def duration_s(value: Duration, name: str) -> float:
    """Seconds above 0. Raises: ValueError when it is none."""
    try:
        return positive(seconds(value), name)
    except ValueError as error:
        raise ValueError(f"`{name}`: {error}") from error


def max_wait_s(value: Duration | None) -> float | None:
    """How long an arrival may wait for a free place, None without a limit. Unit: s. Raises: ValueError when it is no duration."""
    return None if value is None else duration_s(value, "max_wait")
