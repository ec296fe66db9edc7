"""A recording is read whole, while it grows, and from any prefix; what is none is refused in one sentence."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otakit.captured import CapturedPacket, Entry, Note, OpenedConnection
from otakit.errors import BrokenRecord, RecordingError, UnknownFormat
from otakit.protocol.messages import Direction
from otakit.protocol.mqtt import encode
from otakit.protocol.packets import Connect, Publish
from otakit.record import blocks
from otakit.record.pcapng import Reader, Recorder, entries_to_bytes, entries_to_file, read
from otakit.record.upper_pdu import tags

PacketsOf = Callable[[Iterable[Entry]], list[CapturedPacket]]
SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)


def without_secrets(entry: Entry) -> object:
    """An entry with what masking changes taken out."""
    if isinstance(entry, CapturedPacket):
        return (entry.number, entry.at_ns, entry.connection, entry.direction, entry.length, len(entry.raw))
    return entry


def test_entries_come_back_as_they_went_in(entries: list[Entry], file: Path) -> None:
    """Numbers, nanoseconds, directions, notes and the packet that a note is about."""
    found = read(entries_to_file(entries, file, notes={"site": "Wuhan 武汉"}, outcome={"ok": True}))
    keyed = [entry for entry in found.entries if not (isinstance(entry, OpenedConnection) and entry.device_key)]
    assert [without_secrets(entry) for entry in keyed] == [without_secrets(entry) for entry in entries]
    assert found.metadata["notes"] == {"site": "Wuhan 武汉"}
    assert found.outcome == {"ok": True}
    assert found.cut is None


def test_a_connection_is_given_again_with_its_key_before_its_connect(entries: list[Entry], file: Path) -> None:
    """The key is known only then; the CONNECT carries it among its marks, too."""
    found = read(entries_to_file(entries, file)).entries
    first, second, connect = found[:3]
    assert isinstance(first, OpenedConnection)
    assert isinstance(second, OpenedConnection)
    assert isinstance(connect, CapturedPacket)
    assert first.device_key is None
    assert second.device_key == connect.marks["device_key"]
    assert (first.number, first.client, first.server) == (second.number, second.client, second.server)


def test_the_token_is_nowhere_in_the_file(entries: list[Entry], file: Path) -> None:
    """Nor its beginning."""
    assert b"SECRET" not in entries_to_file(entries, file).read_bytes()


def test_a_recording_of_a_recording_is_the_same_bytes(entries: list[Entry], file: Path) -> None:
    """Masked, trimmed and keyed once is masked, trimmed and keyed for good."""
    for keep in ("all", "head", "none"):
        once = entries_to_file(entries, file, keep=keep)
        assert b"".join(entries_to_bytes(read(once).entries, keep=keep)) == once.read_bytes()


def test_a_recording_that_kept_heads_can_become_one_that_keeps_none(
    entries: list[Entry], file: Path, packets_of: PacketsOf
) -> None:
    """The digest of the whole chunk stays the one that was made from the whole chunk."""
    heads = read(entries_to_file(entries, file, keep="head")).entries
    nothing = packets_of(read(entries_to_file(heads, file, keep="none")).entries)
    assert len(nothing[5].raw) == len(packets_of(heads)[5].raw) - 32
    assert nothing[5].marks == packets_of(heads)[5].marks


@SHARED
@given(data=st.data())
def test_a_file_cut_at_any_byte_gives_its_whole_blocks_and_says_what_is_cut(
    data: st.DataObject, entries: list[Entry], tmp_path: Path
) -> None:
    """The longest whole prefix comes back, and one sentence."""
    whole = b"".join(entries_to_bytes(entries))
    everything = read(entries_to_file(entries, tmp_path / "whole.pcapng")).entries
    size = data.draw(st.integers(1, len(whole) - 1))
    (tmp_path / "cut.pcapng").write_bytes(whole[:size])
    found = read(tmp_path / "cut.pcapng")
    assert found.entries == everything[: len(found.entries)]
    assert found.outcome is None
    assert found.cut is not None
    assert found.cut.startswith(f"cut at byte {size:,}: ")
    starts = [block.offset + len(block.body) + 12 for block in blocks.Cutter().feed(whole)]
    assert len(found.entries) == count_entries(whole[: max([end for end in starts if end <= size], default=0)])


def count_entries(prefix: bytes) -> int:
    """Entries in whole blocks: each packet block one, each connection one and one more with its key."""
    found = 0
    for block in blocks.Cutter().feed(prefix):
        if block.kind == blocks.PACKET:
            comment = blocks.packet_of(block).comment
            found += 1 + (b"device_key" in comment)
        found += block.kind == blocks.INTERFACE and b'{"connection"' in block.body
    return found


@SHARED
@given(sizes=st.lists(st.integers(1, 400), max_size=40))
def test_a_growing_file_gives_each_entry_once(sizes: list[int], entries: list[Entry], tmp_path: Path) -> None:
    """In whatever steps it grows."""
    whole = b"".join(entries_to_bytes(entries))
    path = tmp_path / "growing.pcapng"
    path.write_bytes(whole[:1])
    reader, seen, at = Reader(path), [], 1
    for size in [*sizes, len(whole)]:
        with path.open("ab") as file:
            file.write(whole[at : at + size])
        at += size
        seen += reader.read_new()
    assert seen == read(path).entries
    assert reader.cut is None


def test_a_recording_under_way_in_this_process_is_still_growing(file: Path) -> None:
    """And complete once it is closed."""
    recorder = Recorder(file, key=b"k")
    reader = Reader(file)
    reader.read_new()
    assert reader.cut == "still growing"
    recorder.close()
    reader.read_new()
    assert reader.cut is None


def test_a_long_packet_comes_back_whole(file: Path) -> None:
    """1.5 MiB are one block and its continuations; a packet behind them is untouched."""
    raw = [encode(Publish("v2/fw/response/1/chunk/0", bytes(range(256)) * 6144)), b"\xc0\x00"]
    packets = [CapturedPacket(n, n, 0, Direction.TO_DEVICE, data, len(data)) for n, data in enumerate(raw, 1)]
    opened = OpenedConnection(0, ("10.0.0.1", 1), ("10.0.0.2", 2))
    found = read(entries_to_file([opened, *packets], file))
    assert found.entries == [opened, *packets]
    captured = [len(blocks.packet_of(b).data) for b in blocks.Cutter().feed(file.read_bytes()) if b.kind == 6]
    assert max(captured) == blocks.SNAP
    assert len(captured) == 9  # 7 of the long one, PINGREQ, the outcome


def test_a_long_packet_that_is_there_in_part_is_named(file: Path) -> None:
    """It is not given out as if it were whole."""
    raw = encode(Publish("a", bytes(600_000)))
    entries_to_file([CapturedPacket(1, 1, 0, Direction.TO_DEVICE, raw, len(raw))], file)
    file.write_bytes(file.read_bytes()[:400_000])
    found = read(file)
    assert [type(entry) for entry in found.entries] == [OpenedConnection]
    assert found.cut is not None
    assert "packet 1 of 600,007 bytes is there in part; the 0 packets before it are whole" in found.cut


def test_a_long_packet_whose_continuations_were_filtered_out_is_given_as_far_as_it_goes(file: Path) -> None:
    """Who saves only `mqtt` from Wireshark takes the blocks of `data` out."""
    raw = encode(Publish("a", bytes(600_000)))
    packets = [CapturedPacket(n, n, 0, Direction.TO_DEVICE, raw, len(raw)) for n in (1, 2)]
    entries_to_file(packets, file)
    whole = file.read_bytes()
    kept = [b for b in blocks.Cutter().feed(whole) if b.kind != 6 or b"continues packet" not in b.body[-60:]]
    file.write_bytes(b"".join(whole[b.offset : b.offset + len(b.body) + 12] for b in kept))
    found = [entry for entry in read(file).entries if isinstance(entry, CapturedPacket)]
    assert [(entry.number, entry.length) for entry in found] == [(1, len(raw)), (2, len(raw))]
    assert len(found[0].raw) < found[0].length


def test_damage_in_the_middle_gives_all_before_it(entries: list[Entry], file: Path) -> None:
    """With the place of the damage; a hole of zeros is what a power cut may leave."""
    whole = b"".join(entries_to_bytes(entries))
    file.write_bytes(whole[:1200] + bytes(400) + whole[1600:])
    found = read(file)
    assert found.entries
    assert found.cut is not None
    assert "damaged at byte" in found.cut


@given(st.binary(max_size=120), st.integers(0, 3000))
@SHARED
def test_arbitrary_damage_is_named_and_never_a_crash(
    entries: list[Entry], tmp_path: Path, noise: bytes, at: int
) -> None:
    """Whatever a disk or a person puts over the bytes."""
    whole = b"".join(entries_to_bytes(entries))
    path = tmp_path / "noise.pcapng"
    path.write_bytes(whole[:at] + noise + whole[at + len(noise) :])
    try:
        found = read(path)
    except RecordingError as error:
        assert str(path) in str(error)  # noqa: PT017 - either way is right, each has its claim
    else:
        assert all(isinstance(entry, Entry) for entry in found.entries)


def test_damage_at_the_very_beginning_is_an_error(file: Path) -> None:
    """Nothing can be read then."""
    file.write_bytes(blocks.MAGIC + bytes(60))
    with pytest.raises(BrokenRecord, match=r"session\.pcapng: damaged at byte 0.*nothing of it can be read"):
        read(file)


@pytest.mark.parametrize(("content", "text"), [
    (b"", "the file is empty"),
    (b"\xd4\xc3\xb2\xa1" + bytes(20), "classic pcap capture"),
    (b"\x1f\x8b\x08", "gzip file; unpack it first"),
    (b"PAR1....", "Parquet"),
    (b"hello world", "68 65 6c 6c where a pcapng file has 0a 0d 0d 0a"),
])  # fmt: skip
def test_what_is_no_recording_is_refused_with_what_it_is(file: Path, content: bytes, text: str) -> None:
    """One sentence, with the name of the file."""
    file.write_bytes(content)
    with pytest.raises(RecordingError, match=text) as caught:
        read(file)
    assert str(file) in str(caught.value)


def test_a_file_that_is_not_there_and_a_folder_are_named(tmp_path: Path) -> None:
    """Never the system's own words alone."""
    with pytest.raises(RecordingError, match="there is no such file"):
        read(tmp_path / "nothing.pcapng")
    with pytest.raises(RecordingError, match="this is a folder"):
        read(tmp_path)


