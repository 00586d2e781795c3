"""What a report shows, ready to be laid out: strings and small tables, no arithmetic left to do."""

from typing import Any

import msgspec

from bench.records.estimate import Summary
from bench.records.run import Manifest


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One model's answer to one prompt, as shown. `text` is untrusted; every format escapes it in its own way."""

    model_id: str
    variant_id: str
    prompt_id: str
    text: str
    is_cut: bool
    failure: str | None = None
    score: float | None = None
    missed: tuple[str, ...] = ()


class View(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a format needs. The report stage fills `tables`."""

    manifest: Manifest
    summary: Summary
    spec: dict[str, Any]
    answers: tuple[Answer, ...] = ()
