"""Payloads without what no two runs have in common: ids, tokens, times, the order of JSON's members.

Knows which text is a run's own (the names it had to make unique, UUIDs, drawn tokens, milliseconds since the
epoch) and gives a neutral word for it; refuses to know what a payload means. Pure; called by `lines` and `calls`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping

from otakit.protocol.messages import NotJson, parse_json

HEAD = 8  # bytes of a payload shown to people
LONGEST = 300  # characters of it
SMALL = 64  # bytes of a payload that is remembered: tens of thousands of them say the same
DRAWN = frozenset({"credentialsValue", "credentialsId", "token", "refreshToken", "apiKey"})
"""Members whose text the server draws."""
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_MILLISECONDS = re.compile(r"(?<!\d)1[5-9]\d{11}(?!\d)")
_NOW = range(1_500_000_000_000, 2_000_000_000_000)


class Neutral:
    """Takes out of texts what is one run's own.

    Args:
        names: this run's words and the neutral ones.
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        # the longest first: a name may be the beginning of another
        self._names = dict(sorted(((own, word) for own, word in names.items() if own), key=lambda pair: -len(pair[0])))
        self._known: dict[bytes, str] = {}
        self._own = re.compile("|".join(map(re.escape, self._names))) if self._names else None
        self._names = {own: self.text(word) for own, word in self._names.items()}  # a word may name another

    def text(self, text: str) -> str:
        """The same text for every run."""
        if self._own is not None:
            text = self._own.sub(lambda found: self._names[found[0]], text)
        return _MILLISECONDS.sub("<time>", _UUID.sub("<id>", text))

    def json(self, value: object, name: str = "") -> object:
        """A JSON value for every run; what stands under ``deleted`` is a set."""
        if isinstance(value, dict):
            return {self.text(key): self.json(item, key) for key, item in value.items()}
        if isinstance(value, list):
            items = [self.json(item) for item in value]
            return sorted(items, key=printed) if name == "deleted" else items
        if isinstance(value, str):
            return "<token>" if name in DRAWN and value else self.text(value)
        if isinstance(value, int) and not isinstance(value, bool) and value in _NOW:
            return "<time>"
        return value

    def payload(self, payload: bytes) -> str:
        """A payload in words that are equal when two payloads say the same: JSON, text, or the digest of bytes."""
        if len(payload) > SMALL:
            return self._payload(payload)
        if (known := self._known.get(payload)) is None:
            known = self._known[payload] = self._payload(payload)
        return known

    def _payload(self, payload: bytes) -> str:
        if not payload:
            return "empty"
        value = parse_json(payload) if payload[:1] in b"{[" else NotJson("")
        if not isinstance(value, NotJson):
            return printed(self.json(value))
        if len(payload) <= LONGEST and payload.isascii() and payload.decode().isprintable():
            return self.text(payload.decode())
        digest = hashlib.sha256(payload).hexdigest()[:12]
        return f"{in_bytes(len(payload))} ({payload[:HEAD].hex(' ')} …, SHA-256 {digest})"


def printed(value: object) -> str:
    """JSON with its members in order."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def in_bytes(count: int) -> str:
    """``1 byte``, ``65,536 bytes``."""
    return f"{count:,} byte{'s' * (count != 1)}"


def shortened(text: str) -> str:
    """A text that fits into a cell of a table."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
