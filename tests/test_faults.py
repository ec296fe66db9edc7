"""How a link is written, read back, and which packet earns which fault."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otakit.errors import SettingsError
from otakit.faults import Counter, Cut, Delay, Fault, LinkSettings, Withhold, parse_link
from otakit.protocol.messages import TABLE, Kind

KINDS = st.sampled_from([None, *Kind])
PLACES = {"message": st.sampled_from(sorted(TABLE)), "nth": st.integers(1, 10**6), "kind": KINDS}
FAULTS: st.SearchStrategy[Fault] = st.one_of(
    st.builds(Withhold, **PLACES),
    st.builds(Cut, **PLACES),
    st.builds(Delay, late_s=st.integers(0, 10**6).map(lambda ms: ms / 1000), **PLACES),
)
LINKS = st.builds(
    LinkSettings,
    round_trip_s=st.integers(0, 10**6).map(lambda ms: ms / 1000),
    rate_bit_s=st.none() | st.integers(1, 10**10).map(float),
    plan=st.lists(FAULTS, max_size=4).map(tuple),
)


def test_the_demo_link_is_read_as_people_write_it() -> None:
    """Delay, rate and the withheld answer, in one line."""
    assert parse_link("40 ms, 2 Mbit/s, one answer withheld") == LinkSettings(0.04, 2e6, (Withhold(),))


@pytest.mark.parametrize("text", ["none", "None", "", None])
def test_none_is_no_link_at_all(text: str | None) -> None:
    """Nothing, in each of its spellings."""
    assert parse_link(text).is_none


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("answer 3 withheld", Withhold(nth=3)),
        ("software answer 3 withheld", Withhold(nth=3, kind=Kind.SOFTWARE)),
        ("request 4 withheld", Withhold("ChunkRequest", 4)),
        ("answer 7 late by 3 s", Delay(nth=7, late_s=3)),
        ("answer 7 late by 250ms", Delay(nth=7, late_s=0.25)),
        ("cut at answer 30", Cut(nth=30)),
        ("AttributesResponse 1 withheld", Withhold("AttributesResponse", 1)),
    ],
)
def test_each_fault_has_its_words(text: str, fault: Fault) -> None:
    """The words and the value."""
    assert parse_link(text).plan == (fault,)


@pytest.mark.parametrize(
    "text", ["fast", "40", "40 ms; 2 Mbit/s", "answer 0 withheld", "Nothing 3 withheld", "0 bit/s"]
)
def test_an_unreadable_part_is_named_and_the_known_ones_are_listed(text: str) -> None:
    """The error says which part and what would do."""
    with pytest.raises(SettingsError, match=r"link: .*one answer withheld"):
        parse_link(text)


@given(LINKS)
def test_what_describe_says_parse_link_reads_back(link: LinkSettings) -> None:
    """Up to a nanosecond, for any link."""
    again = parse_link(link.describe())
    assert again.round_trip_s == pytest.approx(link.round_trip_s, abs=1e-9)
    assert again.rate_bit_s == pytest.approx(link.rate_bit_s)
    assert again.plan == link.plan


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


def test_the_least_time_is_half_the_round_trip_and_the_bits() -> None:
    """2 Mbit/s carry 250,000 bytes a second."""
    assert parse_link("40 ms, 2 Mbit/s").least_s(250_000) == pytest.approx(1.02)
