"""Specs of any size, and what each thing more costs in memory."""

import tracemalloc

from bench.records.spec import Message, ModelSpec, Prompt, Spec


def spec_of(models=1, prompts=2, **changes):
    """A spec of so many models and prompts."""
    keys = {
        "bench": 1, "name": "x", "version": "1.0.0", "digest": "d" * 64,
        "models": tuple(ModelSpec(id=f"m{k}", runtime="external", base_url="http://localhost:1/v1", model=f"served-{k}") for k in range(models)),
        "prompts": tuple(Prompt(id=f"p{k}", messages=(Message(role="user", content=f"Say {k}."),)) for k in range(prompts)),
    }  # fmt: skip
    return Spec(**{**keys, **changes})


def kept(make, small, large):
    """Bytes that what `make(n)` returns takes for each thing more."""
    return _traced(make, small, large, 0)


def peak(make, small, large):
    """Bytes that `make(n)` takes at its worst moment for each thing more."""
    return _traced(make, small, large, 1)


def _traced(make, small, large, which):
    sizes = []
    for n in (small, large):
        tracemalloc.start()
        try:
            made = make(n)
            sizes.append(tracemalloc.get_traced_memory()[which])
        finally:
            tracemalloc.stop()
        del made
    return (sizes[1] - sizes[0]) / (large - small)
