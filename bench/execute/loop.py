"""The event loop that the wire needs: one that can watch sockets.

Windows' own default cannot, so a selector loop is asked for everywhere. What is lost there: `select` takes at most 512 sockets, and no subprocess can
be watched by the loop (none is: servers are watched by threads).
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run this to its end, as `asyncio.run` does."""
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        return runner.run(work)
