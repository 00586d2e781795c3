"""A verb of the command line, called with the words a user types."""

import argparse


def verb(command, *words):
    """The exit code of `configure` and `execute` of one module of `bench.cli.commands`."""
    parser = argparse.ArgumentParser()
    command.configure(parser)
    return command.execute(parser.parse_args([str(word) for word in words]))
