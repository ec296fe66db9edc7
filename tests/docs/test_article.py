"""The article: the seed's headings, the same fields in each step, nothing that code and recordings do not say."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar

import pytest
from docutils import nodes
from docutils.core import publish_doctree
from docutils.parsers.rst import Directive, directives

from otakit.article.cut import DIRECTIONS
from otakit.article.tables import TABLES
from otakit.protocol.messages import TABLE, Direction
from otakit.session import Session
from otakit.twin.topics import FILTERS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "ota-updates.rst"
RUNS = ROOT / "docs" / "runs"
HEADINGS = [
    (1, "OTA updates"),
    (2, "Firmware OTA updates"),
    (3, "Request firmware attributes values from the server"),
    (3, "Subscribe to firmware attributes updates from the server"),
    (3, "Request firmware chunk from the server"),
    (2, "Software OTA updates"),
    (2, "ThingsBoard Operation"),
    (2, "References"),
]
"""Of the article's first draft."""
STEPS = [
    "Prerequisites",
    "Send request of firmware attributes",
    "Handle response of firmware attributes",
    "Prerequisites",
    "Handle PUBLISH message of firmware attributes updates",
    "Prerequisites",
    "Send request of firmware chunk",
    "Handle response of firmware chunk",
    "Send telemetry of current firmware status",
]
NAMES = {"SUBSCRIBE": "Payload-Topic Filter", "PUBLISH": "Variable header-Topic Name"}
PACKETS = {"SUBSCRIBE": "SUBSCRIBE (Client subscribe request)", "PUBLISH": "PUBLISH (Publish message)"}


# reading the page


class Uml(Directive):  # type: ignore[misc]  # docutils has no types
    """Stands for the directive of a Sphinx extension."""

    has_content = True
    optional_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {"caption": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        return [nodes.image("", uri=self.arguments[0] if self.arguments else "inline", classes=["uml"])]


@dataclass
class Step:
    """One numbered step: its fields by name."""

    title: str
    fields: dict[str, nodes.list_item] = field(default_factory=dict)

    def text(self, name: str) -> str:
        return str(self.fields[name].astext()).partition(":")[2].strip()

    def literals(self, name: str) -> list[str]:
        paragraph = next(iter(self.fields[name].findall(nodes.paragraph)))
        return [each.astext() for each in paragraph.findall(nodes.literal)]

    @property
    def row(self) -> str:
        """The message of its example, as the recordings and diagrams call it."""
        block = next(iter(self.fields["Example"].findall(nodes.literal_block))).astext()
        return str(block).partition("\n")[0].rpartition(": ")[2]


def parsed(text: str) -> nodes.document:
    """The page as docutils reads it; a warning is a failure."""
    told = StringIO()
    directives.register_directive("uml", Uml)
    try:
        document = publish_doctree(text, settings_overrides={"warning_stream": told, "report_level": 1})
    finally:  # docutils keeps it for the whole process, where Sphinx would meet it
        directives._directives.pop("uml", None)
    assert told.getvalue() == ""
    return document


def steps_of(document: nodes.document) -> list[Step]:
    """The steps of the three sections on firmware."""
    found = []
    for section in document.findall(nodes.section):
        if section.next_node(nodes.title).astext() in {title for level, title in HEADINGS if level == 3}:
            for listed in (each for each in section.children if isinstance(each, nodes.enumerated_list)):
                found += [_step(item) for item in listed.children if isinstance(item, nodes.list_item)]
    return found


def _step(item: nodes.list_item) -> Step:
    step = Step(item.next_node(nodes.paragraph).astext())
    for bullet in item.next_node(nodes.bullet_list).children:
        assert isinstance(bullet, nodes.list_item)
        step.fields[bullet.next_node(nodes.strong).astext().rstrip(":")] = bullet
    return step


@pytest.fixture(scope="module")
def text() -> str:
    return PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def document(text: str) -> nodes.document:
    return parsed(text)


# headings and steps


def test_headings_are_the_seeds_in_its_order(document: nodes.document) -> None:
    """The title of the page counts as the first."""
    found = [(1, document.next_node(nodes.title).astext())]
    for section in document.findall(nodes.section):
        level, above = 2, section.parent
        while isinstance(above, nodes.section):
            level, above = level + 1, above.parent
        found.append((level, section.next_node(nodes.title).astext()))
    assert found == HEADINGS


def test_steps_are_the_seeds_and_the_status_is_one_of_them(document: nodes.document) -> None:
    """Three, two and four."""
    assert [step.title for step in steps_of(document)] == STEPS


def test_each_step_has_all_fields_in_the_same_order(document: nodes.document) -> None:
    """A SUBSCRIBE names a filter, a PUBLISH a topic; nothing is left empty."""
    for step in steps_of(document):
        packet = step.text("Control Packet type").partition(" ")[0]
        fields = ["Control Packet type", "Direction of flow", NAMES[packet], "QoS", "Payload", "Example", "Answer"]
        assert list(step.fields) == [*fields, "What the device must do", "When it goes wrong"], step.title
        assert all(step.text(name) for name in step.fields), step.title
        assert list(step.fields["Example"].findall(nodes.literal_block)), step.title


# the message table


def disagreements(text: str) -> list[str]:
    """Where a step says something else than the message table."""
    return [f"{step.title}: {told}" for step in steps_of(parsed(text)) for told in _told(step)]


def _told(step: Step) -> Iterator[str]:
    row = TABLE[step.row]
    assert row.packet is not None
    if step.text("Control Packet type") != PACKETS.get(row.packet.name):
        yield f"{step.row} is a {row.packet.name}"
    directions = {DIRECTIONS[each] for each in row.directions if each in DIRECTIONS}
    if step.text("Direction of flow") not in directions:
        yield f"{step.row} goes {directions}"
    name = next(name for name in NAMES.values() if name in step.fields)
    names = step.literals(name)
    if name != NAMES[row.packet.name]:
        yield f"{step.row} has a {NAMES[row.packet.name]}"
    elif row.packet.name == "SUBSCRIBE":
        yield from (f"{each} is no filter that ThingsBoard grants" for each in names if each not in FILTERS)
        if not names:
            yield "no filter"
    elif names != [row.topic.replace("{request_id}", "{requestId}").replace("{index}", "{chunkIndex}")]:
        yield f"{step.row} is on {row.topic}, not on {names}"


def test_each_step_agrees_with_the_message_table(text: str) -> None:
    """Packet type, direction, and filter or topic."""
    assert disagreements(text) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("PUBLISH (Publish message)", "SUBSCRIBE (Client subscribe request)"),
        ("SUBSCRIBE (Client subscribe request)", "PUBLISH (Publish message)"),
        ("**Direction of flow:** Server to Client", "**Direction of flow:** Client to Server"),
        ("Filter:** ``v1/devices/me/attributes``", "Filter:** `firmware attributes updates`"),
        ("Filter:** ``v2/fw/response/+/chunk/+``", "Filter:** ``v2/fw/response/+``"),
        ("Name:** ``v2/fw/request/", "Name:** ``v2/sw/request/"),
        ("Name:** ``v1/devices/me/telemetry``", "Name:** ``v1/devices/me/attributes``"),
    ],
)
def test_a_step_that_says_something_else_is_found(text: str, right: str, wrong: str) -> None:
    """Among them two mistakes of the first draft."""
    broken = text.replace(right, wrong, 1)
    assert broken != text
    assert disagreements(broken)


