from pathlib import Path

from harness.specs import BASE

from bench.spec_files import specs_in


def test_what_may_not_be_read_is_left_to_whoever_opens_it(tmp_path, monkeypatch):
    for name in ("good.yaml", "kept.yaml", "gone.yaml"):
        (tmp_path / name).write_text(BASE, encoding="utf-8")
    (tmp_path / "other.yaml").write_text("a: 1\n", encoding="utf-8")
    read = Path.read_bytes

    def refuse(path):
        if path.name == "kept.yaml":
            raise PermissionError(13, "Permission denied", str(path))
        if path.name == "gone.yaml":
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert [path.name for path in specs_in(tmp_path)] == ["good.yaml", "kept.yaml"]
