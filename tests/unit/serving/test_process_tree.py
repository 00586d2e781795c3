import os
import sys

import pytest

from bench.serving import process_tree
from bench.serving.process_tree import ProcessTree


def test_the_present_process_can_be_read():
    tree = ProcessTree(os.getpid(), spawns=False)
    assert tree.rss_bytes() > 1_000_000
    assert tree.root_peak_bytes() is None or tree.root_peak_bytes() > 1_000_000
    assert tree.cpu_s() > 0


def test_a_process_that_is_gone_has_an_unknown_size_and_not_zero():
    tree = ProcessTree(2**22 + 1)  # above Linux's largest process id
    assert tree.rss_bytes() is None
    assert tree.cpu_s() is None
    assert tree.root_peak_bytes() is None


def test_without_psutil_nothing_is_known_and_nothing_breaks(monkeypatch):
    monkeypatch.setattr(process_tree, "psutil", None)
    tree = ProcessTree(2**22 + 1)
    assert not process_tree.is_readable()
    assert (tree.rss_bytes(), tree.root_peak_bytes(), tree.cpu_s()) == (None, None, None)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process's children by itself")
@pytest.mark.parametrize(("few", "listings"), [(10_000, 20), (0, 2)])
def test_a_tree_of_many_threads_is_not_listed_for_each_reading(monkeypatch, few, listings):
    asked, ask = [], process_tree._descendants
    monkeypatch.setattr(process_tree, "_FEW_THREADS", few)
    monkeypatch.setattr(process_tree, "_descendants", lambda *of: asked.append(of) or ask(*of))
    tree = ProcessTree(os.getpid())
    for _ in range(20):
        tree.rss_bytes()
    assert len(asked) == listings
    tree.look_again()
    tree.rss_bytes()
    assert len(asked) == listings + 1  # loaded: what it started meanwhile must be there
