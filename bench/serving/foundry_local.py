"""Foundry Local: whose service is measured, in this order, so that a spec means the same on every machine that is set up alike.

1. the service that the entry's `base_url:` names
2. the service that the environment's FOUNDRY_LOCAL_ENDPOINT names
3. one that bench hosts itself through the SDK (`foundry_hosted.py`): only there are process, memory, load time and unloading ours to measure
4. without the SDK: the running service that the command `foundry` tells of

No port is ever guessed: it changes with each start.
"""

from bench.errors import ServingError
from bench.protocols import Served, ServingContext
from bench.records.plan import Treatment
from bench.serving.foundry_command import running_service
from bench.serving.foundry_hosted import host
from bench.serving.foundry_process import SdkMissing
from bench.serving.foundry_service import serve_running

ENDPOINT = "FOUNDRY_LOCAL_ENDPOINT"


class FoundryLocal:
    """The runtime `foundry-local`."""

    def serve(self, treatment: Treatment, context: ServingContext) -> Served:
        """Find the service or host one, find the model's exact name, load it."""
        named = treatment.model.base_url or context.environ.get(ENDPOINT)
        if named:
            return serve_running(named, treatment, f"check {ENDPOINT}" if not treatment.model.base_url else "check `base_url:`", context)
        try:
            return host(treatment, context)
        except SdkMissing as missing:
            told = running_service(context.environ)
            if told.address is None:
                hint = f"{missing.hint}; or start a service and set {ENDPOINT} to its address. {told.said}"
                raise ServingError(missing.message, hint=hint, state="unavailable") from missing
            return serve_running(told.address, treatment, "`foundry status` told this address", context)
