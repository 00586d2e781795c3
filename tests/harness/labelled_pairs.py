"""Pairs of answers of which people said which is better: LLMBar and PandaLM, read from a folder that holds both."""

import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

SETS = ("llmbar", "pandalm")


class LabelledPair(msgspec.Struct, frozen=True, kw_only=True):
    """Two answers to one task, and the one that people prefer. `subset` is what its set files it under."""

    id: str
    subset: str
    task: str
    first: str
    second: str
    preferred: Literal["first", "second"]


class Labelled(msgspec.Struct, frozen=True, kw_only=True):
    """The pairs of a set with a preferred answer; `left_out` says what was not taken, and why."""

    pairs: tuple[LabelledPair, ...]
    left_out: str = ""


def read(name: str, folder: Path) -> Labelled:
    """A set by its name. Raises: OSError, ValueError, KeyError when the folder does not hold it."""
    return {"llmbar": _llmbar, "pandalm": _pandalm}[name](folder / name)


def _llmbar(folder: Path) -> Labelled:
    """Five sets, one natural and four adversarial; which answer is better is a matter of fact: it does what was asked."""
    files = sorted(folder.glob("LLMBar_*.json"))
    if not files:
        raise FileNotFoundError(f"no LLMBar_*.json in {folder}")
    pairs = [
        LabelledPair(
            id=f"{file.stem} {place}", subset=file.stem.removeprefix("LLMBar_").replace("_", " "), task=item["input"],
            first=item["output_1"], second=item["output_2"], preferred=_side(item["label"]),
        )
        for file in files
        for place, item in enumerate(json.loads(file.read_text(encoding="utf-8")))
    ]  # fmt: skip
    return Labelled(pairs=tuple(pairs))


def _pandalm(folder: Path) -> Labelled:
    """Answers of five models; the majority of three annotators prefers one. Where it sees a tie, or there is no majority, nobody can be right."""
    pairs: list[LabelledPair] = []
    ties = odd = 0
    for item in json.loads((folder / "testset-v1.json").read_text(encoding="utf-8")):
        vote, n = Counter(item[f"annotator{k}"] for k in (1, 2, 3)).most_common(1)[0]
        texts = [item[name] for name in ("instruction", "input", "response1", "response2")]
        if not all(isinstance(text, str) for text in texts):
            odd += 1
        elif n < 2 or vote == 0:
            ties += 1
        else:
            task = f"{item['instruction']}\n\n{item['input']}" if item["input"].strip() else item["instruction"]
            pairs.append(
                LabelledPair(
                    id=f"pandalm {item['idx']}", subset=item["cmp_key"].replace("_", " / "), task=task, first=item["response1"],
                    second=item["response2"], preferred=_side(vote),
                )
            )  # fmt: skip
    return Labelled(pairs=tuple(pairs), left_out=f"{ties} pairs that most annotators call a tie, {odd} whose answer is no text")


def _side(label: Any) -> Literal["first", "second"]:
    if label not in {1, 2}:
        raise ValueError(f"a label of {label!r}, expected 1 or 2")
    return "first" if label == 1 else "second"


def drawn(pairs: Sequence[LabelledPair], n: int, seed: int) -> tuple[LabelledPair, ...]:
    """So many pairs by chance, the subsets in turns, so that each has the same number as far as it has so many; the same ones for the same seed."""
    rng = random.Random(seed)
    strata: dict[str, list[LabelledPair]] = {}
    for pair in pairs:
        strata.setdefault(pair.subset, []).append(pair)
    for name in sorted(strata):
        rng.shuffle(strata[name])
    longest = max(map(len, strata.values()), default=0)
    turns = [strata[name][k] for k in range(longest) for name in sorted(strata) if k < len(strata[name])]
    return tuple(sorted(turns[:n], key=lambda pair: pair.id))


def longer(pair: LabelledPair) -> Literal["first", "second", "tie"]:
    """The answer with more characters: a judge that must be beaten."""
    return "tie" if len(pair.first) == len(pair.second) else "first" if len(pair.first) > len(pair.second) else "second"
