"""Let people grade a run's answers: blind, at random, question by question; what they say calibrates the judge (`bench calibrate`).

Without further options it asks in the terminal and keeps every answer at once; the same command goes on where it stopped. With --csv or --html it
writes a sheet or a page for somebody else, and --import takes the filled file back. Several people grade the same answers under names of their own.
"""

import argparse
import csv
import io
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.console import Console

from bench.annotate.answers import Labelled, annotation, annotations, annotator, disagreements, read_page, read_sheet
from bench.annotate.draw import draw
from bench.annotate.labels import COLUMNS, label_rows
from bench.catalog import REGISTRY
from bench.cli.asking import ask_all
from bench.cli.console import line
from bench.clock import Clock
from bench.errors import Exit, UsageError
from bench.records.annotation import Annotation, AnnotationItem
from bench.records.observation import Observation
from bench.records.spec import Spec
from bench.report.annotation_sheet import page, sheet
from bench.report.escape import spreadsheet_block
from bench.spec.load import load_spec
from bench.store.decided import Decided
from bench.store.layout import RunLayout, find_run
from bench.store.reader import read_annotations, read_manifest, read_plan
from bench.store.writer import LineWriter, write_whole

_MOST_BYTES = 64_000_000  # of a file to import


def configure(options: argparse.ArgumentParser) -> None:
    """Options of `bench annotate`."""
    options.add_argument("run", nargs="?", default="latest", metavar="RUN", help="a run's folder, its id, a spec's name, or `latest` (default)")
    options.add_argument("--runs", type=Path, default=Path("runs"), metavar="FOLDER", help="where runs are kept (default: runs)")
    options.add_argument("--annotator", metavar="NAME", help="who grades: a pseudonym, which stands in the run")
    options.add_argument("-n", "--number", type=int, default=50, metavar="N", help="how many answers (default: 50; 20 are the least that help)")
    options.add_argument("--seed", type=int, metavar="N", help="of the draw (default: the spec's): the same seed draws the same answers")
    options.add_argument("--items", metavar="LIST", help="grade these items, as `bench calibrate` names them, in place of a random draw")
    way = options.add_mutually_exclusive_group()
    way.add_argument("--csv", type=Path, metavar="FILE", help="write a sheet to fill in")
    way.add_argument("--html", type=Path, metavar="FILE", help="write a page to grade on, for a browser without a network")
    way.add_argument("--import", type=Path, dest="filled", metavar="FILE", help="take in a filled sheet (CSV) or what the page saved (JSON)")
    way.add_argument("--export", type=Path, metavar="FILE", help="write all that was said as a table (CSV) that a spec's `judge.labels` can name")
    way.add_argument("--adjudicate", action="store_true", help="decide where people differ, seeing what was said but not by whom")
    way.add_argument("--status", action="store_true", help="show who graded how much, and stop")


def execute(options: argparse.Namespace) -> int:
    """Ask, write or take in; the exit code."""
    layout = RunLayout(find_run(options.runs, options.run))
    if options.status:
        _status(layout)
        return int(Exit.OK)
    if options.export:
        return _export(layout, options.export)
    if not options.annotator:
        raise UsageError("who grades? --annotator is missing", hint="for example --annotator kim; a pseudonym will do")
    if options.number < 1:
        raise UsageError(f"--number {options.number}: at least one answer must be drawn")
    name = annotator(options.annotator)
    spec = load_spec(layout.resolved, extensions=REGISTRY, environ={}).spec
    if options.filled:
        return _take_in(layout, spec, options.filled, name)
    items = _items(layout, spec, options)
    if not items:
        raise UsageError("there is nothing to grade", hint="people do not differ on any item" if options.adjudicate else "the run has no answers")
    if options.csv or options.html:
        return _write(options, items, read_manifest(layout).run_id, name)
    return _ask(layout, items, name, is_adjudication=options.adjudicate)


def _items(layout: RunLayout, spec: Spec, options: argparse.Namespace) -> tuple[AnnotationItem, ...]:
    if options.adjudicate:
        said = tuple(read_annotations(layout, line))
        return disagreements(_named(layout, spec, (each.item_id for each in said)), said)
    only = frozenset(word.strip() for word in (options.items or "").split(",") if word.strip())
    seed = spec.seed if options.seed is None else options.seed
    items = draw(spec, lambda: _answers(layout), options.number, seed=seed, only=only)
    if missing := sorted(only - {item.item_id for item in items}):
        raise UsageError(f"--items: the run has no item {missing[0]}", hint="item names stand in `bench calibrate RUN` and in exported sheets")
    return items


