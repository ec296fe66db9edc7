"""How faults and links are written, read back and counted, and what becomes of a packet."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otakit import faults as f
from otakit.errors import SettingsError
from otakit.faults import Counter, Cut, Delay, Fault, LinkSettings, ServerPlan, SlowLink, Withhold, parse_link, plan_of
from otakit.faults import tables as fault_tables
from otakit.faults.meddling import fields_of, meddled
from otakit.faults.values import ERROR_WORDS, FAULTS, REFUSALS, STATED
from otakit.protocol.messages import AttributesResponse, AttributesUpdate, Direction, Kind, Telemetry
from otakit.protocol.mqtt import decode, encode
from otakit.protocol.packets import Connect, Publish, Version

V3 = Version.MQTT_3_1_1
TEXTS = st.text("abcxyz0189._- ", min_size=1, max_size=8).map(str.strip).filter(bool)
SECONDS = st.integers(0, 10**6).map(lambda ms: ms / 1000)
OWN: dict[type[Any], dict[str, st.SearchStrategy[Any]]] = {
    f.Delay: {"late_s": SECONDS},
    f.Reorder: {"late_s": SECONDS},
    f.Truncate: {"to_bytes": st.integers(0, 10**6)},
    f.Misstate: {"key": st.sampled_from(STATED), "value": st.none() | st.integers(-9, 10**9) | TEXTS},
    f.RefuseChunk: {"word": st.sampled_from(ERROR_WORDS)},
    f.RefuseConnect: {"code": st.sampled_from(sorted(REFUSALS))},
    f.Reassign: {"title": TEXTS, "version": TEXTS},
}


def any_fault(kind: type[Any], device: st.SearchStrategy[str | None]) -> st.SearchStrategy[Any]:
    """A fault of this class with everything it may have."""
    rows = ["Attributes"] if kind is f.Misstate else sorted(kind.rows)
    aimed = {
        "message": st.sampled_from(rows),
        "nth": st.integers(1, 10**6),
        "kind": st.sampled_from([None, *Kind]),
        "times": st.integers(0, 9),
        "probability": st.integers(1, 100).map(lambda percent: percent / 100),
        "device": device,
    }
    return st.builds(kind, **aimed, **OWN.get(kind, {}))


NAMES = st.none() | st.just("*") | st.text("abcxyz0189-", min_size=1, max_size=8)
LINK_FAULTS = [f.Withhold, f.Delay, f.Duplicate, f.Reorder, f.Corrupt, f.Truncate, f.Misstate, f.Cut, f.Silence]
PATHS: dict[str, st.SearchStrategy[Any]] = {
    "round_trip_s": SECONDS.filter(bool),
    "rate_bit_s": st.none() | st.integers(1, 10**10).map(float),
    "later_rates": st.lists(st.tuples(SECONDS.filter(bool), st.integers(1, 10**10).map(float)), max_size=2).map(tuple),
}
LINKS = st.builds(
    LinkSettings,
    plan=st.lists(st.one_of([any_fault(kind, st.none()) for kind in LINK_FAULTS]), max_size=4).map(tuple),
    **PATHS,
)
PLANS = st.builds(
    ServerPlan,
    st.lists(
        st.one_of(
            *(any_fault(kind, NAMES) for kind in f.FAULTS.values()),
            st.builds(SlowLink, st.builds(LinkSettings, **PATHS), st.none() | st.text("abc-1", min_size=1)),
        ),
        max_size=4,
    ).map(tuple),
)


def test_the_demo_link_is_read_as_people_write_it() -> None:
    """Delay, rate and the withheld answer, in one line."""
    assert parse_link("40 ms, 2 Mbit/s, one answer withheld") == LinkSettings(0.04, 2e6, (Withhold(),))


@pytest.mark.parametrize("text", ["40 ms ± 10 ms", "40 ms +- 10 ms", "40ms +/- 0.01 s"])
def test_jitter_is_written_behind_the_round_trip(text: str) -> None:
    """With the sign or without it on the keyboard."""
    assert parse_link(text) == LinkSettings(0.04, jitter_s=0.01)


def test_the_rate_may_change_later() -> None:
    """Counted from the first connection."""
    link = parse_link("2 Mbit/s, 64 kbit/s after 10 s")
    assert [link.rate_at(at_s) for at_s in (0, 9.9, 10, 99)] == [2e6, 2e6, 64e3, 64e3]


@pytest.mark.parametrize("text", ["none", "None", "", None])
def test_none_is_no_link_at_all(text: str | None) -> None:
    """Nothing, in each of its spellings."""
    assert parse_link(text).is_none
    assert plan_of(text).is_none


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("answer 3 withheld", Withhold(nth=3)),
        ("software answer 3 withheld", Withhold(nth=3, kind=Kind.SOFTWARE)),
        ("request 4 withheld", Withhold("ChunkRequest", 4)),
        ("2 % of answers withheld", Withhold(nth=1, times=0, probability=0.02)),
        ("each answer from 5 withheld", Withhold(nth=5, times=0)),
        ("each answer up to 3 times duplicated", f.Duplicate(nth=1, times=3)),
        ("answer 7 late by 3 s", Delay(nth=7, late_s=3)),
        ("answer 7 late by 250ms", Delay(nth=7, late_s=0.25)),
        ("answer 3 out of order", f.Reorder(nth=3)),
        ("answer 3 corrupted", f.Corrupt(nth=3)),
        ("answer 3 truncated to 0 bytes", f.Truncate(nth=3, to_bytes=0)),
        ("checksum wrong in each attributes", f.Misstate()),
        ("size 50 in attributes 2", f.Misstate(nth=2, times=1, key="size", value=50)),
        ("cut at answer 30", Cut(nth=30)),
        ("silent at request 9", f.Silence("ChunkRequest", 9)),
        ("AttributesResponse 1 withheld", Withhold("AttributesResponse", 1)),
    ],
)
def test_each_fault_of_a_link_has_its_words(text: str, fault: Fault) -> None:
    """The words and the value; a server's plan knows the same ones."""
    assert parse_link(text).plan == (fault,)
    assert plan_of(text).faults == (fault,)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("cache evicted at request 20", f.EvictCache()),
        ("request 3 refused with NOT_FOUND", f.RefuseChunk(nth=3)),
        ("connection 1 refused with 0x88", f.RefuseConnect()),
        ("rate limit at status 2", f.RateLimit("Telemetry", 2)),
        ("taken over at request 10 for pump 7", f.TakeOver(nth=10, device="pump 7")),
        ("unassigned at request 10", f.Reassign(nth=10)),
        ("reassigned to 'pump' '1.11' at request 10", f.Reassign(nth=10, title="pump", version="1.11")),
        ("answer 3 withheld for each device", Withhold(nth=3, device="*")),
        ("slow link (300 ms ± 50 ms, 64 kbit/s) for d", SlowLink(LinkSettings(0.3, 64e3, jitter_s=0.05), "d")),
    ],
)
def test_each_fault_of_a_server_has_its_words(text: str, fault: Any) -> None:
    """The words and the value."""
    assert plan_of(f"{text}, answer 1 duplicated").faults == (fault, f.Duplicate(nth=1))


