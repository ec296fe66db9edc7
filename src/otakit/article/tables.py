"""The article's tables, made from the tables that the code itself runs on, as reStructuredText.

Topics come from the message table, keys from the package, statuses from the client's vocabulary, checksums
from the algorithms, error words from the twin and the client, limits from the twin's settings. What those do
not say, the sentences, stands here; a word of theirs without a sentence is a `KeyError`. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence

from otakit.article.cut import Recorded
from otakit.client.endings import WORDS
from otakit.client.events import Status
from otakit.errors import SettingsError
from otakit.protocol.checksums import ALGORITHMS, checksum_of
from otakit.protocol.messages import (
    ATTRIBUTES_RESPONSE_FILTER,
    ATTRIBUTES_TOPIC,
    RPC_RESPONSE_FILTER,
    TABLE,
    AttributesResponse,
    AttributesUpdate,
    Kind,
    chunk_filter,
    error_filter,
)
from otakit.protocol.package import KEYS, REQUESTED, attribute_keys
from otakit.run.history import BY_SERVER
from otakit.twin.chunks import OTA_ERROR
from otakit.twin.settings import KNOBS, TwinSettings

FW, SW = Kind.FIRMWARE, Kind.SOFTWARE
CHECK_TEXT = "123456789"
NOTHING = "–"
Row = Sequence[str]


def list_table(head: Row, rows: Iterable[Row], widths: Sequence[int]) -> list[str]:
    """A table in lines of reStructuredText.

    Args:
        head: of the columns.
        rows: of texts with markup.
        widths: of the columns, in parts.
    """
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {' '.join(map(str, widths))}", ""]
    for row in (head, *rows):
        assert len(row) == len(head), row
        for at, text in enumerate(row):
            first, *more = text.split("\n")
            lines += [f"   {'* -' if at == 0 else '  -'} {first}".rstrip(), *(f"       {line}" for line in more)]
    return lines


def code(text: str) -> str:
    """A literal."""
    return f"``{text}``"


def topic(row: str, kind: Kind = FW) -> str:
    """A topic name of the message table, as the article writes its placeholders."""
    found = TABLE[row].topic.replace("v2/fw/", f"v2/{kind.value}/")
    return found.replace("{request_id}", "{requestId}").replace("{index}", "{chunkIndex}")


# topics

FUNCTIONS: dict[str, tuple[Callable[[Kind], str | None], str | None, str | None, str]] = {
    "Request attribute values": (lambda _: ATTRIBUTES_RESPONSE_FILTER, "AttributesRequest", "AttributesResponse", "no"),
    "Hear of attribute updates": (lambda _: ATTRIBUTES_TOPIC, None, "AttributesUpdate", "**yes**"),
    "Request chunks": (chunk_filter, "ChunkRequest", "ChunkResponse", "no"),
    "Hear of errors": (lambda _: error_filter(FW), None, "OtaError", "no"),
    "Report status and version": (lambda _: None, "Telemetry", None, NOTHING),
    "Ask for the limits (optional)": (lambda _: RPC_RESPONSE_FILTER, "RpcRequest", "RpcResponse", "no"),
}
"""Function, its filter, the rows to send and to receive, and whether the answer needs the subscription."""


def topics(kind: Kind = FW) -> list[str]:
    """Function × SUBSCRIBE, send, receive; a row for each of the three, so that it fits a narrow page."""
    rows = []
    for function, (name, sent, received, needed) in FUNCTIONS.items():
        # the error topic is the firmware's for both kinds
        heard = TABLE[received].topic if received == "OtaError" else received and topic(received, kind)
        ways = (
            ("SUBSCRIBE, Client to Server", name(kind), NOTHING),
            ("PUBLISH, Client to Server", sent and topic(sent, kind), NOTHING),
            ("PUBLISH, Server to Client", heard, needed),
        )
        found = [(packet, code(text), last) for packet, text, last in ways if text]
        rows += [(function if at == 0 else "", *cells) for at, cells in enumerate(found)]
    head = ("Function", "Packet and direction", "Topic Filter or Topic Name", "To subscribers only")
    return list_table(head, rows, (18, 24, 44, 14))


def renamed() -> list[str]:
    """What becomes of each name when firmware becomes software."""
    names: list[tuple[str, str, str]] = [
        ("Filter of the chunks", chunk_filter(FW), chunk_filter(SW)),
        ("Chunk request", topic("ChunkRequest", FW), topic("ChunkRequest", SW)),
        ("Chunk", topic("ChunkResponse", FW), topic("ChunkResponse", SW)),
        ("Filter and topic of errors", error_filter(FW), TABLE["OtaError"].topic),
        ("Filter of attribute answers", ATTRIBUTES_RESPONSE_FILTER, ATTRIBUTES_RESPONSE_FILTER),
        ("Attribute request", topic("AttributesRequest"), topic("AttributesRequest", SW)),
        ("Attribute updates", ATTRIBUTES_TOPIC, ATTRIBUTES_TOPIC),
        ("Telemetry", topic("Telemetry"), topic("Telemetry", SW)),
    ]
    names += [
        (f"Attribute: {key}", ours, theirs)
        for key, ours, theirs in zip(REQUESTED, attribute_keys(FW), attribute_keys(SW), strict=True)
    ]
    for what, key in (("Status", "{}_state"), ("Reason of FAILED", "{}_error"), ("Title that runs", "current_{}_title"),
                      ("Version that runs", "current_{}_version"), ("Assigned title", "target_{}_title"),
                      ("Assigned version", "target_{}_version"), ("Assigned tag", "target_{}_tag"),
                      ("Time of assignment", "target_{}_ts")):  # fmt: skip
        names.append((f"Telemetry: {what}", key.format("fw"), key.format("sw")))
    rows = [(what, _stacked(code(ours), code(theirs)), _verdict(ours, theirs)) for what, ours, theirs in names]
    return list_table(("What", "Firmware, and below it software", "Does replacing give it?"), rows, (26, 50, 24))


def _stacked(*texts: str) -> str:
    """Texts of one cell, under each other."""
    return "\n".join(f"| {text}" for text in dict.fromkeys(texts))


def _verdict(ours: str, theirs: str) -> str:
    replaced = ours.replace("v2/fw/", "v2/sw/").replace("fw_", "sw_")
    if replaced != theirs:
        return f"**no**: {code(replaced)} stays silent"
    return "the same name" if ours == theirs else "yes"


# keys

SHOWN, LONGEST = 16, 24
"""Characters that are shown of a text that is longer than so many."""
KEY_SENTENCES = {
    "title": ("string", "never"),
    "version": ("string", "never"),
    "size": ("integer, bytes", "a URL package whose size was not given"),
    "checksum": ("string, hexadecimal", "a URL package without one"),
    "checksum_algorithm": ("string", "a URL package without one"),
    "url": ("string", "a stored package"),
    "tag": ("string", "a package without a version tag"),
    "ts": (NOTHING, "always: it is only ever deleted"),
    "state": (NOTHING, "always: it is only ever deleted"),
}


def keys(*recordings: Recorded) -> list[str]:
    """The keys that a device may receive, and those that are only ever deleted; examples from recordings."""
    ordered = [*REQUESTED, *(key for key in KEYS if key not in REQUESTED)]
    rows = []
    for key in ordered:
        kind, absent = KEY_SENTENCES[key]
        name, can = f"fw_{key}", key in REQUESTED
        example = code(_value(name, recordings)) if can else NOTHING
        rows.append((code(name), kind, example, absent, "yes" if can else "**no**"))
    return list_table(("Key", "Type", "Example", "When it is absent", "Can be received"), rows, (24, 18, 18, 28, 12))


def _value(key: str, recordings: Sequence[Recorded]) -> str:
    """The first value of an attribute in recordings, as it is on the wire; long ones are cut."""
    for packet in (packet for recorded in recordings for packet in recorded.packets):
        if isinstance(packet.says, AttributesResponse | AttributesUpdate) and isinstance(packet.says.body, dict):
            body = packet.says.body
            values = body.get("shared", body)
            if key in values:
                text = json.dumps(values[key], ensure_ascii=False)
                return text if len(text) <= LONGEST else f'{text[:SHOWN]}…"'
    raise SettingsError(f"no recording has a value of {key}")


# statuses

STATUS_SENTENCES = {
    "QUEUED": ("a package was assigned to the device; its turn to be told has not come", "the server"),
    "INITIATED": (
        "its turn has come: the new attributes are written next, and told to the device if it is connected",
        "the server",
    ),
    "DOWNLOADING": ("the first chunk is being asked for", "the device"),
    "DOWNLOADED": ("all bytes are there, on the disk", "the device"),
    "VERIFIED": ("length and checksum are those announced", "the device"),
    "UPDATING": ("the image is being installed; a restart may follow", "the device"),
    "UPDATED": ("the new image **runs** and was confirmed", "the device"),
    "FAILED": ("it did not work; the old image runs, the reason stands in ``fw_error``", "the device"),
}


def statuses() -> list[str]:
    """Status, when it is true, payload, who writes it."""
    names = [*sorted(BY_SERVER, reverse=True), *(status.value for status in Status)]
    rows = []
    for name in names:
        sentence, writer = STATUS_SENTENCES[name]
        rows.append((code(name), sentence, _status_payload(name), writer))
    return list_table(("Status", "When it is true", "Payload", "Who writes it"), rows, (16, 36, 34, 14))


def _status_payload(name: str) -> str:
    if name in BY_SERVER:
        return "none: the server writes its own telemetry"
    more = {"FAILED": ("fw_error",), "UPDATED": ("current_fw_title", "current_fw_version")}.get(name, ())
    beside = ", beside it " + " and ".join(map(code, more)) if more else ""
    return code(f'{{"fw_state":"{name}"}}') + beside


# checksums

BYTE_ORDERS = {
    "CRC32": ("little-endian", 'zlib.crc32(data).to_bytes(4, "little").hex()'),
    "MURMUR3_32": ("little-endian", 'mmh3.hash(data, 0, signed=False).to_bytes(4, "little").hex()'),
    "MURMUR3_128": ("x64 variant, both halves little-endian", "mmh3.hash_bytes(data, 0).hex()"),
    **{name: ("the usual digest", f"hashlib.{name.lower()}(data).hexdigest()") for name in
       ("MD5", "SHA256", "SHA384", "SHA512")},
}  # fmt: skip


def checksums() -> list[str]:
    """Each algorithm with the checksum of a known text."""
    rows = []
    for name in ALGORITHMS:
        order, call = BYTE_ORDERS[name]
        found = checksum_of(name, CHECK_TEXT.encode())
        shown = found if len(found) <= 2 * SHOWN else f"{found[:SHOWN]}…{found[-4:]}"
        rows.append((code(name), code(shown), str(len(found)), f"{order}\n\n{code(call)}"))
    head = ("Algorithm", f"Checksum of ``{CHECK_TEXT}``", "Digits", "Byte order, and the same in Python")
    return list_table(head, rows, (14, 26, 8, 52))


# errors

ERROR_SENTENCES = {
    "NOT_FOUND": ("no package is assigned, or it was deleted", "report ``FAILED``; request the attributes again"),
    "FAILURE": ("the package lies behind a URL", "fetch ``fw_url``, or report ``FAILED``"),
    "UNKNOWN": ("the device was deleted while it asked", "stop; the token is of no use any more"),
    "PAYLOAD_TOO_LARGE": ("the chunk size is above the limit", "connect again and ask for smaller chunks"),
}


def errors() -> list[str]:
    """The four error words."""
    rows = []
    for word in WORDS:
        why, then = ERROR_SENTENCES[word]
        rows.append((code(word), why, "the connection is closed", f"DISCONNECT 0x{OTA_ERROR:02X}, then closed", then))
    head = ("Payload", "Why", "MQTT 3.1.1: what follows", "MQTT 5: what follows", "What the device does")
    return list_table(head, rows, (18, 24, 18, 20, 24))


# limits

LIMIT_SENTENCES = {
    "max_payload_bytes": ("largest chunk, and largest packet of a device", "{:,} bytes"),
    "dispatch_spacing_s": ("between two devices that are told of a package", "{} s"),
    "cache_entries": ("packages whose bytes are held for chunks", "{}"),
    "cache_ttl_s": ("after loading, until those bytes are dropped", "{:,} s"),
    "inactivity_s": ("without a sign of life, until the connection is closed", "{} s"),
    "connections_per_device": ("connections of one device at a time", "{}"),
    "core_timeout_s": ("until a first chunk request that is not answered ends the connection", "{} s"),
    "http_payload_limit_bytes": ("largest upload to the REST API", "{:,} bytes"),
}


def limits() -> list[str]:
    """The limits that a device or an operator meets, with ThingsBoard's names for them."""
    usual = TwinSettings()
    rows = []
    for name, (sentence, shown) in LIMIT_SENTENCES.items():
        settings = " and ".join(code(part) for part in KNOBS[name].split(" / "))
        rows.append((sentence, shown.format(getattr(usual, name)), settings))
    return list_table(("Limit", "As ThingsBoard ships", "Setting of the server"), rows, (40, 20, 40))


TABLES: dict[str, Callable[..., list[str]]] = {
    "topics": topics,
    "renamed": renamed,
    "keys": keys,
    "statuses": statuses,
    "checksums": checksums,
    "errors": errors,
    "limits": limits,
}
"""Each by the name under which the article asks for it; recordings behind the name are handed on."""