@pytest.mark.parametrize(("link_type", "text"), [(1, "Ethernet"), (101, "raw IP"), (999, "link type 999"),
                                                 (252, "exported by another program")])  # fmt: skip
def test_a_capture_of_another_kind_is_named(file: Path, link_type: int, text: str) -> None:
    """Captures of other tools come later."""
    interface = blocks.block(1, struct.pack("<HHI", link_type, 0, 0))
    file.write_bytes(blocks.section_block(b"", "dumpcap") + interface)
    with pytest.raises(UnknownFormat, match=text):
        read(file)


def test_a_comment_that_a_person_wrote_changes_nothing(file: Path) -> None:
    """Nor do blocks and dissectors that are not ours."""
    opening = blocks.section_block(b"my best run", "x") + blocks.interface_block("c", "", b'{"connection":0}')
    head = tags("mqtt")
    parts = blocks.packet_block(0, 5, head, b"\xc0\x00", 2, blocks.OUTBOUND, 0, b"look here!")
    foreign = blocks.packet_block(0, 6, tags("http"), b"GET", 3, 0, 0)
    file.write_bytes(opening + blocks.block(0xBAD, b"ping") + b"".join([*foreign, *parts]))
    found = read(file)
    assert found.entries[1:] == [CapturedPacket(1, 5, 0, Direction.TO_SERVER, b"\xc0\x00", 2)]
    assert found.metadata == {}


