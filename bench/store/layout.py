"""Where everything lies in a run folder, and how a run is found.

    runs/<spec name>/<UTC time>-<digest8>/
      run.json  inputs/  spec.resolved.yaml  plan.jsonl  models.jsonl
      samples/<worker>.jsonl  telemetry/<worker>.jsonl  telemetry/machine/<worker>.jsonl
      grades/<grader>.jsonl  pairs/<grader>.jsonl  annotations/<annotator>.jsonl  logs/
      judging/<grader>/judge.json  judging/<grader>/questions.jsonl  judging/spec.resolved.yaml
      selftest.json  summary.json  report.*  baselines/<name>.json  .lock

A folder is a run once it has its `run.json`, which is written last when it is created.
"""

import datetime
import re
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path, PurePosixPath, PureWindowsPath

import msgspec

from bench.digest import digest, short
from bench.errors import RunFolderError

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
# Names that Windows keeps for devices, with any ending (learn.microsoft.com, "Naming Files, Paths, and Namespaces", read 2026-11).
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
_NUMBER = re.compile(r"\d+")


class RunLayout(msgspec.Struct, frozen=True):
    """The paths of one run folder. Asking for a path creates nothing."""

    folder: Path

    @property
    def manifest(self) -> Path:
        """What the run is (`Manifest`)."""
        return self.folder / "run.json"

    @property
    def inputs(self) -> Path:
        """The folder with the spec and all it includes, bytes as given."""
        return self.folder / "inputs"

    @property
    def resolved(self) -> Path:
        """The spec with includes and environment references in place."""
        return self.folder / "spec.resolved.yaml"

    @property
    def plan(self) -> Path:
        """All planned trials (`plan_lines.py` says how)."""
        return self.folder / "plan.jsonl"

    @property
    def models(self) -> Path:
        """What became of each treatment (`ModelStatus`)."""
        return self.folder / "models.jsonl"

    @property
    def samples(self) -> Path:
        """The folder of sample files."""
        return self.folder / "samples"

    @property
    def telemetry(self) -> Path:
        """The folder of client-health files."""
        return self.folder / "telemetry"

    @property
    def grades(self) -> Path:
        """The folder of grade files."""
        return self.folder / "grades"

    @property
    def annotations(self) -> Path:
        """The folder of annotation files."""
        return self.folder / "annotations"

    @property
    def logs(self) -> Path:
        """The folder of logs."""
        return self.folder / "logs"

    @property
    def summary(self) -> Path:
        """What was inferred (`Summary`)."""
        return self.folder / "summary.json"

    @property
    def selftest(self) -> Path:
        """How wrong the client is on this machine (`SelfTest`)."""
        return self.folder / "selftest.json"

    @property
    def baselines(self) -> Path:
        """The folder of what gates were held against (`Baseline`)."""
        return self.folder / "baselines"

    @property
    def lock(self) -> Path:
        """The lock that one process holds."""
        return self.folder / ".lock"

    def samples_of(self, worker: str) -> Path:
        """The sample file of one worker (`Sample`)."""
        return self.samples / f"{safe_name(worker)}.jsonl"

    def telemetry_of(self, worker: str) -> Path:
        """The client-health file of one worker (`ClientHealth`)."""
        return self.telemetry / f"{safe_name(worker)}.jsonl"

    @property
    def machine(self) -> Path:
        """The folder of what was read of the machine."""
        return self.telemetry / "machine"

    def machine_of(self, worker: str) -> Path:
        """What one session read of the machine (`TelemetryLine`)."""
        return self.machine / f"{safe_name(worker)}.jsonl"

    def grades_of(self, grader: str) -> Path:
        """The file of one grader (`Grade`)."""
        return self.grades / f"{safe_name(grader)}.jsonl"

    @property
    def pairs(self) -> Path:
        """The folder of comparisons."""
        return self.folder / "pairs"

    @property
    def judging(self) -> Path:
        """The folder of what judges were asked."""
        return self.folder / "judging"

    @property
    def judging_spec(self) -> Path:
        """The resolved spec that the run was graded by, where that is another than its own."""
        return self.judging / "spec.resolved.yaml"

    def pairs_of(self, grader: str) -> Path:
        """The comparisons of one grader (`PairGrade`)."""
        return self.pairs / f"{safe_name(grader)}.jsonl"

    def judge_of(self, grader: str) -> Path:
        """What a judge is and how far it may be believed (`JudgeRecord`)."""
        return self.judging / safe_name(grader) / "judge.json"

    def questions_of(self, grader: str) -> Path:
        """What a judge was asked and replied (`Interrogation`)."""
        return self.judging / safe_name(grader) / "questions.jsonl"

    def annotations_of(self, annotator: str) -> Path:
        """The file of one annotator (`Annotation`)."""
        return self.annotations / f"{safe_name(annotator)}.jsonl"

    def report(self, filename: str) -> Path:
        """A rendered report, e.g. `report.md`."""
        return self.folder / safe_name(filename)