def _named(layout: RunLayout, spec: Spec, names: Iterable[str]) -> tuple[AnnotationItem, ...]:
    wanted = frozenset(names)
    return draw(spec, lambda: _answers(layout), len(wanted), seed=spec.seed, only=wanted) if wanted else ()


def _answers(layout: RunLayout) -> Iterator[Observation]:
    return Decided(layout, read_plan(layout)).observations()


def _write(options: argparse.Namespace, items: tuple[AnnotationItem, ...], run_id: str, name: str) -> int:
    path: Path = options.csv or options.html
    content = sheet(items) if options.csv else page(items, run_id, name)
    write_whole(path, content.encode("utf-8", "replace"))
    line(f"{len(items)} answers to grade, {sum(len(item.questions) for item in items)} questions")
    line(f"when it is filled: bench annotate {options.run} --annotator {name} --import {'FILE' if options.html else path}")
    sys.stdout.write(f"{path}\n")
    return int(Exit.OK)


def _take_in(layout: RunLayout, spec: Spec, path: Path, name: str) -> int:
    try:
        content = path.read_bytes()[: _MOST_BYTES + 1]
        if len(content) > _MOST_BYTES:
            raise UsageError(f"{path}: more than {_MOST_BYTES:,} bytes; a filled sheet is smaller")
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror or error}", hint="give the filled sheet (CSV) or the file that the page saved"
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 at byte {error.start}", hint="save the sheet as `CSV UTF-8`") from error
    labelled = read_page(text, str(path)) if text.lstrip().startswith("{") else read_sheet(text, str(path))
    if not labelled:
        raise UsageError(f"{path}: no label is filled in", hint="the column `label` takes yes, no, unsure or a number")
    items = {item.item_id: item for item in _named(layout, spec, (each.item_id for each in labelled))}
    taken = annotations(labelled, items, name, _now())
    with LineWriter(layout.annotations_of(name)) as file:
        for each in taken:
            file.append(each)
    line(f"{name} graded {len(taken)} answers; next: bench calibrate {layout.folder}")
    return int(Exit.OK)


def _export(layout: RunLayout, path: Path) -> int:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: spreadsheet_block(value) for key, value in row.items()} for row in label_rows(read_annotations(layout, line)))
    write_whole(path, text.getvalue().encode("utf-8", "replace"))
    sys.stdout.write(f"{path}\n")
    return int(Exit.OK)


def _ask(layout: RunLayout, items: tuple[AnnotationItem, ...], name: str, *, is_adjudication: bool) -> int:
    done = {each.item_id for each in read_annotations(layout, line) if each.annotator == name and each.is_adjudication == is_adjudication}
    left = [item for item in items if item.item_id not in done]
    if done:
        line(f"{len(items) - len(left)} of {len(items)} are graded already")
    with LineWriter(layout.annotations_of(name)) as file:

        def keep(item: AnnotationItem, given: dict[str, Labelled]) -> None:
            file.append(annotation(item, given, name, _now(), is_adjudication=is_adjudication))

        kept = ask_all(left, input, Console(highlight=False), keep)
    rest = len(left) - kept
    line(f"{name} graded {kept} answers" + (f"; {rest} are left, the same command goes on" if rest else f"; next: bench calibrate {layout.folder}"))
    return int(Exit.OK)


def _status(layout: RunLayout) -> None:
    last: dict[tuple[str, str, bool], Annotation] = {
        (each.annotator, each.item_id, each.is_adjudication): each for each in read_annotations(layout, line)
    }
    graded = Counter((name, is_adjudication) for name, _, is_adjudication in last)
    for (name, is_adjudication), n in sorted(graded.items()):
        labels = sum(len(each.aspects) + len(each.criteria) for key, each in last.items() if (key[0], key[2]) == (name, is_adjudication))
        what = "adjudicated" if is_adjudication else "graded"
        sys.stdout.write(f"{name}: {n} answers {what}, {labels} questions answered\n")
    people = {name for name, is_adjudication in graded if not is_adjudication}
    by_item = Counter(item for name, item, is_adjudication in last if not is_adjudication)
    sys.stdout.write(f"{len(by_item)} different answers by {len(people)} people; {sum(n > 1 for n in by_item.values())} of them by two or more\n")


def _now() -> str:
    return f"{Clock().utc():%Y-%m-%dT%H:%M:%SZ}"