@pytest.mark.parametrize(
    "text",
    ["fast", "40", "40 ms; 2 Mbit/s", "answer 0 withheld", "Nothing 3 withheld", "0 bit/s", "10 ms ± 20 ms",
     "cut at answer"],
)  # fmt: skip
def test_an_unreadable_part_is_named_and_the_known_ones_are_listed(text: str) -> None:
    """The error says which part and what would do."""
    with pytest.raises(SettingsError, match=r"link: .*one answer withheld"):
        parse_link(text)


@pytest.mark.parametrize("text", ["fast", "answer 0 withheld", "request 1 refused with PERHAPS", "SubAck 1 corrupted"])
def test_an_unreadable_part_of_a_plan_lists_what_servers_can_do(text: str) -> None:
    """Those of a link and those beyond."""
    with pytest.raises(SettingsError, match=r"plan: .*one answer withheld.*taken over at request 10"):
        plan_of(text)


@pytest.mark.parametrize("text", ["taken over at request 3", "answer 3 withheld for pump-7"])
def test_a_link_refuses_what_only_a_server_knows(text: str) -> None:
    """Sessions, caches, names: it has none of them."""
    with pytest.raises(SettingsError, match="put it into the twin's plan"):
        parse_link(text)


@given(LINKS)
def test_what_describe_says_parse_link_reads_back(link: LinkSettings) -> None:
    """Up to a nanosecond, for any link."""
    again = parse_link(link.describe())
    assert again.round_trip_s == pytest.approx(link.round_trip_s, abs=1e-9)
    assert again.rate_bit_s == pytest.approx(link.rate_bit_s)
    assert again.describe() == link.describe()
    assert again.plan == link.plan


