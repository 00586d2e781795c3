"""Words of the command line that mean nothing, with what may have been meant."""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches

from bench.errors import UsageError


def unknown_command(word: str, known: Iterable[str]) -> UsageError:
    """What is said of a command that there is none of."""
    return UsageError(f"there is no command `{word}`", hint=f"{_guess(word, known)}`bench --help` shows what there is")


def unknown_word(word: str, grammar: argparse.ArgumentParser, words: Sequence[str]) -> UsageError:
    """What is said of an option that a command does not know, or of one word more than it takes. `grammar` is the one that read `words`."""
    deepest, command = _of(grammar, words)
    shown = word.partition("=")[0] if word.startswith("-") else word
    options = [name for action in deepest._actions for name in action.option_strings if name.startswith("--")]  # noqa: SLF001 - argparse tells nowhere else
    what = "has no option" if word.startswith("-") else "has no place for"
    guess = _guess(shown, options) if word.startswith("-") else ""
    return UsageError(f"`{command}` {what} `{shown}`", hint=f"{guess}`{command} --help` shows what it takes")


def _guess(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word, list(known), n=1)
    return f"did you mean `{near[0]}`? " if near else ""


def _of(grammar: argparse.ArgumentParser, words: Sequence[str]) -> tuple[argparse.ArgumentParser, str]:
    """The grammar of the innermost command among the words, and its name: `bench models list`."""
    command = "bench"
    for word in words:
        inner = next(_commands(grammar), {}).get(word)
        if inner is not None:
            grammar, command = inner, f"{command} {word}"
    return grammar, command


def _commands(grammar: argparse.ArgumentParser) -> Iterator[dict[str, argparse.ArgumentParser]]:
    for action in grammar._actions:  # noqa: SLF001 - as above
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - as above
            yield dict(action.choices)
