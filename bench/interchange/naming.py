"""Names of a spec made from what strangers wrote: safe as file names, short, each once."""

import re

_LENGTH = 48


class Names:
    """Gives out names; a second wish for one gets a number."""

    def __init__(self, otherwise: str) -> None:
        """`otherwise`: what a thing is called whose own name leaves nothing over."""
        self._otherwise = otherwise
        self._given: set[str] = set()

    def of(self, wish: str) -> str:
        """A name close to the wish that was not given out yet."""
        name = stem = plain_name(wish) or self._otherwise
        number = 1
        while name in self._given:
            number += 1
            name = f"{stem}-{number}"
        self._given.add(name)
        return name


def plain_name(text: str, length: int = _LENGTH) -> str:
    """The letters and digits of a text (and `.`, `_`, `-` between them), cut at a word; empty when there are none."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")
    if len(name) > length:
        cut = name[: length + 1].rpartition("-")[0]
        name = (cut if len(cut) > length // 2 else name[:length]).strip("-._")
    return name
