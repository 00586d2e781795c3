"""The notebook of docs/python.md, executed as a reader would."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
from harness.mock_llm import mock_llm

NOTEBOOK = Path(__file__).parents[2] / "docs" / "python.ipynb"
EXECUTE = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
nbformat.write(notebook, "executed.ipynb")
"""


def test_the_notebook_runs_from_top_to_bottom(tmp_path):
    with mock_llm(n=6) as server:
        done = subprocess.run(
            [sys.executable, "-c", EXECUTE, NOTEBOOK],
            cwd=tmp_path, env={**os.environ, "BENCH_SERVER": server.base_url, "HOME": str(tmp_path), "BENCH_CACHE": str(tmp_path / "cache")},
            capture_output=True, text=True, check=False, timeout=100,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    cells = {cell["id"]: cell for cell in json.loads((tmp_path / "executed.ipynb").read_text())["cells"]}
    said = {
        name: "".join("".join(each.get("text") or each["data"]["text/plain"]) for each in cell.get("outputs", ())) for name, cell in cells.items()
    }
    assert said["validate"] == "()"
    assert said["run"].endswith("(<Exit.OK: 0>, [])")
    assert "local: ttft p50" in said["figures"]
    assert said["answers"].startswith("(6, ")
    assert "'pass'" in said["load"]


def test_the_notebook_is_kept_without_outputs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)
