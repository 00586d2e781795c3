"""Neighbours: the closed loops that one writes by hand, with aiohttp and with the openai SDK. Each content chunk is stamped when it is at hand.

loops.py aiohttp|openai --port P --requests N --concurrency C [--plain] --out FILE
"""

import argparse
import asyncio
import struct
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

Call = Callable[[int, list[int]], Awaitable[None]]


def words() -> argparse.Namespace:
    """The command line."""
    grammar = argparse.ArgumentParser()
    grammar.add_argument("client", choices=("aiohttp", "openai"))
    grammar.add_argument("--port", type=int, required=True)
    grammar.add_argument("--requests", type=int, required=True)
    grammar.add_argument("--concurrency", type=int, required=True)
    grammar.add_argument("--plain", action="store_true")
    grammar.add_argument("--out", type=Path, required=True)
    return grammar.parse_args()


def body(number: int, *, is_stream: bool) -> dict[str, object]:
    """One request."""
    made: dict[str, object] = {"model": "mock", "messages": [{"role": "user", "content": f"tag-{number} Write on."}], "stream": is_stream}
    return made | {"stream_options": {"include_usage": True}} if is_stream else made


async def closed_loop(options: argparse.Namespace, call: Call) -> None:
    """`concurrency` calls in flight until all are answered; then the stamps are written."""
    numbers = iter(range(options.requests))
    seen: dict[int, tuple[int, list[int]]] = {}

    async def place() -> None:
        for number in numbers:
            stamps: list[int] = []
            seen[number] = (time.monotonic_ns(), stamps)
            await call(number, stamps)

    await asyncio.gather(*(place() for _ in range(options.concurrency)))
    with options.out.open("wb") as file:
        for number, (sent, stamps) in seen.items():
            file.write(struct.pack(f"{3 + len(stamps)}q", number, sent, len(stamps), *stamps))


async def with_aiohttp(options: argparse.Namespace) -> None:
    """Server-sent events by line, decoded by msgspec."""
    import aiohttp  # noqa: PLC0415 - each loop pays only for its own library
    import msgspec  # noqa: PLC0415

    url = f"http://127.0.0.1:{options.port}/v1/chat/completions"
    decode = msgspec.json.Decoder().decode

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), read_bufsize=1 << 20) as session:

        async def call(number: int, stamps: list[int]) -> None:
            async with session.post(url, json=body(number, is_stream=not options.plain)) as response:
                if options.plain:
                    decode(await response.read())
                    stamps.append(time.monotonic_ns())
                    return
                async for line in response.content:
                    now = time.monotonic_ns()
                    if line.startswith(b"data: {"):
                        choices = decode(line[6:])["choices"]
                        if choices and choices[0]["delta"].get("content"):
                            stamps.append(now)

        await closed_loop(options, call)


async def with_openai(options: argparse.Namespace) -> None:
    """The SDK's own streams."""
    import openai  # noqa: PLC0415

    client = openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{options.port}/v1", api_key="none", max_retries=0)

    async def call(number: int, stamps: list[int]) -> None:
        answer = await client.chat.completions.create(**body(number, is_stream=not options.plain))
        if options.plain:
            stamps.append(time.monotonic_ns())
            return
        async for chunk in answer:
            if chunk.choices and chunk.choices[0].delta.content:
                stamps.append(time.monotonic_ns())  # noqa: PERF401 - a clock reading per chunk, not a list

    await closed_loop(options, call)


if __name__ == "__main__":
    given = words()
    asyncio.run({"aiohttp": with_aiohttp, "openai": with_openai}[given.client](given))
