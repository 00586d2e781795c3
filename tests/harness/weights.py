"""Weights of real models, which are fetched once for all tests."""

import os

from bench.serving.cache import default_folder


def with_weights(folder):
    """An environment whose cache is a test's own but for the weights in it, which are the user's: what judges said before is in a cache, too."""
    shared, cache = default_folder(os.environ) / "weights", folder / "cache"
    shared.mkdir(parents=True, exist_ok=True)
    cache.mkdir(exist_ok=True)
    if not (cache / "weights").exists():
        (cache / "weights").symlink_to(shared)
    return {"BENCH_CACHE": str(cache)}