@given(PLANS)
def test_what_a_plan_says_of_itself_is_read_back(plan: ServerPlan) -> None:
    """Any fault, with any aim."""
    again = plan_of(plan.describe())
    assert again.describe() == plan.describe()
    assert again.on_packets == plan.on_packets


@given(st.text(max_size=60) | st.text("answer 3%withheldfor,()'", max_size=60))
def test_any_text_is_a_plan_or_one_error(text: str) -> None:
    """Never anything else."""
    said = "plan: "
    try:
        plan_of(text)
    except SettingsError as error:
        said = str(error)
    assert said.startswith(("plan: ", "link: ", "a slow link"))


def test_the_counter_gives_a_fault_to_the_nth_packet_and_to_no_other() -> None:
    """Other messages do not count; the repetition passes."""
    counter = Counter((Withhold(nth=2),))
    heard = [
        counter.hears(name, Kind.FIRMWARE) for name in ["ChunkResponse", "PubAck", "ChunkResponse", "ChunkResponse"]
    ]
    assert heard == [None, None, Withhold(nth=2), None]


def test_a_fault_of_one_kind_does_not_count_the_other() -> None:
    """The software's second answer, whatever the firmware does between."""
    fault = Withhold(nth=2, kind=Kind.SOFTWARE)
    counter = Counter((fault,))
    kinds = [Kind.SOFTWARE, Kind.FIRMWARE, Kind.FIRMWARE, Kind.SOFTWARE]
    assert [counter.hears("ChunkResponse", kind) for kind in kinds] == [None, None, None, fault]


def test_a_status_is_of_the_kind_whose_keys_it_carries() -> None:
    """Telemetry's topic names no kind."""
    counter = Counter((Withhold("Telemetry", 1, Kind.SOFTWARE),))
    statuses = [Telemetry({"fw_state": "UPDATED"}), Telemetry({"sw_state": "UPDATED"})]
    assert [bool(counter.hears("Telemetry", None, says=said)) for said in statuses] == [False, True]


def hits(fault: Fault, devices: str, seed: int = 0) -> str:
    """Which of a row of packets, one letter for each packet's device, earn the fault."""
    counter = Counter((fault,), seed)
    return "".join("x" if counter.hears("ChunkResponse", None, device=name) else "." for name in devices)


def test_a_fault_may_come_several_times_or_always() -> None:
    """From the nth on."""
    assert hits(Withhold(nth=2, times=2), "aaaaa") == ".xx.."
    assert hits(Withhold(nth=4, times=0), "aaaaaa") == "...xxx"


def test_a_fault_is_counted_for_all_devices_for_one_or_for_each() -> None:
    """Together, by name, and each on its own."""
    assert hits(Withhold(nth=2), "abab") == ".x.."
    assert hits(Withhold(nth=2, device="b"), "abab") == "...x"
    assert hits(Withhold(nth=2, device="*"), "abab") == "..xx"


def test_chance_comes_from_the_seed_alone() -> None:
    """The same seed hits the same packets; about as many as the probability says."""
    fault = Withhold(probability=0.1)
    assert hits(fault, "a" * 2000, seed=1) == hits(fault, "a" * 2000, seed=1) != hits(fault, "a" * 2000, seed=2)
    assert 150 < hits(fault, "a" * 2000).count("x") < 250


