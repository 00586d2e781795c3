"""Which models, prompts and variants of a spec take part: `--only`, `--skip`, `--quick`."""

from collections.abc import Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Literal, get_args

import msgspec

from bench.errors import UsageError
from bench.records.spec import Prompt, Spec

Kind = Literal["model", "prompt", "variant"]
QUICK_PROMPTS = 3


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """A selection as typed. Each word is `model:GLOB`, `prompt:GLOB`, `variant:GLOB`, or a bare GLOB that fits ids of one kind."""

    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    quick: bool = False


def _ids(spec: Spec) -> dict[str, tuple[str, ...]]:
    return {
        "model": tuple(model.id for model in spec.models),
        "prompt": tuple(prompt.id for prompt in spec.prompts),
        "variant": tuple(variant.id for variant in spec.variants),
    }


def _matches(word: str, option: str, ids: dict[str, tuple[str, ...]]) -> tuple[str, set[str]]:
    """The kind that a word speaks of and the ids of that kind that it fits."""
    prefix, colon, rest = word.partition(":")
    if colon and prefix in get_args(Kind):
        found = {prefix: {name for name in ids[prefix] if fnmatchcase(name, rest)}}
    else:
        found = {kind: {name for name in names if fnmatchcase(name, word)} for kind, names in ids.items()}
    hits = {kind: names for kind, names in found.items() if names}
    if len(hits) == 1:
        return next(iter(hits.items()))
    if hits:
        kinds = " and ".join(f"{kind}s" for kind in sorted(hits))
        raise UsageError(f"{option} {word!r} fits {kinds}", hint=f"say which: {option} {min(hits)}:{word}")
    everything = [name for names in ids.values() for name in names]
    near = get_close_matches(rest or word, everything, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "; ".join(f"{kind}s: {', '.join(names)}" for kind, names in ids.items())
    raise UsageError(f"{option} {word!r} fits no model, prompt or variant of the spec", hint=hint)


def _kept(words: Sequence[str], option: str, ids: dict[str, tuple[str, ...]]) -> dict[str, set[str]]:
    kept: dict[str, set[str]] = {}
    for word in words:
        kind, names = _matches(word, option, ids)
        kept.setdefault(kind, set()).update(names)
    return kept


def _quick(prompts: tuple[Prompt, ...]) -> tuple[Prompt, ...]:
    """The shortest, the median and the longest prompt, in the spec's order: three prompts that span the range."""
    if len(prompts) <= QUICK_PROMPTS:
        return prompts
    by_length = sorted(prompts, key=lambda prompt: (sum(len(message.content) for message in prompt.messages), prompt.id))
    chosen = {by_length[0].id, by_length[len(by_length) // 2].id, by_length[-1].id}
    return tuple(prompt for prompt in prompts if prompt.id in chosen)


def select(spec: Spec, choice: Choice) -> Spec:
    """The spec with only what takes part; `digest` still names the whole spec.

    Raises: UsageError when a word fits nothing or several kinds, or when nothing is left.
    """
    ids = _ids(spec)
    only, skip = _kept(choice.only, "--only", ids), _kept(choice.skip, "--skip", ids)

    def stays(kind: Kind, name: str) -> bool:
        return name in only.get(kind, {name}) and name not in skip.get(kind, set())

    models = tuple(model for model in spec.models if stays("model", model.id))
    prompts = tuple(prompt for prompt in spec.prompts if stays("prompt", prompt.id))
    variants = tuple(variant for variant in spec.variants if stays("variant", variant.id))
    for kind, left in (("model", models), ("prompt", prompts), ("variant", variants)):
        if not left:
            raise UsageError(f"--only and --skip leave no {kind}", hint=f"{kind}s of the spec: {', '.join(ids[kind])}")
    if choice.quick:
        prompts = _quick(prompts)
    rounds = 1 if choice.quick else spec.rounds
    return msgspec.structs.replace(spec, models=models, prompts=prompts, variants=variants, rounds=rounds)
