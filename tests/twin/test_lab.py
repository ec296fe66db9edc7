"""`lab.toml` is read whole or refused with every mistake on its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otakit.protocol.messages import Kind
from otakit.twin.lab import FIELDS, Lab, parse_lab
from otakit.twin.lab_reading import LabError

GOOD = """\
[settings]
dispatch_spacing_s = 0
version = "4.3.1.3"

[[profile]]
name = "pumps"
firmware = "pump 1.9"

[[device]]
name = "pump-7"
profile = "pumps"
token = "TOKEN-OF-PUMP-7"
software = "map 3"

[[device]]
name = "pump-8"
mqtt = { client_id = "eight", user_name = "pump", password = "secret-8" }

[[device]]
name = "pump-9"
certificate = true

[[package]]
kind = "firmware"
title = "pump"
version = "1.9"
size = 20000
profile = "pumps"

[[package]]
kind = "software"
title = "map"
version = "3"
file = "map.bin"
profile = "pumps"
algorithm = "CRC32"

[[package]]
kind = "firmware"
title = "valve"
version = "2"
url = "https://example.org/valve.bin"
checksum = "abc"
assign_to = ["pump-8"]

[[fault]]
do = "withhold"
nth = 3
"""


def told(text: str) -> list[str]:
    """The mistakes of a file, none when it is good."""
    try:
        parse_lab(text)
    except LabError as error:
        return list(error.problems)
    return []


def problems_of(text: str) -> list[str]:
    """The mistakes of a file that has some."""
    found = told(text)
    assert found
    return found


@pytest.fixture
def lab() -> Lab:
    """The whole of what can be declared."""
    return parse_lab(GOOD)


def test_lab_holds_what_was_declared(lab: Lab) -> None:
    assert (lab.settings.dispatch_spacing_s, lab.settings.version) == (0, "4.3.1.3")
    assert [(each.name, each.profile) for each in lab.devices[:2]] == [("pump-7", "pumps"), ("pump-8", "default")]
    assert lab.profiles[0].packages == {Kind.FIRMWARE: "pump 1.9"}
    assert lab.devices[0].packages == {Kind.SOFTWARE: "map 3"}
    assert lab.devices[1].mqtt == {"client_id": "eight", "user_name": "pump", "password": "secret-8"}
    assert lab.devices[2].certificate is True
    assert [(each.size, each.file, each.url) for each in lab.packages] == [
        (20000, None, None), (None, "map.bin", None), (None, None, "https://example.org/valve.bin"),
    ]  # fmt: skip
    assert lab.faults == ({"do": "withhold", "nth": 3},)


def test_empty_file_is_an_empty_laboratory() -> None:
    lab = parse_lab("")
    assert (lab.profiles, lab.devices, lab.packages, lab.faults) == ((), (), (), ())


def test_secrets_stand_in_no_repr(lab: Lab) -> None:
    """Nor in a traceback, which prints them."""
    assert "TOKEN-OF-PUMP-7" not in repr(lab)
    assert "secret-8" not in repr(lab)


BASIC = 'mqtt = { client_id = "eight", user_name = "pump", password = "secret-8" }'
MISTAKES = [
    # what is planted, in place of what, and what is said about it
    ('nmae = "pump-7"', 'name = "pump-7"', "device: nmae: there is no such field (did you mean name?)"),
    ('profile = "pmups"', 'profile = "pumps"\ntoken', 'device "pump-7": profile: there is no profile "pmups"'),
    ("token = 12", 'token = "TOKEN-OF-PUMP-7"', 'device "pump-7": token: a text is expected, in quotes, not 12'),
    ('token = " "', 'token = "TOKEN-OF-PUMP-7"', 'device "pump-7": token: 1 to 255 characters'),
    ('software = "pump 1.9"', 'software = "map 3"', 'package "pump 1.9" is firmware, not software'),
    ('software = "map 4"', 'software = "map 3"', 'there is no package "map 4" (did you mean map 3?)'),
    ("dispatch_spacing = 0", "dispatch_spacing_s = 0", "settings: dispatch_spacing: there is no such field (did"),
    ("dispatch_spacing_s = -1", "dispatch_spacing_s = 0", "settings: dispatch_spacing_s: must be 0 or more, not -1"),
    ('dispatch_spacing_s = "no"', "dispatch_spacing_s = 0", "settings: dispatch_spacing_s: must be a number"),
    ('version = "new"', 'version = "4.3.1.3"', "settings: version: must be a version"),
    ("mqtt = { password = 'x' }", BASIC, "client_id or user_name is expected"),
    ("mqtt = { client_id = 'c', password = 'x' }", BASIC, "only together with user_name"),
    ("certificate = false", "certificate = true", 'device "pump-9": certificate: a PEM file is expected, or true'),
    ('certificate = true\ntoken = "x"', "certificate = true", "one kind of credentials"),
    ('name = "pump-7" # again', 'name = "pump-8"', "'pump-7' is taken by another one above"),
    ("size = 0", "size = 20000", 'package "pump": size: a whole number above 0 is expected, not 0'),
    ('file = "x"\nsize = 20000', "size = 20000", "file and size are given"),
    ('kind = "firmwear"', 'kind = "firmware"\ntitle = "pump"', "is none of firmware, software (did you"),
    ('algorithm = "CRC"', 'algorithm = "CRC32"', "(did you mean CRC32?)"),
    ('assign_to = ["pump-6"]', 'assign_to = ["pump-8"]', 'there is no device "pump-6"'),
    ('assign_to = ["pump-7"]', 'assign_to = ["pump-8"]', 'is for profile "default", this is "pumps"'),
    ('assign_to = "pump-8"', 'assign_to = ["pump-8"]', "a list of names is expected"),
    ('checksum = "x"', "size = 20000", "only a URL package"),
    ("nth = 0", "nth = 3", "fault withhold: "),
    ("nht = 3", "nth = 3", "fault withhold: nht is no field of it (did you mean nth?)"),
    ('do = "withold"', 'do = "withhold"', "do = 'withold' is unknown (did you mean withhold?)"),
    ("[[fualt]]", "[[fault]]", "there is no table [fualt] (did you mean fault?)"),
    ('provision = "ALLOW"', 'firmware = "pump 1.9"', "provision: 'ALLOW' is none of"),
    ('provision_key = "K"', 'firmware = "pump 1.9"', "add provision ="),
    ("name = ", 'name = "pumps"', "this is no TOML"),
]  # fmt: skip


@given(st.sampled_from(MISTAKES), st.lists(st.sampled_from(["# note\n", "\n", "  # [[device]]\n"]), max_size=4))
def test_planted_mistake_is_reported_at_its_line(mistake: tuple[str, str, str], noise: list[str]) -> None:
    """With the table, its name, the field, what is wrong and what would do."""
    planted, instead, said = mistake
    assert instead in GOOD
    key = instead.split("\n")[0]
    text = "".join(noise) + GOOD
    # what stands behind the first line of `instead` only tells which of several is meant
    at = text.index(instead)
    text = text[:at] + planted + text[at + len(key) :]
    first = text.count("\n", 0, at) + 1
    lines = range(first, first + planted.count("\n") + 1)
    found = problems_of(text)
    assert any(said in each and each.startswith(tuple(f"lab.toml:{line}:" for line in lines)) for each in found), found


def test_all_mistakes_are_told_at_once_in_order_of_lines() -> None:
    """A file is mended in one go."""
    text = GOOD.replace("dispatch_spacing_s = 0", "x = 1").replace('kind = "software"', 'kind = "soft"').replace(
        'name = "pump-9"', "nome = 1"
    )  # fmt: skip
    numbers = [int(each.split(":")[1]) for each in problems_of(text)]
    assert numbers == sorted(numbers)
    assert len(numbers) >= 4


@pytest.mark.parametrize(("kind", "field"), [("profile", "name"), ("device", "name"), ("package", "title")])
def test_missing_name_is_reported_at_its_table(kind: str, field: str) -> None:
    (first, *_) = problems_of(f"\n[[{kind}]]\n")
    assert first.startswith(f"lab.toml:2: {kind}: ")
    assert any(f"{field} is missing; add {field} = " in each for each in problems_of(f"[[{kind}]]"))


@pytest.mark.parametrize(
    "text", ["device = 1", "[device]\nname = 'x'", "package = 'x'", "[fault]", "settings = 3", "device = [1]"]
)
def test_wrong_shape_is_refused(text: str) -> None:
    """One bracket where two are meant, a value where a table is."""
    assert problems_of(text)[0].startswith("lab.toml:1: ")


def test_error_shows_no_token() -> None:
    """Two devices with one token: neither is printed."""
    text = GOOD.replace("certificate = true", 'token = "TOKEN-OF-PUMP-7"')
    (problem,) = problems_of(text)
    assert "token: this one is taken" in problem
    assert "TOKEN-OF" not in problem


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No other error leaves."""
    assert all(problem.startswith("lab.toml:") for problem in told(text))


@given(
    st.sampled_from(['"x"', "1", "true", '""', "-5", "1.5", '["a"]', "{ name = 'n' }", "[1]", "1979-05-27"]),
    st.sampled_from([(kind, field) for kind, fields in FIELDS.items() for field in fields]),
)
def test_any_value_in_any_field_is_read_or_refused(value: str, place: tuple[str, str]) -> None:
    """A wrong kind of value is a mistake, not a crash."""
    kind, field = place
    problems = told(f"[[{kind}]]\n{field} = {value}\n")
    assert all(problem.startswith(("lab.toml:1:", "lab.toml:2:")) for problem in problems)


def test_example_of_the_documentation_is_a_laboratory() -> None:
    """`docs/lab.toml` as it stands."""
    path = Path(__file__).resolve().parents[2] / "docs" / "lab.toml"
    lab = parse_lab(path.read_text(encoding="utf-8"), path.name)
    assert lab.profiles
    assert lab.devices
    assert lab.packages
    assert lab.faults
