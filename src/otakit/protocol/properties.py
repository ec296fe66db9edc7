"""MQTT 5 properties: bytes to pairs and back (OASIS MQTT 5, section 2.2.2).

Knows the type of every property identifier; refuses to know which packet may carry which one,
beyond that the identifier exists. Called by `protocol.decode` and `protocol.encode`, and by
recordings, which overwrite secrets among them.
"""

from __future__ import annotations

from otakit.errors import LocalProtocolError, RemoteProtocolError

Value = int | bytes | str | tuple[str, str]
Properties = tuple[tuple[str, Value], ...]
"""Name and value in wire order; ``user_property`` may repeat (section 2.2.2.2)."""

# identifier → (name, type); the table of section 2.2.2.2
KINDS: dict[int, tuple[str, str]] = {
    0x01: ("payload_format_indicator", "u8"),
    0x02: ("message_expiry_interval", "u32"),
    0x03: ("content_type", "text"),
    0x08: ("response_topic", "text"),
    0x09: ("correlation_data", "binary"),
    0x0B: ("subscription_identifier", "varint"),
    0x11: ("session_expiry_interval", "u32"),
    0x12: ("assigned_client_identifier", "text"),
    0x13: ("server_keep_alive", "u16"),
    0x15: ("authentication_method", "text"),
    0x16: ("authentication_data", "binary"),
    0x17: ("request_problem_information", "u8"),
    0x18: ("will_delay_interval", "u32"),
    0x19: ("request_response_information", "u8"),
    0x1A: ("response_information", "text"),
    0x1C: ("server_reference", "text"),
    0x1F: ("reason_string", "text"),
    0x21: ("receive_maximum", "u16"),
    0x22: ("topic_alias_maximum", "u16"),
    0x23: ("topic_alias", "u16"),
    0x24: ("maximum_qos", "u8"),
    0x25: ("retain_available", "u8"),
    0x26: ("user_property", "pair"),
    0x27: ("maximum_packet_size", "u32"),
    0x28: ("wildcard_subscription_available", "u8"),
    0x29: ("subscription_identifier_available", "u8"),
    0x2A: ("shared_subscription_available", "u8"),
}
IDENTIFIERS = {name: (number, kind) for number, (name, kind) in KINDS.items()}
WIDTHS = {"u8": 1, "u16": 2, "u32": 4}
MAX_VARINT = 268_435_455


class Cursor:
    """Reads the fields of one packet from front to back."""

    def __init__(self, data: bytes | memoryview, at: int = 0, end: int | None = None) -> None:
        self.data = memoryview(data)
        self.at = at
        self.end = len(self.data) if end is None else end

    def take(self, count: int, what: str) -> bytes:
        """The next `count` bytes.

        Raises:
            RemoteProtocolError: the packet ends before them.
        """
        if self.at + count > self.end:
            raise RemoteProtocolError(
                f"{what}: {count} bytes expected at offset {self.at}, the packet has {self.end - self.at} left"
            )
        piece = self.data[self.at : self.at + count]
        self.at += count
        return bytes(piece)

    def number(self, width: int, what: str) -> int:
        """A big-endian unsigned integer of `width` bytes (section 1.5.2, 1.5.3)."""
        return int.from_bytes(self.take(width, what), "big")

    def varint(self, what: str) -> int:
        """A variable byte integer, at most four bytes (section 1.5.5)."""
        value = 0
        for shift in (0, 7, 14, 21):
            byte = self.number(1, what)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if shift and not byte:
                    raise RemoteProtocolError(f"{what}: a length must use the fewest bytes [MQTT-1.5.5-1]")
                return value
        raise RemoteProtocolError(f"{what}: a length has at most four bytes [MQTT-1.5.5-1]")

    def binary(self, what: str) -> bytes:
        """Binary data with a two-byte length (section 1.5.6)."""
        return self.take(self.number(2, what), what)

    def text(self, what: str) -> str:
        """A UTF-8 string with a two-byte length (section 1.5.4)."""
        raw = self.binary(what)
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            raise RemoteProtocolError(f"{what}: not UTF-8 ({error.reason}) [MQTT-1.5.4-1]") from error
        if "\0" in text:
            raise RemoteProtocolError(f"{what}: holds the null character [MQTT-1.5.4-2]")
        return text

    def rest(self) -> bytes:
        """All bytes up to the end of the packet."""
        return self.take(self.end - self.at, "rest")


