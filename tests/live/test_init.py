"""What `bench init` writes runs as it is, on the real embedded model."""

import json
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.live, pytest.mark.slow]


def test_fresh_spec_measures_its_model(tmp_path):
    bench = [sys.executable, "-m", "bench.cli.main"]
    subprocess.run([*bench, "init"], cwd=tmp_path, check=True, capture_output=True)
    done = subprocess.run([*bench, "run", "bench.yaml", "--set", "rounds=1"], cwd=tmp_path, check=True, capture_output=True, text=True)
    summary = json.loads((tmp_path / done.stdout.splitlines()[-1] / "summary.json").read_text(encoding="utf-8"))
    (counts,) = summary["counts"]
    assert (counts["completed"], counts["failed"], counts["missing"]) == (2, 0, 0)
