"""What is wrong with the schemas of releases: a version that was published is never edited, only succeeded."""

import hashlib
import json
import os
import subprocess
from pathlib import Path

DIGESTS = "tests/architecture/released_schemas.json"
HINT = "leave the published version as it is, and put the next one beside it"


def edited(root: Path) -> list[str]:
    """Schemas that are no longer what a release published, by the digests that are kept for it."""
    wrong = []
    for name, digest in json.loads((root / DIGESTS).read_text(encoding="utf-8")).items():
        path = root / "schemas" / name
        found = hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest() if path.is_file() else "no file"
        if found != digest:
            wrong.append(f"schemas/{name} was published with SHA-256 {digest}, and is {found} now: {HINT}")
    return wrong


def unrecorded(root: Path) -> list[str]:
    """Schemas of tagged releases whose digests are not kept, where the repository has tags."""
    kept = json.loads((root / DIGESTS).read_text(encoding="utf-8"))
    wrong = []
    for tag in _git(root, "tag", "--list", "v*").decode().split():
        for name in _git(root, "ls-tree", "--name-only", tag, "schemas/").decode().split():
            digest = hashlib.sha256(_git(root, "cat-file", "blob", f"{tag}:{name}")).hexdigest()
            if kept.get(Path(name).name) != digest:
                wrong.append(f'{tag} published {name}: {DIGESTS} must hold "{Path(name).name}": "{digest}"')
    return wrong


def _git(root: Path, *words: str) -> bytes:
    """What git prints; nothing where this is no repository, as in an unpacked release."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(["git", *words], cwd=root, env=environ, capture_output=True, check=False)  # noqa: S607 - git stands where the user has it
    except FileNotFoundError:
        return b""
    return done.stdout if not done.returncode and (root / ".git").exists() else b""
