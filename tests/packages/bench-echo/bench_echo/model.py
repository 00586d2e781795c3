"""A model inside bench's own process: it says the prompt again, word by word."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.protocols import Adapter, Ending


class Echo(Adapter):
    """`runtime: echo`. Settings: `pause` between two words, in seconds."""

    device = "cpu"  # optional: where it runs, in words
    slots = 1  # optional: how many answers it writes at once

    def load(self, settings: Mapping[str, Any]) -> None:
        """Make the model ready; a real one reads its weights here."""
        self._pause_s = float(settings.get("pause", 0.0))

    def generate(self, messages: Sequence[Mapping[str, str]], settings: Mapping[str, Any]) -> Iterator[str | Ending]:
        """The answer, piece by piece."""
        words = messages[-1]["content"].split()
        most = int(settings.get("max_tokens", len(words)))
        for word in words[:most]:
            time.sleep(self._pause_s)
            yield f"{word} "
        reason = "length" if most < len(words) else "stop"
        yield Ending(finish_reason=reason, prompt_tokens=len(words), completion_tokens=min(most, len(words)))
