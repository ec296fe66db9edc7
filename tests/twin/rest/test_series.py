"""Time series over REST: latest, history, aggregates, writing; and the aggregates by themselves."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otakit.twin.rest.aggregates import aggregated, intervals_of


@pytest.fixture
def root(rest: Any) -> str:
    """A device with a value each second from 0 to 9, and one text."""
    found = f"/api/plugins/telemetry/DEVICE/{rest.add_device()['id']['id']}"
    rows = [{"ts": 1000 * second, "values": {"n": second}} for second in range(10)]
    rest.post(f"{found}/timeseries/ANY", [*rows, {"ts": 5, "values": {"v": "1.10", "b": True, "j": {"x": 1}}}])
    return found


def numbers(rest: Any, root: str, query: str, path: str = "values/timeseries") -> list[Any]:
    found = rest.get(f"{root}/{path}?keys=n&useStrictDataTypes=true&{query}")
    return [(row["ts"], row["value"]) for row in found.get("n", [])]


def test_latest_are_texts_unless_strict(rest: Any, root: str) -> None:
    path = f"{root}/values/timeseries"
    assert rest.get(f"{path}?keys=v,b,j") == {
        "v": [{"ts": 5, "value": "1.1"}],
        "b": [{"ts": 5, "value": "true"}],
        "j": [{"ts": 5, "value": '{"x":1}'}],
    }
    strict = rest.get(f"{path}?key=v&key=b&key=j&useStrictDataTypes=true")
    assert [strict[key][0]["value"] for key in "vbj"] == [1.1, True, {"x": 1}]


def test_key_that_never_was_comes_back_empty_and_stamped_now(rest: Any, root: str) -> None:
    path = f"{root}/values/timeseries"
    assert rest.get(f"{path}?keys=nope") == {"nope": [{"ts": rest.now // 10**6, "value": None}]}
    assert set(rest.get(path)) == {"n", "v", "b", "j"}
    assert rest.get(f"{root}/keys/timeseries") == ["n", "v", "b", "j"]


@pytest.mark.parametrize("path", ["values/timeseries", "values/timeseries/history"])
def test_history_includes_its_start_and_not_its_end(rest: Any, root: str, path: str) -> None:
    """Newest first unless told otherwise, on either path."""
    assert numbers(rest, root, "startTs=2000&endTs=4000", path) == [(3000, 3), (2000, 2)]
    assert numbers(rest, root, "startTs=2000&endTs=4000&orderBy=asc", path) == [(2000, 2), (3000, 3)]
    assert numbers(rest, root, "startTs=0&endTs=99999&limit=2", path) == [(9000, 9), (8000, 8)]


def test_keys_without_data_are_absent_from_a_history(rest: Any, root: str) -> None:
    path = f"{root}/values/timeseries/history?startTs=0&endTs=6"
    assert rest.get(f"{path}&keys=v,nope") == {"v": [{"ts": 5, "value": "1.1"}]}
    assert rest.get(path) == {}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("AVG", [1.5, 5.5, 8.5]),
        ("MIN", [0, 4, 8]),
        ("MAX", [3, 7, 9]),
        ("SUM", [6, 22, 17]),
        ("COUNT", [4, 4, 2]),
    ],
)
def test_aggregates_stand_in_the_middle_of_their_intervals(rest: Any, root: str, name: str, values: list[Any]) -> None:
    """The last interval is cut at the end; oldest first, whatever the order and the limit say."""
    found = numbers(rest, root, f"startTs=0&endTs=10000&interval=4000&agg={name}&limit=1&orderBy=DESC")
    assert found == list(zip((2000, 6000, 9000), values, strict=True))


def test_aggregate_without_an_interval_is_the_plain_history(rest: Any, root: str) -> None:
    assert len(numbers(rest, root, "startTs=0&endTs=10000&agg=AVG")) == 10


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("agg=AVG&interval=-1", "Invalid TsKvQuery: 'interval' must be greater than 0, but got -1."),
        ("agg=AVG&interval=1&endTs=701000", "Number of intervals is to high - 701"),
        ("limit=0", "Page size must not be less than one"),
        ("orderBy=UP", "Invalid value 'UP' for orders given"),
    ],
)
def test_history_that_cannot_be_is_a_plain_text(rest: Any, root: str, query: str, text: str) -> None:
    end = "" if "endTs" in query else "&endTs=10"
    status, said = rest.plain("GET", f"{root}/values/timeseries?keys=n&startTs=0{end}&{query}")
    assert (status, text in said) == (400, True)


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("startTs=0", (500, 2)),
        ("startTs=x&endTs=1", (400, 31)),
        ("startTs=0&endTs=9223372036854775808", (400, 31)),
        ("startTs=0&endTs=1&agg=MEDIAN", (400, 31)),
        ("startTs=0&endTs=1&limit=1.5", (400, 31)),
        ("startTs=0&endTs=1&useStrictDataTypes=perhaps", (400, 31)),
    ],
)
def test_parameter_that_cannot_be_read_is_json(rest: Any, root: str, query: str, kind: tuple[int, int]) -> None:
    assert rest.refused("GET", f"{root}/values/timeseries/history?keys=n&{query}")[:2] == kind


def test_start_alone_asks_for_the_latest(rest: Any, root: str) -> None:
    """Spring takes the path with both or the one with neither."""
    assert numbers(rest, root, "startTs=0") == [(9000, 9)]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"{", "Unable to parse time series payload: Invalid JSON body!"),
        (b"5", "Unable to parse time series payload. Invalid JSON body: "),
        (b'{"ts":"x","values":{"a":1}}', "Unable to parse time series payload. Invalid JSON body: "),
        (b"{}", "No time series data found in request body!"),
        (b"[]", "No time series data found in request body!"),
    ],
)
def test_telemetry_that_cannot_be_stored_is_a_plain_text(rest: Any, root: str, body: bytes, text: str) -> None:
    for path in (f"{root}/timeseries/ANY", f"{root}/timeseries/ANY/0"):
        status, said = rest.plain("POST", path, content=body)
        assert (status, said[: len(text)]) == (400, text)


def test_operator_writes_telemetry_stamped_now(rest: Any, root: str) -> None:
    assert rest.call("POST", f"{root}/timeseries/LATEST_TELEMETRY/3600", content=b"{t:1}").content == b""
    assert rest.get(f"{root}/values/timeseries?keys=t") == {"t": [{"ts": rest.now // 10**6, "value": "1"}]}


def one(name: str, *values: Any) -> Any:
    found = aggregated([(number, value) for number, value in enumerate(values)], name, 0, 100, 100)
    return found[0][1] if found else None


def test_aggregates_of_mixed_values_follow_the_sql() -> None:
    """Whole numbers stay whole alone; texts have extremes only among themselves; of types one is counted."""
    assert (one("SUM", 1, 2), one("SUM", 1, 2.5), one("AVG", 1, 2), one("AVG", "a")) == (3, 3.5, 1.5, 0.0)
    assert (one("MAX", 1, 2.5), one("MIN", 3, 2.5, "a"), one("MAX", "a", "b"), one("MIN", True)) == (
        2.5,
        2.5,
        "b",
        None,
    )
    assert (one("COUNT", True, "a", 1), one("COUNT", "a", "b", 1), one("COUNT", {}, 1), one("COUNT", 1, 2.0)) == (
        1, 2, 1, 2,
    )  # fmt: skip


@given(
    st.lists(st.tuples(st.integers(0, 99_999), st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False))),
    st.integers(1, 200_000),
)
def test_counts_of_all_intervals_add_up(rows: list[tuple[int, Any]], interval_ms: int) -> None:
    found = aggregated(rows, "COUNT", 0, 100_000, interval_ms)
    assert sum(count for _, count in found if isinstance(count, int)) == len(rows)
    stamps = [ts for ts, _ in found]
    assert stamps == sorted(stamps)
    assert all(0 <= ts <= 100_000 for ts in stamps)


def test_intervals_are_counted_as_java_divides() -> None:
    assert (intervals_of(0, 10_000, 4000), intervals_of(0, 10_000, 1), intervals_of(1500, 0, 1)) == (2, 10, -1)
