"""Secrets inside JSON, overwritten with ``*`` of equal length so that it stays the same JSON.

Knows which names hold secrets; refuses to know packets and topics. Works on the bytes as they came, so
that nothing but the secrets changes. Called by `record.masking`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

SECRET_NAME = re.compile(r"(?i)passw|passphrase|secret|token|credential|private.?key|api.?key|access.?key|\bpsk\b")
PLAIN_PROVISIONING = frozenset(
    {"deviceName", "credentialsType", "status", "errorMsg", "gateway", "provisionType"}
)  # all else in a provisioning message proves who one is
_HINT = re.compile(
    rb"(?i)passw|passphrase|secret|token|credential|private|api.?key|access.?key|psk|provision|\\u|:(?:\\?/){2}"
)
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"?|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_USER_INFO = re.compile(rb'(?<=://)[^/@\s"\\]+(?=@)|(?<=:\\/\\/)[^/@\s"\\]+(?=@)')
_QUERY = re.compile(rb'(?i)([?&][^=&?"#\s]{0,64}(?:token|sig|secret|passw|credential|key)[^=&?"#\s]{0,64}=)([^&"#\s]+)')


def may_hold_secrets(data: bytes) -> bool:
    """False for what surely holds none, told without parsing it; `data` may be more than the payload."""
    return _HINT.search(data) is not None


def masked_json(payload: bytes) -> bytes:
    """A payload with the values under secret names overwritten, and what a URL carries beside its address.

    Returns:
        The same object when it holds none. What is no JSON is treated as far as it looks like it.
    """
    if not may_hold_secrets(payload):
        return payload
    clean = _walked(payload, secret=lambda name: SECRET_NAME.search(name) is not None)
    clean = _USER_INFO.sub(lambda found: b"*" * len(found[0]), clean)
    clean = _QUERY.sub(lambda found: found[1] + b"*" * len(found[2]), clean)
    return payload if clean == payload else clean


def masked_provisioning(payload: bytes) -> bytes:
    """A provisioning message of which only names, kinds and outcomes are left; all of it when it is no JSON."""
    try:
        whole = isinstance(json.loads(payload), dict)
    except (ValueError, RecursionError):
        whole = False
    if not whole:
        return b"*" * len(payload)
    return _walked(payload, secret=lambda name: name not in PLAIN_PROVISIONING)


def _walked(payload: bytes, secret: Callable[[str], bool]) -> bytes:
    """Overwrites each value that stands under a secret name, at any depth."""
    out = bytearray(payload)
    hidden, stack = False, [False]  # now, and inherited by each open bracket
    for found in _TOKEN.finditer(payload):
        token, (start, end) = found[0], found.span()
        if token in (b"{", b"["):
            stack.append(hidden)
        elif token in (b"}", b"]"):
            del stack[max(1, len(stack) - 1) :]  # more closed than opened: no JSON, but no reason to stop
            hidden = stack[-1]
        elif token == b",":
            hidden = stack[-1]
        elif token[:1] == b'"' and _is_name(payload, end):
            hidden = stack[-1] or secret(_text(token))
        elif hidden and token != b":":
            out[start:end] = _stars(token)
    return bytes(out)


def _is_name(payload: bytes, at: int) -> bool:
    while payload[at : at + 1] in (b" ", b"\t", b"\r", b"\n"):
        at += 1
    return payload[at : at + 1] == b":"


def _text(token: bytes) -> str:
    try:
        return str(json.loads(token))
    except ValueError:
        return token.decode(errors="replace")


def _stars(token: bytes) -> bytes:
    """Stars of equal length that keep the JSON sound: a number becomes a text of stars."""
    if token[:1] == b'"':
        closed = len(token) > 1 and token.endswith(b'"')
        return b'"' + b"*" * (len(token) - 1 - closed) + b'"' * closed
    if token in (b"true", b"false", b"null"):
        return token
    return b'"' + b"*" * (len(token) - 2) + b'"' if len(token) > 1 else b"0"