def test_the_least_time_is_half_the_round_trip_and_the_bits() -> None:
    """2 Mbit/s carry 250,000 bytes a second."""
    assert parse_link("40 ms, 2 Mbit/s").least_s(250_000) == pytest.approx(1.02)


@given(st.integers(0, 99), st.integers(0, 10**6))
def test_jitter_stays_within_its_bounds(seed: int, number: int) -> None:
    """Half of it each way."""
    assert 0.015 <= LinkSettings(0.04, jitter_s=0.01, seed=seed).delay_s(number) <= 0.025


# what becomes of a packet

CHUNK = Publish("v2/fw/response/1/chunk/2", bytes(range(100)), 1, 7)


def payloads(fault: Fault, packet: Publish = CHUNK) -> list[bytes]:
    """The payloads that pass in place of one packet."""
    raw = encode(packet, V3)
    passed = [decode(piece.raw, V3) for piece in meddled(fault, raw, packet, V3, 5) if piece.raw is not None]
    return [said.payload for said in passed if isinstance(said, Publish)]


def test_one_bit_of_a_corrupted_payload_is_another() -> None:
    """The same one for the same seed."""
    (payload,) = payloads(f.Corrupt())
    assert sum((one ^ other).bit_count() for one, other in zip(payload, CHUNK.payload, strict=True)) == 1
    assert payloads(f.Corrupt()) == [payload]


def test_a_truncated_payload_keeps_its_beginning() -> None:
    """And the packet is whole."""
    assert payloads(f.Truncate(to_bytes=3)) == [b"\0\1\2"]
    assert payloads(f.Truncate(to_bytes=0)) == [b""]


@pytest.mark.parametrize(
    ("fault", "stated"),
    [
        (f.Misstate(), {"fw_checksum": "ab0"}),
        (f.Misstate(key="size"), {"fw_size": 6}),
        (f.Misstate(key="size", value=9), {"fw_size": 9}),
        (f.Misstate(kind=Kind.SOFTWARE), {}),
    ],
)
def test_an_attribute_is_misstated_in_answers_and_updates(fault: Fault, stated: dict[str, object]) -> None:
    """What else stands there stays."""
    right = {"fw_title": "pump", "fw_checksum": "abc", "fw_size": 5}
    for message, body in (
        (AttributesResponse(1, {"shared": right}), {"shared": {**right, **stated}}),
        (AttributesUpdate(right), {**right, **stated}),
    ):
        (payload,) = payloads(fault, Publish(message.topic, message.payload))
        assert json.loads(payload) == body


def test_attributes_without_the_key_are_not_counted() -> None:
    """A misstated checksum waits for the message that carries one."""
    counter = Counter((f.Misstate(times=1),))
    said = [AttributesUpdate({"deleted": ["fw_checksum"]}), AttributesUpdate({"fw_checksum": "abc"})]
    assert [counter.hears("AttributesUpdate", None, says=each) for each in said] == [None, f.Misstate(times=1)]


def test_a_note_names_the_fault_and_its_packet_and_no_secret() -> None:
    """What is as usual is left out."""
    assert fields_of(f.Truncate(nth=3, device="d"), CHUNK, Direction.TO_DEVICE) == {
        "name": "Truncate", "message": "ChunkResponse", "nth": 3, "kind": "firmware", "device": "d", "to_bytes": 100,
        "request_id": 1, "index": 2, "direction": "to device",
    }  # fmt: skip
    told = fields_of(f.RefuseConnect(), Connect(user_name="SECRET", password=b"SECRET"), Direction.TO_SERVER)
    assert "SECRET" not in repr(told)


# lab.toml