@pytest.mark.parametrize("stamp", [2**64 - 1, 2**63])
def test_a_time_that_no_clock_shows_is_damage(file: Path, stamp: int) -> None:
    """Frames hold nanoseconds in 64 bits."""
    opening = blocks.section_block(b"{}", "x") + blocks.interface_block("c", "", b'{"connection":0}')
    file.write_bytes(opening + b"".join(blocks.packet_block(0, stamp, tags("mqtt"), b"\xc0\0", 2, 1, 1)))
    assert "a time beyond" in (read(file).cut or "")


def test_a_note_belongs_to_its_connection_and_packet(file: Path) -> None:
    """What is no JSON is written as text."""
    note = Note("install", 7, {"kind": "firmware", "path": Path("x")}, 0, 3)
    found = read(entries_to_file([OpenedConnection(0, ("a", 1), ("b", 2)), note], file)).entries
    assert found[1] == Note("install", 7, {"kind": "firmware", "path": "x"}, 0, 3)


def test_the_first_packets_of_a_second_connection_count_on(file: Path) -> None:
    """Numbers run over all connections of a recording."""
    hello = encode(Connect("c", user_name="t"))
    entries: list[Entry] = []
    for number in (0, 1):
        entries.append(OpenedConnection(number, ("10.0.0.1", 5000 + number), ("10.0.0.2", 1883)))
        entries.append(CapturedPacket(number + 1, number + 1, number, Direction.TO_SERVER, hello, len(hello)))
    found = [entry for entry in read(entries_to_file(entries, file)).entries if isinstance(entry, CapturedPacket)]
    assert [(entry.number, entry.connection) for entry in found] == [(1, 0), (2, 1)]


def test_metadata_are_one_json_comment_of_the_section(file: Path) -> None:
    """What Wireshark shows under Capture File Properties."""
    entries_to_file([], file, keep="head", notes={"site": "A"})
    section = next(blocks.Cutter().feed(file.read_bytes()))
    comment = json.loads(blocks.options_of(section.body, 16, "<")[blocks.COMMENT])
    assert comment == {"otakit_recording": 1, "keep": "head", "notes": {"site": "A"}}
