"""An exchange that was led by hand: the question, what came, and what that means, byte by byte.

A value only, and how it shows itself in a notebook and as text. Made by `lesson.talk`; its packets are shown
as those of a step are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

from otakit.diagrams.plantuml import render
from otakit.diagrams.value import Diagram
from otakit.lesson.heard import Heard, is_error
from otakit.lesson.pointing import lit, section_of
from otakit.lesson.step import ARROWS, STYLE, ShownPacket, packet_table, packet_text
from otakit.protocol import messages as m
from otakit.protocol import packets as p
from otakit.protocol.messages import Direction

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FOLDED = "PubAck"
"""Its table is closed at first: it says no more than its title."""


@dataclass(frozen=True)
class Exchange:
    """A question of the device's and what the server said to it; or only what the server said.

    Attributes:
        heard: the packets of both sides, the question first.
        remarks: what is not plain success, in sentences.
        closed: whether the connection is over now.
    """

    heard: tuple[Heard, ...]
    remarks: tuple[str, ...] = ()
    closed: bool = False
    asked: bool = field(default=True, repr=False)

    @property
    def packets(self) -> tuple[ShownPacket, ...]:
        """The packets as they are shown, each with all its fields."""
        return tuple(heard.shown for heard in self.heard)

    @property
    def rows(self) -> list[str]:
        """What passed, as rows of the message table, in order."""
        return [packet.row for packet in self.packets]

    @property
    def came(self) -> list[p.Packet]:
        """The server's packets, decoded."""
        return [heard.packet for heard in self.heard if heard.direction is Direction.TO_DEVICE]

    @property
    def code(self) -> int | None:
        """Return or reason code of CONNACK or PUBACK; None when none came."""
        codes = (one.reason_code for one in self.came if isinstance(one, p.ConnAck | p.PubAck))
        return next(codes, None)

    @property
    def codes(self) -> tuple[int, ...]:
        """The codes of SUBACK, one for each filter; empty when none came."""
        return next((one.reason_codes for one in self.came if isinstance(one, p.SubAck)), ())

    @property
    def contents(self) -> list[p.Publish]:
        """What the server published: the answer with content, an error word, or what it says by itself."""
        return [one for one in self.came if isinstance(one, p.Publish)]

    @property
    def topic(self) -> str | None:
        """Under which topic the first content came."""
        return next((one.topic for one in self.contents), None)

    @property
    def payload(self) -> bytes | None:
        """The bytes of the first content; None when none came."""
        return next((one.payload for one in self.contents), None)

    @property
    def bodies(self) -> list[Any]:
        """All contents as JSON values, in their order."""
        return [m.parse_json(one.payload) for one in self.contents]

    @property
    def body(self) -> Any:
        """The first content as a JSON value; None when none came."""
        return next(iter(self.bodies), None)

    @property
    def error(self) -> str | None:
        """The error word, where one came."""
        return next((one.payload.decode(errors="replace") for one in self.contents if is_error(one)), None)

    @property
    def title(self) -> str:
        """What was asked and what came, in one line."""
        if not self.heard:
            return "Nothing was sent" if self.asked else "The server said nothing by itself"
        came = ", ".join(heard.shown.row for heard in self.heard if heard.direction is Direction.TO_DEVICE)
        head = f"{self.rows[0]} → {came or 'nothing'}" if self.asked else f"The server by itself: {came}"
        return f"{head}, and the connection is closed" if self.closed else head

    @property
    def numbers(self) -> list[int]:
        """The packets' numbers in the recording."""
        return [packet.number for packet in self.packets]

    def plot_bytes(self, place: int = 0) -> Axes:
        """One of the packets as squares, one a byte, coloured by field; the question without `place`."""
        from otakit.analyse.plots import packet_bytes  # noqa: PLC0415 - half a second, only for who looks

        packet = self.packets[place]
        return packet_bytes(packet.fields, f"{packet.row}, {ARROWS[packet.direction]}")

    @property
    def diagram(self) -> Diagram:
        """The article's diagram for this question, its arrows lit."""
        first = self.packets[0] if self.packets else None
        return diagram_of([self], section_of(first.row, first.kind) if first else "whole-update")

    def __repr__(self) -> str:
        """As text: every packet, every field, every remark."""
        return "\n\n".join([self.title, *map(packet_text, self.packets), *self.remarks])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """HTML, and the text beside it."""
        del include, exclude  # Jupyter takes what it wants
        packets = "".join(
            f"<details{'' if packet.row == FOLDED else ' open'}><summary><b>{escape(packet.title)}</b></summary>"
            f"{packet_table(packet)}</details>"
            for packet in self.packets
        )
        remarks = "".join(f"<p>▸ {escape(remark)}</p>" for remark in self.remarks)
        html = f"{STYLE}<div class='otakit-step'><p class='title'>{escape(self.title)}</p>{packets}{remarks}</div>"
        return {"text/html": html, "text/plain": repr(self)}


def diagram_of(exchanges: Sequence[Exchange], section: str) -> Diagram:
    """A diagram of the article with all arrows lit that these exchanges took.

    Args:
        exchanges: in their order.
        section: name of the diagram, such as ``request-firmware-attributes``.
    """
    said = [[(one.row, one.said, one.direction) for one in exchange.packets] for exchange in exchanges]
    return render(lit(section, said))
