"""Specs in git revisions: read from git's own store, includes and all, with nothing run and nothing outside."""

import json
import os

import pytest
from harness.command import Here
from harness.published import validator
from harness.repository import Repository
from harness.specs import BASE

WITH_INCLUDE = BASE + "  - include: sets/more.yaml\n"
MORE = "prompts:\n  - {id: two, user: Say two words.}\n"


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "work")


@pytest.fixture
def bench(repository, capsys, monkeypatch):
    return Here(repository.folder, capsys, monkeypatch)


def found(shown):
    told = json.loads(shown.stdout)
    validator("diff").validate(told)
    return told["specs"]


def test_an_include_is_read_in_the_same_revision(repository, bench):
    repository.write(specs__s=WITH_INCLUDE, specs__sets__more=MORE)
    repository.commit("first")
    (repository.folder / "specs" / "sets" / "more.yaml").unlink()
    repository.write(specs__s=BASE)
    repository.commit("second")
    (diff,) = found(bench("diff", "HEAD~1:specs/s.yaml", "specs/s.yaml", "--format", "json"))
    assert [(change["kind"], change["where"]) for change in diff["changes"]] == [("removed", ["prompts", "two"])]


@pytest.mark.parametrize("where", ["HEAD:s.yaml", "HEAD:./s.yaml", "main:s.yaml"])
def test_a_path_starts_at_the_root_or_here(repository, bench, where):
    repository.write(s=BASE)
    repository.commit("first")
    assert "no change" in bench("diff", where, "s.yaml").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere:s.yaml", "s.yaml"), "there is no git revision 'nowhere'"),
        (("--", "-h:s.yaml", "s.yaml"), "'-h' is no git revision"),
        (("HEAD:t.yaml", "s.yaml"), "there is no file 't.yaml' in the revision 'HEAD'"),
        (("--base", "nowhere"), "there is no git revision 'nowhere'"),
        (("s.yaml",), "there is nothing to compare with"),
        (("s.yaml", "."), "a file and a folder cannot be compared"),
        (("empty", "empty"), "neither empty nor empty holds a spec"),
        ((), "two versions are needed"),
        (("--base", "HEAD", "/"), "is not inside the repository"),
    ],
)
def test_what_is_not_there_is_said_clearly(repository, bench, words, said):
    repository.write(s=BASE)
    repository.commit("first")
    (repository.folder / "empty").mkdir()
    shown = bench("diff", *words, code=2)
    assert said in shown.stderr
    assert "hint:" in shown.stderr


