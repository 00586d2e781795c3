"""Where the command `foundry` says that a service runs. It is asked, never told to start one."""

import re
import shutil
import subprocess
from collections.abc import Mapping

import msgspec

_ASKING = (("status",), ("service", "status"))  # since 0.10, and before
_WITHIN_S = 10.0
_ADDRESS = re.compile(r"https?://(?:localhost|127\.0\.0\.1|\[::1\]):\d{1,5}")


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """The address of a running service on this machine, or in `said` why none is known."""

    address: str | None = None
    said: str = ""


def running_service(environ: Mapping[str, str]) -> Told:
    """What the command tells, where there is one."""
    program = shutil.which("foundry", path=environ.get("PATH"))
    if program is None:
        return Told(said="The command `foundry` is not installed")
    for words in _ASKING:
        try:
            done = subprocess.run(
                [program, *words],
                check=False,
                capture_output=True,
                timeout=_WITHIN_S,
                stdin=subprocess.DEVNULL,
                env=dict(environ),
                text=True,
                errors="replace",
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return Told(said=f"`foundry {' '.join(words)}` failed: {type(error).__name__}")
        if (found := _ADDRESS.search(done.stdout[:65536])) is not None:
            return Told(address=found[0])
    return Told(said="`foundry status` tells of no running service")