def test_the_filters_of_the_steps_hear_what_the_steps_receive(document: nodes.document) -> None:
    """Each topic that the server publishes to is matched by a filter subscribed before."""
    filters: list[str] = []
    for step in steps_of(document):
        filters += step.literals("Payload-Topic Filter") if "Payload-Topic Filter" in step.fields else []
        if Direction.TO_DEVICE in TABLE[step.row].directions:
            topic = re.sub(r"\{\w+\}", "+", TABLE[step.row].topic)
            assert topic in filters, step.title


# examples


BLOCK = re.compile(r"# (\S+\.pcapng), packet (\d+): (\w+)\n((?:[^\n]+\n?)+)")


def examples(document: nodes.document) -> list[tuple[str, int, str, list[str]]]:
    """Recording, packet, message and lines of each example."""
    blocks = "\n\n".join(block.astext() for block in document.findall(nodes.literal_block))
    found = [(name, int(number), row, lines.split("\n")) for name, number, row, lines in BLOCK.findall(blocks)]
    assert len(found) == blocks.count("# ") > 50
    return found


def test_each_example_is_in_its_recording(document: nodes.document) -> None:
    """Read by the frames, not by what cut it out: message, packet type, side, topic and payload."""
    frames = {path.name: Session(path).packets for path in RUNS.glob("*.pcapng")}
    for name, number, row, lines in examples(document):
        packet = frames[name].iloc[number - 1]
        where = f"{name}, packet {number}"
        assert (packet["message"], packet["type"]) == (row, lines[0].split()[0]), where
        assert DIRECTIONS[Direction(packet["direction"])] in lines[0], where
        if packet["type"] != "PUBLISH":
            continue
        assert lines[1] == f"Topic Name  {packet['topic']}", where
        payload = "".join(line[12:] for line in lines[2:])
        if row == "ChunkResponse":
            assert int(payload.split()[0].replace(",", "")) == packet["payload_bytes"], where
        else:
            assert hashlib.sha256(payload.encode()).hexdigest() == packet["payload_sha256"], where


