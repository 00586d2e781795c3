"""Options that several verbs share, and what they read from the environment."""

import argparse
from pathlib import Path

from bench.cli.console import line
from bench.plan.select import Choice
from bench.revisions import Repository


def add_spec(options: argparse.ArgumentParser) -> None:
    """The spec and its overrides."""
    options.add_argument("spec", type=Path, metavar="SPEC", help="the spec's file (YAML)")
    add_overrides(options)


def add_overrides(options: argparse.ArgumentParser) -> None:
    """Changes of the spec."""
    options.add_argument(
        "--set",
        action="append",
        default=[],
        dest="overrides",
        metavar="KEY=VALUE",
        help="override a key, e.g. rounds=1 or models.smollm2-135m.threads=2; checked like the spec and recorded in the run",
    )


def add_choice(options: argparse.ArgumentParser) -> None:
    """Which models, prompts and variants take part."""
    what = "models, prompts or variants by id or glob; prefix with model:, prompt: or variant: to say which"
    options.add_argument("--only", action="append", default=[], metavar="WORD", help=f"keep only these {what}")
    options.add_argument("--skip", action="append", default=[], metavar="WORD", help=f"leave out these {what}")
    options.add_argument("--quick", action="store_true", help="one round of three prompts: the shortest, the median and the longest")


def choice(options: argparse.Namespace) -> Choice:
    """The selection as typed; commas separate words too."""

    def words(typed: list[str]) -> tuple[str, ...]:
        return tuple(word.strip() for each in typed for word in each.split(",") if word.strip())

    return Choice(only=words(options.only), skip=words(options.skip), quick=options.quick)


def add_base(options: argparse.ArgumentParser) -> None:
    """Where the baselines of gates are read."""
    options.add_argument(
        "--base",
        metavar="REVISION",
        help="read the baselines that gates name where this branch left a git revision, not in the working tree, which a pull request may change",
    )


def fork_of(revision: str | None) -> str | None:
    """The commit where the checked-out branch left a revision; None for no revision.

    Raises: UsageError when there is no such revision, or no repository.
    """
    if revision is None:
        return None
    repository = Repository(Path.cwd())
    commit, unknown = repository.fork(repository.commit(revision))
    if unknown is not None:
        line(f"note: baselines are read in {revision} as it is: {unknown}")
    return commit
