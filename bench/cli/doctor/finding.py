"""One thing that was looked at."""

from typing import Literal

import msgspec

State = Literal["ok", "absent", "problem"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at, how it is, and what to do about it.

    `absent` is something that can be added and is not needed; `problem` something that is there and does not work well. `is_needed` marks what no run
    goes without: a problem there makes the exit code other than 0.
    """

    what: str
    state: State
    detail: str
    advice: str | None = None
    is_needed: bool = False
