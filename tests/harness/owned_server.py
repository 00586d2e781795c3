"""The mock chat server as a program that bench starts itself: `owned_server.py PORT [NAME=VALUE…]`, each a field of `Behaviour`."""

import asyncio
import sys

import msgspec

from bench.providers.mock_behaviour import Behaviour
from bench.providers.mock_server import MockServer


class _AtPort(MockServer):
    async def start_at(self, port):
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", port)


async def serve(port, settings):
    await _AtPort(msgspec.convert(settings, Behaviour, strict=False)).start_at(port)
    await asyncio.sleep(600)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), dict(pair.split("=", 1) for pair in sys.argv[2:])))
