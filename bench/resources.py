"""Schemas and templates, in a checkout and in an installed wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """The folder `schemas` or `templates`.

    A wheel carries both inside the package as `bench/_data/<name>`; a checkout has them at the top level.

    Raises: FileNotFoundError when the installation lacks them.
    """
    for candidate in (_PACKAGE / "_data" / name, _PACKAGE.parent / name):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"the installation of bench lacks its folder {name!r}; install it again")


def read(name: str, path: str) -> str:
    """The text of one shipped file, e.g. `read("schemas", "spec.v1.schema.json")`."""
    return (folder(name) / path).read_text(encoding="utf-8")