def test_tables_are_read_with_the_words_of_the_classes() -> None:
    """One table for each fault."""
    tables: list[dict[str, Any]] = [
        {"do": "withhold", "message": "ChunkResponse", "nth": 20, "device": "pump-7"},
        {"do": "refuse_connect", "code": 0x86, "kind": "firmware"},
        {"do": "slow_link", "link": "300 ms, 100 kbit/s", "device": "pump-8"},
        {"do": "misstate", "key": "size", "value": 7},
        {"do": "rate_limit", "message": "status", "probability": 0.5},
    ]
    assert f.parse_plan(tables, seed=3) == ServerPlan(
        (
            Withhold(nth=20, device="pump-7"),
            f.RefuseConnect(code=0x86, kind=Kind.FIRMWARE),
            SlowLink(LinkSettings(0.3, 100e3), "pump-8"),
            f.Misstate(key="size", value=7),
            f.RateLimit("Telemetry", probability=0.5),
        ),
        3,
    )


@pytest.mark.parametrize(
    ("table", "error"),
    [
        ({"do": "withold"}, r"do = 'withold' is unknown \(did you mean withhold\?\); known are: withhold, delay"),
        ({"nth": 3}, r'no "do" says what goes wrong'),
        ({"do": "delay", "late": 3}, r"\(delay\): late is no field of it \(did you mean late_s\?\); it has: message"),
        ({"do": "delay", "late_s": "3"}, r"late_s = '3': expected a number of seconds"),
        ({"do": "delay", "late_s": float("inf")}, r"late_s is a number of seconds, from 0 to 86400, which is a day"),
        ({"do": "cut", "nth": 0}, r"nth is counted from 1, not 0"),
        ({"do": "cut", "nth": True}, r"nth = True: expected a whole number"),
        ({"do": "cut", "message": "Install"}, r"'Install' is no row of the message table"),
        ({"do": "corrupt", "message": "SubAck"}, r"Corrupt cannot befall SubAck; it can: a row that is a PUBLISH"),
        ({"do": "withhold", "kind": "fimware"}, r'kind = \'fimware\': expected "firmware" or "software"'),
        ({"do": "withhold", "probability": 1.5}, r"probability is above 0 and at most 1, not 1\.5"),
        ({"do": "refuse_chunk", "word": "NO"}, r"word is one of NOT_FOUND, FAILURE"),
        ({"do": "refuse_connect", "code": 5}, r"code is one of 0x84, 0x85"),
        ({"do": "slow_link", "link": "fast"}, r"cannot read 'fast'"),
        ({"do": "slow_link", "link": "cut at answer 3"}, r"faults stand in the plan itself"),
        ("withhold", r"a table is expected, found 'withhold'"),
    ],
)
def test_an_error_in_a_table_names_the_table_the_field_and_what_would_do(table: Any, error: str) -> None:
    """The second table, for a person who looks for it."""
    tables: list[Any] = [{"do": "withhold"}, table]
    with pytest.raises(SettingsError, match=rf"^my\.toml: \[\[fault\]\] 2.*{error}"):
        f.parse_plan(tables, "my.toml")


ODD: list[object] = [None, True, [], [3], {}, {"a": 1}, "", "x", -1, 10**30, 0.5, float("nan"), float("inf")]


@pytest.mark.parametrize("word", [*FAULTS, "slow_link"])
def test_any_value_of_any_field_is_meant_or_one_error(word: str) -> None:
    """Of every fault: TOML has lists, tables, nan and numbers without end."""
    for name in fault_tables.TYPES:
        for value in ODD:
            said = "lab.toml: [[fault]] 1"
            try:
                f.parse_plan([{"do": word, name: value}])
            except SettingsError as error:
                said = str(error)
            assert said.startswith("lab.toml: [[fault]] 1"), (name, value)


NAMES_IN_TABLES = st.sampled_from(["do", "nth", "times", "message", "kind", "device", "late_s", "x"])
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers())
WORDS = st.sampled_from(["withhold", "delay", "ChunkResponse"])


@given(st.lists(st.dictionaries(NAMES_IN_TABLES, VALUES | WORDS), max_size=2))
def test_any_tables_are_a_plan_or_one_error(tables: list[dict[str, object]]) -> None:
    """Whatever TOML can say."""
    said = "lab.toml: [[fault]]"
    try:
        f.parse_plan(tables)
    except SettingsError as error:
        said = str(error)
    assert said.startswith("lab.toml: [[fault]]")