def safe_name(name: str) -> str:
    """A file name for an identifier: itself where that is plain and portable, else cleaned and made unique by a digest."""
    if _PLAIN.fullmatch(name) and not _DEVICE.fullmatch(name) and not name.endswith("."):
        return name
    cleaned = re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:48].strip("-") or "x"
    return f"{cleaned}-{short(digest(name.encode('utf-8', 'backslashreplace').decode()))}"


def inside(folder: Path, relative: str) -> Path:
    """The path of a file inside a folder, from a relative posix path.

    Raises: RunFolderError when it is empty, absolute or leads outside.
    """
    parts = PurePosixPath(relative).parts
    unsafe = not parts or relative.startswith("/") or ".." in parts or PureWindowsPath(relative).drive or "\\" in relative or "\0" in relative
    if unsafe:
        raise RunFolderError(f"{relative!r} is no path inside the spec's folder", hint="give it relative to the spec, with / and without ..")
    return folder.joinpath(*parts)


def run_id(started_at: str, hexdigest: str) -> str:
    """The name of a run folder, `<UTC time>-<digest8>`; such names sort by time. `started_at` is ISO 8601."""
    moment = datetime.datetime.fromisoformat(started_at).astimezone(datetime.UTC)
    return f"{moment:%Y%m%dT%H%M%SZ}-{short(hexdigest)}"


def by_number(path: Path) -> tuple[list[int], str]:
    """A sorting key that puts `w2` before `w10`, and so the sessions of a run in the order they happened."""
    return [int(number) for number in _NUMBER.findall(path.stem)], path.name


def next_worker(layout: RunLayout) -> str:
    """The name of the next session's files, `w1`, `w2`, …: one that no file of this run has, so that no torn file is ever continued."""
    used = [path.stem for folder in (layout.samples, layout.telemetry, layout.machine) for path in folder.glob("w*.jsonl")]
    return f"w{max((int(stem[1:]) for stem in used if stem[1:].isascii() and stem[1:].isdigit()), default=0) + 1}"


def is_run(folder: Path) -> bool:
    """Whether this is the folder of a run. What cannot be a path, or may not be looked into, is none."""
    with suppress(OSError, ValueError):
        return (folder / "run.json").is_file()
    return False


def list_runs(root: Path, spec_name: str | None = None) -> list[Path]:
    """The run folders below `root`, of one spec or of all, oldest first."""
    pattern = "*/*" if spec_name is None else f"{safe_name(spec_name)}/*"
    return sorted((folder for folder in root.glob(pattern) if is_run(folder)), key=_by_age)


def _by_age(folder: Path) -> tuple[str, int, str, str]:
    """By the second in a run's name; of two runs of one second, by when the plan was written, which happens once."""
    second, _, rest = folder.name.partition("-")
    try:
        planned_ns = (folder / "plan.jsonl").stat().st_mtime_ns
    except OSError:
        planned_ns = 0
    return second, planned_ns, rest, folder.parent.name


def find_run(root: Path, which: str = "latest", *, spec_name: str | None = None) -> Path:
    """The run folder that is meant: a path, a run's id or its beginning, a spec's name or its folder of runs (the latest of them), or `latest`.

    `spec_name` narrows `latest` and ids to the runs of one spec.

    Raises: RunFolderError that lists what there is.
    """
    if which != "latest":
        for folder in (Path(which), root / which):
            if is_run(folder):
                return folder
        if runs := list_runs(root, Path(which).name if Path(which).parent == root else which):
            return runs[-1]
    runs = list_runs(root, spec_name)
    wanted = runs if which == "latest" else [folder for folder in runs if which and folder.name.startswith(which)]
    if which == "latest" and wanted:
        return wanted[-1]
    if len(wanted) == 1:
        return wanted[0]
    raise _not_found(root, which, wanted or runs, spec_name)


def _not_found(root: Path, which: str, runs: list[Path], spec_name: str | None) -> RunFolderError:
    of_spec = f" of spec {spec_name!r}" if spec_name else ""
    if not runs:
        return RunFolderError(f"there is no run{of_spec} in {root}", hint="start one with `bench run SPEC`")
    names = [f"{folder.parent.name}/{folder.name}" for folder in runs]
    newest = f"the newest are: {', '.join(names[-3:])}"
    if which and all(folder.name.startswith(which) for folder in runs):
        return RunFolderError(f"{len(runs)} runs{of_spec} in {root} begin with {which!r}", hint=f"write more of the id; {newest}")
    near = get_close_matches(which, [folder.name for folder in runs] + names + [folder.parent.name for folder in runs], n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return RunFolderError(f"there is no run {which!r}{of_spec} in {root}", hint=f"{hint}{newest}")
