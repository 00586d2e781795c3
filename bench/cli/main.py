"""`bench`: find the verb, load its file, run it, turn its end into an exit code."""

import argparse
import importlib
import keyword
import sys
from collections.abc import Sequence
from typing import NoReturn

from bench.cli.streams import settle

VERBS = {
    "run": "run a spec: serve, measure, check, report",
    "validate": "check a spec and show every error at once",
    "plan": "show what a run would open, fetch, send, take and cost",
    "diff": "say what changed between two versions of a spec, and what must run again",
    "migrate": "bring specs to this version of the language, as edits of their text",
    "report": "render a run's reports again",
    "annotate": "let people grade a run's answers, blind and at random",
    "calibrate": "say how far graders agree with people, and what to label next",
    "judge": "grade a run's answers, or grade them again, with a judge",
    "gate": "decide a run's gates again, with the exit code of each outcome",
    "compare": "say what of a run is better or worse than another, or than a baseline",
    "baseline": "store, list, show or promote runs in few numbers, to compare with",
    "import": "make a spec of another tool's files, and list what has no counterpart",
    "export": "write a spec as another tool's file, and list what has no counterpart",
    "models": "list, pull, show, remove or try models of every source",
    "selftest": "measure how wrong the client is on this machine",
    "doctor": "look at this machine and say what is missing",
    "init": "write a commented spec that runs",
}

EPILOG = """\
start here
  bench init my.yaml            write a commented spec for the embedded model
  bench validate my.yaml        check it; every error with its line and a hint
  bench plan my.yaml            what would be opened, fetched, sent; how long; how dear
  bench run my.yaml             measure; the last line on standard output is the run's folder
  bench run my.yaml --resume    go on after an interruption; nothing is measured twice

exit codes
  0 all is well                    6 a stop rule (limits:) ended the run
  1 a gate failed                  7 the runs cannot be compared
  2 wrong usage, or spec errors    8 the judge is unusable or covers too little
  3 nothing could be measured      9 a gate is undecided
  4 an extra is not installed     10 a required model failed, or too many errors
  5 the run folder is in use,     70 a bug in bench: please report it with the log
    damaged or another plan's    130 interrupted; everything so far is kept
"""


class _Grammar(argparse.ArgumentParser):
    """The grammar of a command; its complaints have the form of all others."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}\nhint: `{self.prog} --help` shows what it takes\n")


def parser(verb: str | None = None) -> argparse.ArgumentParser:
    """The command line's grammar, with the options of only one verb: loading all would cost every call."""
    top = _Grammar(
        prog="bench",
        description="Declarative LLM experiments: speed, memory, cost and quality in one run, from one reviewable spec.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="store_true", help="show the version and stop")
    verbs = top.add_subparsers(dest="verb", metavar="COMMAND", title="commands", prog="bench")  # said here, or argparse loads what formats help
    for name, line in VERBS.items():
        if name != verb:
            verbs.add_parser(name, help=line, add_help=False)
            continue
        command = importlib.import_module(f"bench.cli.commands.{name}{'_' * keyword.iskeyword(name)}")
        options = verbs.add_parser(name, help=line, description=command.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
        command.configure(options)
        _describe(options)
        options.set_defaults(execute=command.execute)
    return top


def _describe(grammar: argparse.ArgumentParser) -> None:
    """Let each part of a command (`bench models pull`) begin its own help with the line that the command's help has of it."""
    for action in grammar._actions:  # noqa: SLF001 - argparse keeps the lines nowhere else
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for part in action._choices_actions:  # noqa: SLF001
                line = part.help or ""
                action.choices[part.dest].description = f"{line[:1].upper()}{line[1:]}."


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is one of `bench.errors.Exit`. The one place where any exception ends.

    Expected errors end in their own words, all others as a bug with a log.
    """
    words = sys.argv[1:] if words is None else list(words)
    settle()
    try:
        code = _run(words)
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted\n")
        return 130
    except Exception as error:  # noqa: BLE001 - the border of the program
        from bench.cli.console import end  # noqa: PLC0415 - `bench --help` stays free of records

        return end(error, words)
    return code


def _run(words: list[str]) -> int:
    verb = next((word for word in words if not word.startswith("-")), None)
    if verb is not None and verb not in VERBS:
        from bench.cli.unknown import unknown_command  # noqa: PLC0415 - `bench --help` stays free of records

        raise unknown_command(verb, VERBS)
    grammar = parser(verb)
    options, rest = grammar.parse_known_args(words)
    if rest:
        from bench.cli.unknown import unknown_word  # noqa: PLC0415 - as above

        raise unknown_word(rest[0], grammar, words)
    if options.version:
        from importlib.metadata import version  # noqa: PLC0415 - only this option needs it

        sys.stdout.write(f"bench {version('bench-spec')}\n")
        return 0
    if options.verb is None:
        grammar.print_help()
        return 0
    return int(options.execute(options))


if __name__ == "__main__":
    raise SystemExit(main())
