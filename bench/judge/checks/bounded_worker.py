"""The other side of `bounded.py`: a program of its own that answers one JSON line per JSON line, and ends itself when a line takes too long.

The watchdog is `faulthandler`'s: a thread in C, so it ends the process even while a regular expression holds the interpreter. When it does, or
when the caller goes away, nothing is left behind.
"""

import faulthandler
import importlib
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

UNEXPECTED = 70  # exit code for what this program did not expect, told apart from the watchdog's 1


def search(job: dict[str, Any]) -> dict[str, Any]:
    """Whether the pattern matches: `{"found": true, "text": …}`."""
    pattern = re.compile(job["pattern"], re.IGNORECASE if job["ignore_case"] else 0)
    match = pattern.fullmatch(job["text"]) if job["whole"] else pattern.search(job["text"])
    return {"found": match is not None, "text": match.group()[:200] if match else ""}


def validate(job: dict[str, Any]) -> dict[str, Any]:
    """What is wrong with the instance: `{"first": "3 is not of type 'string'", "path": "$.owner"}`."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - slow to import, and only this kind of job needs it
    from jsonschema.exceptions import best_match  # noqa: PLC0415
    from referencing import Registry  # noqa: PLC0415
    from referencing.exceptions import Unresolvable  # noqa: PLC0415

    # An empty registry: a `$ref` to an address is an error here and never a request.
    validator = Draft202012Validator(job["schema"], registry=Registry())
    try:
        first = best_match(validator.iter_errors(job["instance"]))
    except Unresolvable as error:
        return {"error": f"$ref {error.ref[:200]!r} points to nothing in the schema"}
    if first is None:
        return {"first": None, "path": ""}
    return {"first": first.message[:300], "path": first.json_path[:200]}


def main() -> None:
    """Read jobs until the caller closes the pipe. The first line says where packages are, each job how long it may take."""
    sys.excepthook = lambda *_: os._exit(UNEXPECTED)
    setting = json.loads(sys.stdin.buffer.readline())
    sys.path.extend(setting["path"])
    jobs = {"search": search, "validate": validate}
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        for line in sys.stdin.buffer:
            job = json.loads(line)
            if job["job"] == "validate":
                importlib.import_module("jsonschema")  # once, and not on the job's time
            faulthandler.dump_traceback_later(job["limit_s"], exit=True, file=nowhere)
            try:
                answer = jobs[job["job"]](job)
            except RecursionError:
                answer = {"error": "it is nested too deeply"}
            except (ValueError, TypeError, LookupError, ArithmeticError, ImportError, MemoryError, re.error) as error:
                answer = {"error": f"{type(error).__name__}: {str(error)[:300]}"}
            faulthandler.cancel_dump_traceback_later()
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
