"""Writing a file that a user named, without losing one that is there."""

from pathlib import Path

from bench.errors import UsageError


def write_new(path: Path, text: str, *, force: bool) -> None:
    """Write a text file. Raises: UsageError when the file exists and is not to be replaced, or cannot be written."""
    try:
        with path.open("w" if force else "x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError as error:
        raise UsageError(f"{path} exists and is left as it is", hint="give another name, or --force to replace it") from error
    except IsADirectoryError as error:
        raise UsageError(f"{path} is a folder", hint=f"name a file in it, such as {path / 'bench.yaml'}") from error
    except FileNotFoundError as error:
        raise UsageError(f"the folder {path.parent} does not exist", hint="make it first, or name a file in a folder that exists") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", hint="name a file in a folder that you may write to") from error