def test_every_recording_is_used(text: str) -> None:
    """None is kept that no example is cut out of."""
    unused = {path.name for path in RUNS.glob("*.pcapng") if path.name not in text}
    assert unused == {"device-overrides-profile.pcapng"}, "that one is the worked example's"


def test_the_worked_example_says_who_hears_what(document: nodes.document) -> None:
    """Six actions, D1, D2."""
    table = next(each for each in document.findall(nodes.table) if "D1 receives" in each.astext())
    rows = [[entry.astext() for entry in row.findall(nodes.entry)] for row in table.findall(nodes.row)][1:]
    heard = [" ".join(re.search(r"F\d|nothing|all 9", cell)[0] for cell in cells) for _, *cells in rows]  # type: ignore[index]  # one of them is there
    assert heard == ["F1 F1", "F2 nothing", "nothing F3", "F3 nothing", "nothing nothing", "nothing all 9"]


# tables


def test_a_rebuild_changes_nothing() -> None:
    """Examples, tables and links of the committed page are what source, recordings and code give."""
    command = [sys.executable, str(ROOT / "docs" / "make_article.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_every_table_of_the_code_stands_in_the_page(text: str) -> None:
    """Each as it is made, none left out."""
    lines = {line.strip() for line in text.split("\n")}
    for name, make in TABLES.items():
        rows = [] if name == "keys" else make()
        assert [row for row in rows if row.strip() not in lines] == [], name


# what a reader sees


def test_nothing_is_left_open(text: str) -> None:
    """No question marks, no notes to the author, no placeholder that is no filter."""
    assert "???" not in text
    assert "TODO" not in text
    assert "`firmware attributes updates`" not in text


def test_both_chinese_passages_stand_beside_their_english(text: str) -> None:
    """Word for word as in the first draft, the markup of code apart."""
    software = "所有应用于Firmware的操作, 也可以应用于 Software。相关的协议, 把 ``fw_...`` 替换成 ``sw_...`` 即可。"
    assert re.search(rf"{re.escape(software)}\n\nIn English: ", text)
    assert re.search(r"Device 的 OTA updates 覆盖 Device profile 的 OTA updates\.\n\n +In English: ", text)


def test_each_untruth_about_software_has_its_packet(document: nodes.document) -> None:
    """Under the sentence stand the places where it is not true, each with an example."""
    section = next(each for each in document.findall(nodes.section) if "Software OTA" in each.astext()[:30])
    places = next(each for each in section.children if isinstance(each, nodes.bullet_list))
    assert len(places) == 3
    assert all(list(place.findall(nodes.literal_block)) for place in places)


def test_each_section_has_its_diagram_its_mistake_and_its_lesson(document: nodes.document) -> None:
    """The references have no diagram and nothing that is done wrong."""
    sections = [document, *document.findall(nodes.section)]
    for section in sections:
        own = [child for child in section.children if not isinstance(child, nodes.section)]
        title = section.next_node(nodes.title).astext()
        kinds = {type(child).__name__ for child in own}
        assert any("Lesson" in child.astext()[:7] for child in own), title
        if title != "References":
            assert {"image", "admonition"} <= kinds, title


@pytest.mark.parametrize("link", sorted(set(re.findall(r"<(\.\./\S+)>`__", PAGE.read_text(encoding="utf-8")))))
def test_each_linked_lesson_is_there(link: str) -> None:
    """Under the name by which the page links it."""
    assert (PAGE.parent / link).resolve().is_file()


@pytest.mark.parametrize("name", sorted(set(re.findall(r"uml:: (\S+)", PAGE.read_text(encoding="utf-8")))))
def test_each_diagram_is_there(name: str) -> None:
    """As source and as picture."""
    assert (PAGE.parent / name).is_file()
    assert (PAGE.parent / name).with_suffix(".svg").is_file()


def test_each_paragraph_is_whole_sentences(document: nodes.document) -> None:
    """So that a catalogue of translations holds sentences: none begins or ends in the middle."""
    for section in document.findall(nodes.section):
        for paragraph in (each for each in section.children if isinstance(each, nodes.paragraph)):
            assert paragraph.astext().rstrip().endswith((".", ":", "。")), paragraph.astext()
