"""A third party's package, built and installed by pip into an environment of its own, from which the packages of this one are seen."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from harness.source_tree import ROOT

PACKAGES = Path(__file__).resolve().parents[1] / "packages"


class Environment:
    """A fresh environment with one more package. Nothing is downloaded."""

    def __init__(self, folder, package):
        venv.create(folder, with_pip=False, symlinks=os.name != "nt")
        self.python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        paths = {"base": str(folder), "platbase": str(folder), "installed_base": sys.base_prefix}
        site = Path(sysconfig.get_path("purelib", "venv", paths))
        site.joinpath("seen.pth").write_text(f"{ROOT}\n{sysconfig.get_path('purelib')}\n", encoding="utf-8")
        source = folder / "source"
        source.mkdir()
        for path in sorted((PACKAGES / package).rglob("*")):  # built beside the tree, which stays as it is
            if path.is_file() and "__pycache__" not in path.parts:
                target = source / path.relative_to(PACKAGES / package)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(path.read_bytes())
        words = ("install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check", str(source))
        self.done = subprocess.run([self.python, "-m", "pip", *words], capture_output=True, text=True, check=False, timeout=250)

    def bench(self, *words, folder, timeout_s=250):
        """Run `bench` as it is installed there."""
        return subprocess.run(
            [self.python, "-m", "bench.cli.main", *map(str, words)], cwd=folder, env={**os.environ, "BENCH_CACHE": str(folder / "cache")},
            capture_output=True, text=True, timeout=timeout_s, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