def test_outside_a_repository_the_reason_is_named(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    shown = Here(tmp_path, capsys, monkeypatch)("diff", "--base", "main", code=2)
    assert "cannot find a git repository here" in shown.stderr


def test_a_link_is_followed_inside_the_folder_and_never_out_of_it(repository, bench):
    repository.write(specs__s=WITH_INCLUDE, specs__real=MORE, outside=MORE)
    link = repository.folder / "specs" / "sets" / "more.yaml"
    link.parent.mkdir()
    link.symlink_to("../real.yaml")
    repository.commit("a link inside")
    assert "no change" in bench("diff", "HEAD:specs/s.yaml").stdout
    link.unlink()
    link.symlink_to("../../outside.yaml")
    repository.commit("a link that leads out")
    assert "link that leads out of the spec's folder" in bench("diff", "HEAD:specs/s.yaml", "HEAD~1:specs/s.yaml", code=2).stderr
    link.unlink()
    link.symlink_to("more.yaml")
    repository.commit("a link to itself")
    assert "leads to too many others" in bench("diff", "HEAD:specs/s.yaml", "HEAD~2:specs/s.yaml", code=2).stderr


def test_what_git_is_told_to_run_does_not_run(repository, bench):
    for name in ("textconv", "clean", "smudge", "hook"):
        script = repository.folder.parent / f"{name}.sh"
        script.write_text(f"#!/bin/sh\ntouch {repository.folder.parent / name}.ran\ncat\n", encoding="utf-8")
        script.chmod(0o755)
    there = repository.folder.parent
    repository.write(s=BASE)
    repository.commit("first")
    (repository.folder / ".gitattributes").write_text("*.yaml diff=x filter=x\n", encoding="utf-8")
    for key, name in (("diff.x.textconv", "textconv"), ("filter.x.clean", "clean"), ("filter.x.smudge", "smudge"), ("core.fsmonitor", "hook")):
        repository.git("config", key, str(there / f"{name}.sh"))
    for path in there.glob("*.ran"):
        path.unlink()
    repository.write(s=BASE.replace("hello", "goodbye"))
    assert "treatment" in bench("diff", "--base", "HEAD").stdout
    assert "treatment" in bench("diff", "HEAD:s.yaml").stdout
    assert list(there.glob("*.ran")) == []


def test_a_spec_that_moved_is_found_by_its_name_and_a_broken_one_is_named_beside_the_others(repository, bench):
    repository.write(old__s=BASE, broken=BASE.replace("models:", "modls:"), gone=BASE.replace("small", "gone"))
    repository.commit("first")
    (repository.folder / "old" / "s.yaml").rename(repository.folder / "t.yaml")
    (repository.folder / "gone.yaml").unlink()
    assert {(one["before"], one["after"]) for one in found(bench("diff", "--base", "HEAD", "--format", "json"))} == {("HEAD:gone.yaml", None)}
    repository.write(bad=BASE.replace("prompts:", "promts:").replace("small", "bad"), t=BASE.replace("hello", "goodbye"))
    shown = bench("diff", "--base", "HEAD", code=2).stdout
    assert "bad: not valid, bad.yaml" in shown
    assert "small: HEAD:old/s.yaml → t.yaml: treatment" in shown
    assert "broken" not in shown


def test_folders_are_compared_spec_by_spec(repository, bench):
    repository.write(a__s=BASE, b__s=BASE.replace("hello", "goodbye"), b__t=BASE.replace("small", "more"))
    repository.commit("first")
    assert [(one["name"], one["before"]) for one in found(bench("diff", "HEAD:a", "b", "--format", "json"))] == [
        ("small", "HEAD:a/s.yaml"),
        ("more", None),
    ]
    assert bench("diff", "a", "HEAD:a").stdout == "no spec changed\n"


def test_references_to_the_environment_are_compared_as_written(repository, bench):
    repository.write(s=BASE.replace("http://localhost:8080/v1", "http://${HOST}:${PORT}/v1").replace("model: m", "model: ${NAME}"))
    repository.commit("first")
    repository.write(s=BASE.replace("http://localhost:8080/v1", "http://${HOST}:${PORT}/v2").replace("model: m", "model: ${NAME}"))
    (diff,) = found(bench("diff", "HEAD:s.yaml", "--format", "json"))
    (change,) = diff["changes"]
    assert change["where"] == ["models", "server", "base_url"]
    assert "".join(piece["text"] for piece in change["pieces"] if piece["kind"] != "removed") == "http://${HOST}:${PORT}/v2"


def test_a_password_in_a_default_address_is_refused_and_not_shown(repository, bench):
    repository.write(s=BASE.replace("http://localhost:8080/v1", "${ADDRESS:-http://me:secret@host/v1}"))
    repository.commit("first")
    shown = bench("diff", "HEAD:s.yaml", code=2)
    assert "credentials-in-url" in shown.stderr
    assert "me:secret" not in shown.stdout + shown.stderr


def test_a_file_that_is_too_large_is_no_spec_and_is_not_read(repository, bench):
    repository.write(s=BASE, large=BASE + "#" * 2**22)
    repository.commit("first")
    repository.write(s=BASE.replace("hello", "goodbye"), large="small: 1\n")
    assert [one["name"] for one in found(bench("diff", "--base", "HEAD", "--format", "json"))] == ["small"]
    assert "more than 4,194,304 bytes" in bench("diff", "HEAD:large.yaml", "s.yaml", code=2).stderr


def test_what_a_partial_clone_lacks_is_not_fetched(repository, tmp_path, capsys, monkeypatch):
    repository.write(s=BASE)
    repository.commit("first")
    repository.write(s=BASE.replace("hello", "goodbye"))
    repository.commit("second")
    repository.git("config", "uploadpack.allowFilter", "true")
    repository.git("clone", "-q", "--filter=blob:none", f"file://{repository.folder}", str(tmp_path / "clone"))
    here = Here(tmp_path / "clone", capsys, monkeypatch)
    assert "cannot read a file of the revision" in here("diff", "HEAD~1:s.yaml", code=2).stderr
    for words in (("HEAD~1:.", "."), ("--base", "HEAD~1")):
        assert "cannot read the files of the revision" in here("diff", *words, code=2).stderr


def test_an_object_that_a_damaged_store_lacks_is_named(repository, bench):
    repository.write(s=BASE)
    repository.commit("first")
    name = repository.git("rev-parse", "HEAD:s.yaml")
    (repository.folder / ".git" / "objects" / name[:2] / name[2:]).unlink()
    shown = bench("diff", "HEAD:.", code=2).stderr
    assert f"cannot read the files of the revision: {name} missing" in shown
    assert "`git fetch` brings what is missing" in shown


def test_many_files_of_a_revision_are_read_a_few_at_a_time(repository, bench, monkeypatch):
    monkeypatch.setattr("bench.revisions._MOST_AT_ONCE", 300)
    for number in range(7):
        repository.write(**{f"folder__s{number}": BASE.replace("small", f"small-{number}"), f"folder__t{number}": f"no: spec {number}\n" * number})
    repository.write(folder__copy=BASE.replace("small", "small-3"))
    repository.commit("first")
    for number in (2, 5):
        repository.write(**{f"folder__s{number}": BASE.replace("small", f"small-{number}").replace("hello", "goodbye")})
    assert [one["name"] for one in found(bench("diff", "HEAD:folder", "--format", "json"))] == ["small-2", "small-5"]


def test_where_the_fork_is_not_known_that_is_said(repository, bench, tmp_path, monkeypatch):
    repository.write(s=BASE)
    repository.commit("first")
    repository.git("switch", "-q", "-c", "feature")
    repository.commit("nothing of the spec")
    repository.git("switch", "-q", "main")
    repository.write(s=BASE.replace("Say hello", "Say goodbye"))
    repository.commit("main goes on")
    assert bench("diff", "--base", "feature").stdout.startswith("small: ")
    repository.git("clone", "-q", "--depth", "1", "--branch", "feature", repository.folder.as_uri(), str(tmp_path / "shallow"))
    repository.git("-C", str(tmp_path / "shallow"), "fetch", "-q", "--depth", "1", "origin", "main:main")
    monkeypatch.chdir(tmp_path / "shallow")
    seen = bench("diff", "--base", "main")
    assert seen.stdout.startswith("note: compared with main as it is, so that what changed there counts as a change here: this clone is shallow")
    assert json.loads(bench("diff", "--base", "main", "--format", "json").stdout)["note"].endswith("`git fetch --unshallow` brings it")
    assert bench("diff", "--base", "main", "--format", "markdown").stdout.startswith("⚠️ compared with main as it is")


@pytest.mark.parametrize("target", ["outside.txt", "/proc/self/environ"])
def test_a_spec_that_is_a_link_out_of_its_folder_is_not_quoted(repository, bench, target):
    (repository.folder.parent / "outside.txt").write_text("hunter2 and more\n", encoding="utf-8")
    repository.write(s=BASE)
    repository.commit("first")
    (repository.folder / "s.yaml").unlink()
    (repository.folder / "s.yaml").symlink_to(repository.folder.parent / target)
    for words in (("validate", "s.yaml"), ("diff", "HEAD:s.yaml"), ("plan", "s.yaml")):
        seen = bench(*words, code=2)
        assert "'s.yaml' is a link that leads out of its folder" in seen.stderr
        assert "hunter2" not in seen.stdout + seen.stderr
    (repository.folder / "real.yaml").write_text(BASE, encoding="utf-8")
    (repository.folder / "s.yaml").unlink()
    (repository.folder / "s.yaml").symlink_to("real.yaml")
    bench("validate", "s.yaml")


def test_places_are_told_in_both_versions(repository, bench):
    repository.write(s=WITH_INCLUDE + "gates:\n  - {metric: ttft, max: 1 s}\n  - {metric: latency, max: 2 s}\n", sets__more=MORE)
    repository.commit("first")
    changed = WITH_INCLUDE.replace("prompts:", "# a line more\nprompts:") + "gates:\n  - {metric: latency, max: 3 s}\n"
    repository.write(s=changed, sets__more=MORE.replace("Say two words.", "Say three words."))
    shown = bench("diff", "HEAD:s.yaml", "--format", "json")
    at = {tuple(one["where"]): (one["before_at"], one["after_at"]) for one in found(shown)[0]["changes"]}
    assert at["prompts", "two", "user"] == tuple({"file": "sets/more.yaml", "line": 2, "column": 15} for _ in range(2))
    n = WITH_INCLUDE.count("\n")
    assert at["gates", "ttft"] == ({"file": "s.yaml", "line": n + 2, "column": 5}, None)
    before, after = next(places for keys, places in at.items() if keys[:2] == ("gates", "latency"))
    assert (before["line"], after["line"]) == (n + 3, n + 3)
    assert "    at sets/more.yaml:2:15\n" in bench("diff", "HEAD:s.yaml").stdout
    assert "`sets/more.yaml:2`" in bench("diff", "HEAD:s.yaml", "--format", "markdown").stdout


def test_values_are_shown_as_they_are_written_and_prompts_as_they_are_sent(repository, bench):
    text = WITH_INCLUDE + "gates:\n  - {metric: ttft, max: 1 s}\nload: {kind: poisson, rate: 2, max_wait: 90 s}\n"
    more = "prompts:\n  - {id: two, user: 'Say {{ n }}.', vars: {n: 2}, aspects: [{id: x, check: {max_words: 9}}]}\n"
    repository.write(s=text, sets__more=more)
    repository.commit("first")
    changed = text.replace("max: 1 s", "max: 800 ms").replace("90 s", "2 min").replace("metric: ttft,", "metric: latency,")
    repository.write(s=changed + "cost: {model: hourly, price_per_hour: 0.50 EUR}\n", sets__more=more.replace("n: 2", "n: 3").replace("9}", "8}"))
    (diff,) = found(bench("diff", "HEAD:s.yaml", "--format", "json"))
    told = {" › ".join(one["where"]): (one.get("before"), one.get("after")) for one in diff["changes"]}
    assert told == {
        "prompts › two › user": ("Say 2.", "Say 3."),
        "prompts › two › aspects › x › check › max_words": ("9", "8"),
        "load › max_wait": ("90 s", "2 min"),
        "gates › latency": (None, '{"metric":"latency","max":"800 ms"}'),
        "gates › ttft": ('{"metric":"ttft","max":"1 s"}', None),
        "cost": (None, '{"model":"hourly","price_per_hour":"0.50 EUR"}'),
    }


def test_a_large_file_that_a_spec_names_is_compared_whole(repository, bench):
    judged = BASE + "judges: {j: {runtime: external, base_url: 'http://127.0.0.1:9/v1', model: m}}\njudge: {use: j, labels: labels.jsonl}\n"
    repository.write(s=judged)
    labels = repository.folder / "labels.jsonl"
    labels.write_bytes(b"x" * (5 * 2**20))
    repository.commit("first")
    assert "no change" in bench("diff", "HEAD:s.yaml").stdout
    labels.write_bytes(b"x" * (5 * 2**20 - 1) + b"y")
    (one,) = found(bench("diff", "HEAD:s.yaml", "--format", "json"))
    assert [(change["where"], change["effect"]) for change in one["changes"]] == [(["judge", "labels", "(the file)"], "measurement")]
    assert one["changes"][0]["after_at"]["file"] == "s.yaml"


def test_copies_that_runs_keep_and_what_git_ignores_are_no_specs(repository, bench):
    repository.write(s=BASE)
    repository.commit("first")
    repository.write(s=BASE.replace("hello", "goodbye"), runs__small__r1__inputs__s=BASE, runs__small__r1__judging__inputs__s=BASE)
    repository.write(runs__small__r1__spec_resolved=BASE, ignored__s=BASE.replace("small", "ignored"))
    run = repository.folder / "runs" / "small" / "r1"
    (run / "spec_resolved.yaml").rename(run / "spec.resolved.yaml")
    (run / "run.json").write_text("{}", encoding="utf-8")
    (repository.folder / ".gitignore").write_text("ignored/\n", encoding="utf-8")
    for words in (("--base", "HEAD"), ("HEAD:.",), ("HEAD:.", ".")):
        assert [one["after"] for one in found(bench("diff", *words, "--format", "json"))] == ["s.yaml"]
    assert bench("validate", ".").stdout.splitlines() == [f"{name}: valid (1 model, 1 prompt, 1 variant)" for name in ("ignored/s.yaml", "s.yaml")]
    assert [one["after"] for one in found(bench("diff", "HEAD:.", "ignored", "--format", "json"))] == ["ignored/s.yaml"]


@pytest.mark.parametrize("content", [BASE.encode("utf-16"), BASE.encode("utf-16-be"), BASE.encode() + b"# \xff", BASE.encode() + b"#" * 2**22])
def test_a_spec_that_can_no_longer_be_read_is_broken_and_not_gone(repository, bench, content):
    repository.write(s=BASE)
    repository.commit("first")
    (repository.folder / "s.yaml").write_bytes(b"\xfe\xff" * content.startswith(b"\0") + content)
    assert "s: not valid, s.yaml" in bench("diff", "--base", "HEAD", code=2).stdout


def test_a_byte_order_mark_makes_no_other_spec(repository, bench):
    repository.write(s=BASE)
    repository.commit("first")
    (repository.folder / "s.yaml").write_bytes(b"\xef\xbb\xbf" + BASE.encode())
    assert bench("diff", "--base", "HEAD").stdout == "no spec changed\n"


@pytest.mark.parametrize("text", [BASE, BASE.replace("models:", "modls:")])
def test_a_name_that_is_no_text_can_be_told(repository, bench, text):
    repository.commit("first")
    (repository.folder / os.fsdecode(b"s\xff.yaml")).write_text(text, encoding="utf-8")
    (one,) = found(bench("diff", "--base", "HEAD", "--format", "json", code=0 if text == BASE else 2))
    assert one["after"] == "s\ufffd.yaml"


def test_from_a_folder_below_paths_are_still_relative(repository, bench, monkeypatch):
    repository.write(s=BASE, below__t=BASE.replace("small", "more"))
    repository.commit("first")
    repository.write(s=BASE.replace("hello", "goodbye"), below__t=BASE.replace("small", "more").replace("hello", "goodbye"))
    monkeypatch.chdir(repository.folder / "below")
    assert [one["after"] for one in found(bench("diff", "--base", "HEAD", "--format", "json"))] == ["t.yaml", "../s.yaml"]
    assert [one["after"] for one in found(bench("diff", "HEAD:s.yaml", "--format", "json"))] == ["../s.yaml"]


def test_a_submodule_is_named(repository, bench, tmp_path):
    other = Repository(tmp_path / "other")
    other.write(s=BASE)
    other.commit("first")
    repository.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other.folder), "vendor")
    repository.commit("first")
    assert "'vendor' is a submodule in the revision 'HEAD'" in bench("diff", "HEAD:vendor", code=2).stderr
    repository.write(vendor__s=BASE.replace("hello", "goodbye"))
    assert bench("diff", "--base", "HEAD").stdout == "no spec changed\n"


@pytest.mark.parametrize("where", ["bare.git", "work/.git"])
def test_a_store_without_files_is_named(repository, bench, monkeypatch, where):
    repository.write(s=BASE)
    repository.commit("first")
    repository.git("clone", "-q", "--bare", ".", str(repository.folder.parent / "bare.git"))
    monkeypatch.chdir(repository.folder.parent / where)
    for words in (("--base", "HEAD"), ("HEAD:s.yaml",)):
        shown = bench("diff", *words, code=2)
        assert "cannot find a working tree here: this is the store of a repository, or a bare one" in shown.stderr
        assert "hint: work inside a clone" in shown.stderr


def test_a_git_dir_of_elsewhere_is_named(repository, bench, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(repository.folder.parent / "nowhere"))
    assert "not a git repository" in bench("diff", "--base", "HEAD", code=2).stderr
    repository.git("clone", "-q", "--bare", ".", str(repository.folder.parent / "bare.git"))
    monkeypatch.setenv("GIT_DIR", str(repository.folder.parent / "bare.git"))
    assert "GIT_DIR names the store of a repository" in bench("diff", "--base", "HEAD", code=2).stderr
