"""A provider whose model answers with the last message it was sent, word for word, as promptfoo's `echo` does."""

import msgspec

from bench.providers.fake import Fake


class Echo(Fake):
    def _completion(self, request, n):
        return msgspec.structs.replace(super()._completion(request, n), text=request.messages[-1].content)
