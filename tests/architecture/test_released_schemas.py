import hashlib
import json

import pytest
from harness.released import DIGESTS, edited, unrecorded
from harness.repository import Repository
from harness.source_tree import ROOT


def test_no_published_schema_was_edited():
    assert edited(ROOT) == []


def test_the_schemas_of_every_tagged_release_are_kept():
    assert unrecorded(ROOT) == []


@pytest.fixture
def released(tmp_path):
    """A repository whose first release published one schema."""
    repository = Repository(tmp_path / "work")
    for name, text in (("schemas/spec.v1.schema.json", '{"a": 1}\n'), (DIGESTS, "{}\n")):
        path = repository.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    repository.commit("first")
    return repository


def test_from_the_first_tag_on_a_schema_is_frozen(released):
    root = released.folder
    schema = root / "schemas" / "spec.v1.schema.json"
    assert unrecorded(root) == edited(root) == []
    released.git("tag", "v0.1.0")
    (wrong,) = unrecorded(root)
    digest = hashlib.sha256(schema.read_bytes()).hexdigest()
    assert f'"spec.v1.schema.json": "{digest}"' in wrong
    (root / DIGESTS).write_text(json.dumps({schema.name: digest}), encoding="utf-8")
    assert unrecorded(root) == edited(root) == []
    schema.write_text('{"a": 2}\n', encoding="utf-8")
    assert "was published with" in edited(root)[0]
    (root / DIGESTS).write_text(json.dumps({schema.name: hashlib.sha256(schema.read_bytes()).hexdigest()}), encoding="utf-8")
    assert len(unrecorded(root)) == 1
    schema.unlink()
    assert "is no file now" in edited(root)[0]