def put_number(value: int, width: int, what: str) -> bytes:
    """`value` in `width` bytes, big-endian.

    Raises:
        LocalProtocolError: it does not fit.
    """
    if not 0 <= value < 1 << (8 * width):
        raise LocalProtocolError(f"{what}: {value} does not fit in {width} bytes")
    return value.to_bytes(width, "big")


def put_varint(value: int) -> bytes:
    """A variable byte integer (section 1.5.5)."""
    if not 0 <= value <= MAX_VARINT:
        raise LocalProtocolError(f"length {value} is outside 0 … {MAX_VARINT}")
    out = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        out.append(low | 0x80 if value else low)
        if not value:
            return bytes(out)


def put_binary(value: bytes, what: str) -> bytes:
    """Binary data with a two-byte length."""
    return put_number(len(value), 2, f"length of {what}") + value


def put_text(value: str, what: str) -> bytes:
    """A UTF-8 string with a two-byte length."""
    if "\0" in value:
        raise LocalProtocolError(f"{what}: the null character cannot be sent [MQTT-1.5.4-2]")
    try:
        return put_binary(value.encode(), what)
    except UnicodeEncodeError as error:
        raise LocalProtocolError(f"{what}: lone surrogates cannot be sent [MQTT-1.5.4-1]") from error


def read(cursor: Cursor) -> Properties:
    """The property block at the cursor.

    Raises:
        RemoteProtocolError: an unknown identifier, a repeated property, a block that is cut.
    """
    length = cursor.varint("property length")
    if cursor.at + length > cursor.end:
        raise RemoteProtocolError(f"properties: {length} bytes announced, {cursor.end - cursor.at} left")
    block = Cursor(cursor.data, cursor.at, cursor.at + length)
    found: list[tuple[str, Value]] = []
    while block.at < block.end:
        identifier = block.varint("property identifier")
        if identifier not in KINDS:
            raise RemoteProtocolError(f"property identifier 0x{identifier:02X} does not exist")
        name, kind = KINDS[identifier]
        if name not in ("user_property", "subscription_identifier") and any(name == seen for seen, _ in found):
            raise RemoteProtocolError(f"property {name} appears twice", 0x82)
        found.append((name, _read_value(block, name, kind)))
    cursor.at = block.end
    return tuple(found)


def spans(cursor: Cursor) -> list[tuple[str, int, int]]:
    """Name of each property at the cursor, and where its value begins and ends in the packet.

    Raises:
        RemoteProtocolError: as `read`.
    """
    ahead = Cursor(cursor.data, cursor.at, cursor.end)
    read(cursor)  # checks the block, and leaves the cursor behind it
    length = ahead.varint("property length")
    end, found = ahead.at + length, []
    while ahead.at < end:
        name, kind = KINDS[ahead.varint("property identifier")]
        start = ahead.at
        _read_value(ahead, name, kind)
        found.append((name, start, ahead.at))
    return found


def _read_value(block: Cursor, name: str, kind: str) -> Value:
    if kind in WIDTHS:
        return block.number(WIDTHS[kind], name)
    if kind == "varint":
        return block.varint(name)
    if kind == "binary":
        return block.binary(name)
    if kind == "pair":
        return (block.text(name), block.text(name))
    return block.text(name)


def write(properties: Properties) -> bytes:
    """The property block with its length.

    Raises:
        LocalProtocolError: an unknown name or a value of the wrong type.
    """
    out = bytearray()
    for name, value in properties:
        if name not in IDENTIFIERS:
            raise LocalProtocolError(f"property {name!r} does not exist in MQTT 5")
        number, kind = IDENTIFIERS[name]
        out += put_varint(number) + _put_value(name, kind, value)
    return put_varint(len(out)) + bytes(out)


def _put_value(name: str, kind: str, value: Value) -> bytes:
    match kind, value:
        case (("u8" | "u16" | "u32"), int()):
            return put_number(value, WIDTHS[kind], name)
        case "varint", int():
            return put_varint(value)
        case "binary", bytes():
            return put_binary(value, name)
        case "text", str():
            return put_text(value, name)
        case "pair", (str(first), str(second)):
            return put_text(first, name) + put_text(second, name)
    raise LocalProtocolError(f"property {name} cannot hold {type(value).__name__}")
