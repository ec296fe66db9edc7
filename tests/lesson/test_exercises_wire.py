"""The exercises of lessons 01 to 04: what is right, and what a hurried reader writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from otakit.lesson.answers import answer
from otakit.lesson.talk import Talk, talk
from otakit.servers import Device

Body = dict[str, object]
Target = tuple[str, str]


@pytest.fixture(scope="module")
def line(twin: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    """A connection of its own device, recorded in a folder of its own."""
    device = twin.add_device("pump-8")  # type: ignore[attr-defined]  # the twin of the package's conftest
    assert isinstance(device, Device)
    with talk(device, record=tmp_path_factory.mktemp("talk") / "talk.pcapng", patience_s=0.2) as made:
        made.connect()
        yield made


def is_right(name: str, value: object) -> bool:
    said = repr(answer(name, value))
    assert said.startswith((f"{name}: right, because ", f"{name}: not yet. "))
    return "right" in said.split(",")[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("01a", (5, "server")),
        ("01a", (0x86, "Server ")),
        ("02a", "fw_version"),
        ("02a", " fw_version"),
        ("03a", "fw_title"),
        ("04a", ("PAYLOAD_TOO_LARGE", None)),
        ("04b", 2048 - 31),
    ],
)
def test_right_answers_are_accepted(name: str, value: object) -> None:
    assert is_right(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("01a", (4, "server")),
        ("01a", (5, "device")),
        ("02a", "fw_title"),
        ("03a", "fw_url"),
        ("03a", "deleted"),
        ("04a", ("PAYLOAD_TOO_LARGE", "FAILURE")),
        ("04a", (None, None)),
        ("04b", 2048),
        ("04b", 2048 - 32),
        ("04b", 2048 - 30),
        ("04b", 2017.5),
    ],
)
def test_likely_mistakes_are_not(name: str, value: object) -> None:
    assert not is_right(name, value)


@pytest.mark.parametrize(
    ("chosen", "right"),
    [
        (lambda body, target: "fw_title" in body and (body["fw_title"], body["fw_version"]) != target, True),
        (lambda body, target: (body.get("fw_title", target[0]), body.get("fw_version", target[1])) != target, True),
        (lambda body, target: "fw_title" in body, False),
        (lambda body, target: "fw_title" in str(body), False),
        (lambda body, target: body.get("fw_version", target[1]) != target[1], False),
        (lambda body, target: not str(body.get("fw_version", target[1])).startswith(target[1]), False),
    ],
    ids=["by key", "by default", "any offer", "deletions too", "title forgotten", "by prefix"],
)
def test_the_function_of_03b_is_held_against_every_sort_of_message(
    chosen: Callable[[Body, Target], bool], right: bool
) -> None:
    """New, the same once more, another title, a longer version, an interval, both deletions."""
    assert is_right("03b", chosen) is right


def test_the_shortest_subscribe_is_the_short_name(line: Talk) -> None:
    """The long one is granted too, and a short one that is refused is none."""
    assert is_right("01b", line.subscribe("v2/a"))
    assert not is_right("01b", line.subscribe("v1/devices/me/attributes"))
    assert not is_right("01b", line.subscribe("v2"))
    assert not is_right("01b", line.subscribe("v2/a", "v2/fw/error"))


def test_only_what_is_acknowledged_and_never_answered_is_silent(line: Talk) -> None:
    """An answer without the key is an answer."""
    assert is_right("02b", line.request_attributes(",fw_title"))
    assert not is_right("02b", line.request_attributes("no_such_key"))
    assert not is_right("02b", line.publish("v1/devices/me/attributes/request/1", "no JSON"))
