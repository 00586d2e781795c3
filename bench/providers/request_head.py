"""The head of every request to one path of one server, up to the length of the body."""

from bench.providers.wire.pool import Origin


def request_head(origin: Origin, path: str, *, accept: str, credential: str | None) -> bytes:
    """The bytes before the number of the body's bytes.

    Raises: ValueError when the address or the credential cannot stand in a request; neither is shown.
    """
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {origin.authority}",
        "Content-Type: application/json",
        f"Accept: {accept}",
        "Accept-Encoding: identity",
        "User-Agent: bench",
    ]
    if credential:
        lines.append(f"Authorization: Bearer {credential}")
    if any(ord(letter) < 32 or ord(letter) > 126 for line in lines for letter in line):
        raise ValueError("the base URL or the credential holds a character that cannot stand in an HTTP head (a line break, a space too many?)")
    return ("\r\n".join(lines) + "\r\nContent-Length: ").encode("ascii")


def whole(head: bytes, body: bytes) -> bytes:
    """The request with its body."""
    return b"%b%d\r\n\r\n%b" % (head, len(body), body)
