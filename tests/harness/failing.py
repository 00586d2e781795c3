"""A made-up model that always fails, after a moment."""

from bench.providers.fake import Fake
from bench.records.serving import Endpoint


class Failing(Fake):
    """Fails every request."""

    def __init__(self, endpoint, credential, clock):
        del endpoint
        super().__init__(
            Endpoint(base_url="fake://m?failure_share=1&failure=bad_request&pace=real&ttft_ms=1&itl_ms=0", served_model="m", owned=True),
            credential,
            clock,
        )
