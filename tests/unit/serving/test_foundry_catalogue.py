import pytest
from harness.foundry_sdk import CPU_ONLY, CUDA, FP32, INT4, WITH_CUDA, environment, variant
from harness.serving import context

from bench.errors import ServingError, UsageError
from bench.records.foundry import ExecutionProvider, FoundryVariant
from bench.serving.foundry_catalogue import catalogue, pull, remove, variants


def test_every_variant_is_told_with_what_the_catalogue_knows_of_it(tmp_path):
    told = {"context_length": 8192, "task": "chat-completion", "capabilities": "chat, code", "supports_tool_calling": True, "max_output_tokens": 2048}
    models = [
        variant(INT4, **told, cached=False),
        variant(CUDA, "GPU", "CUDAExecutionProvider"),
        {**variant(FP32), "alias": "other", "license": None},
    ]
    read = catalogue(context(tmp_path, environ=environment(models, tmp_path, providers={"CUDAExecutionProvider": False})))
    first, second, third = read.variants
    assert first == FoundryVariant(
        id=INT4, name="smol-int4-generic-cpu", version=2, alias="smol", device="cpu", execution_provider="CPUExecutionProvider",
        size_bytes=90 << 20, is_chosen=True, license="apache-2.0", task="chat-completion", context=8192, max_output_tokens=2048,
        capabilities=("chat", "code", "tools"),
    )  # fmt: skip
    assert (second.device, second.is_cached, second.is_chosen) == ("gpu", True, False)
    assert (third.alias, third.license, third.is_chosen) == ("other", None, True)
    assert read.providers == (ExecutionProvider(name="CUDAExecutionProvider", is_registered=False),)
    assert (read.sdk, read.unreachable) == ("2.2.1", None)
    assert read.took_s >= 0


@pytest.mark.parametrize(("offline", "why"), [(False, "Catalog request failed across 7 region(s)"), (True, "`--offline` is set")])
def test_a_catalogue_that_the_sdk_refuses_for_want_of_a_network_is_an_empty_one_with_its_words(tmp_path, offline, why):
    # As 1.2.4 did with an empty cache; 2.2.1 gives an empty list.
    environ = environment(CPU_ONLY, tmp_path, generation=1, breaks={"list": ["Catalog request failed across 7 region(s)", None]})
    read = catalogue(context(tmp_path, environ=environ, offline=offline))
    assert (read.variants, read.unreachable) == ((), why)
    with pytest.raises(ServingError, match="nothing of it is cached") as caught:
        variants("smol", context(tmp_path, environ=environ, offline=offline))
    assert caught.value.state == "unavailable"


def test_a_name_means_one_variant_or_all_of_an_alias(tmp_path):
    where = context(tmp_path, environ=environment(WITH_CUDA, tmp_path))
    assert [found.id for found in variants("SMOL", where)] == [CUDA, INT4, FP32]
    assert [found.id for found in variants("smol-int4-generic-cpu", where)] == [INT4]
    with pytest.raises(ServingError, match="no model 'smal'"):
        variants("smal", where)


def test_pulling_fetches_what_is_not_there_and_only_that(tmp_path):
    told = []
    where = context(tmp_path, environ=environment([variant(INT4, cached=False), variant(FP32)], tmp_path), progress=lambda *step: told.append(step))
    assert pull(INT4, where).is_cached
    assert told[0] == (f"download {INT4}", 0, 90 << 20)
    told.clear()
    assert pull(FP32, where, device="cpu").id == FP32
    assert told == []


def test_what_is_removed_must_be_named_and_there(tmp_path):
    where = context(tmp_path, environ=environment(CPU_ONLY, tmp_path))
    with pytest.raises(UsageError, match=f"'smol' means 2 cached variants: {INT4}, {FP32}"):
        remove("smol", where)
    assert remove(FP32, where).id == FP32
    gone = context(tmp_path, environ=environment([variant(INT4, cached=False)], tmp_path))
    with pytest.raises(UsageError, match="'smol' is not cached"):
        remove("smol", gone)


def test_an_odd_entry_is_told_as_far_as_it_makes_sense(tmp_path):
    odd = variant("x\x1b[31m:3", "TPU", None, context_length="many", file_size_mb=-1, license="a" * 999, capabilities=",,")
    (found,) = catalogue(context(tmp_path, environ=environment([odd], tmp_path))).variants
    assert "\x1b" not in found.id
    assert (found.device, found.execution_provider, found.context, found.size_bytes, found.capabilities) == (None, None, None, None, ())
    assert len(found.license) <= 401
