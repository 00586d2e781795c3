"""Texts from strangers, made harmless for a prompt: they cannot close their tags, open a turn of the chat, or hide anything.

Servers read a chat template's special tokens wherever they stand in a message (llama.cpp tokenizes the rendered prompt as a whole), so an answer with
`<|im_end|>` in it could speak as somebody else. Every such token, and every tag of ours, begins with `<` or stands in square brackets, in capitals.
"""

import re
from hashlib import sha256

_OPENING = re.compile(r"<(?=\S)")
_BRACKETED = re.compile(r"\[(?=/?\w*[A-Z]{2}\w*\])")  # [INST], [/INST], [TOOL_CALLS], [gMASK]
# Invisible, and able to reorder or smuggle text: bidirectional controls, tag characters, zero-width space, word joiner, byte order mark.
# Joiners (U+200C, U+200D) stay, as several scripts and emoji need them.
_HIDDEN = re.compile("[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]")
_BREAKS = re.compile("\r\n?|[\u2028\u2029\u0085\v\f]")
_UNSEEN = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff]")  # controls, and halves of characters, which no request can carry


def escaped(text: str) -> str:
    """The text with no `<` right before a character, no `[CAPITALS]`, and no control, hidden or broken character.

    >>> escaped("a < b, <b>x</b> </answer-1> [INST] [1]")
    'a < b, < b>x< /b> < /answer-1> [ INST] [1]'
    """
    text = _HIDDEN.sub("", _BREAKS.sub("\n", text))
    return _BRACKETED.sub("[ ", _OPENING.sub("< ", _UNSEEN.sub("\ufffd", text)))


def one_line(text: str) -> str:
    """The escaped text with its white space joined, so that it ends where its line does."""
    return " ".join(escaped(text).split())


def fenced(tag: str, text: str, seed: int) -> str:
    """The escaped text between two tags with a nonce of its own.

    The nonce follows from the text and the seed, so the same text makes the same prompt (and a server's prefix cache works), and nobody can write a
    text that holds its own nonce.
    """
    inner = escaped(text)
    nonce = _nonce(seed, tag, inner)
    return f"<{tag}-{nonce}>\n{inner}\n</{tag}-{nonce}>"


def _nonce(seed: int, tag: str, text: str) -> str:
    turn = 0
    while True:
        nonce = sha256(f"{seed}\0{turn}\0{tag}\0{text}".encode()).hexdigest()[:8]
        if nonce not in text:
            return nonce
        turn += 1
