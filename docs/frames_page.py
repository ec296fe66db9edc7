# ruff: noqa: INP001 - docs is a folder of pages, not a package
"""The reference page of the frames, made from their declaration in `otakit.columns`.

python docs/frames_page.py             writes docs/frames.md
python docs/frames_page.py --check     says whether it is stale; ends with 1 then
"""

from __future__ import annotations

import sys
from pathlib import Path

from current import keep_current

from otakit.columns import COLUMNS, Column

PAGE = Path(__file__).resolve().parent / "frames.md"
HEAD = """# The frames of a session

Made from `otakit/columns.py` by `docs/frames_page.py`; do not edit.

`session.packets`, `.exchanges`, `.chunks`, `.statuses` and `.updates` are plain pandas DataFrames with exactly these
columns; `session.export(folder)` writes them as Parquet, with unit and sentence in each field's metadata. They are the
same for every way of recording, and whether or not the recording kept the image bytes.

There are two clocks: columns in seconds (`…_s`) count from the recording's first packet, `wall` and the `…_at` columns
are UTC. What is missing is `<NA>`, `NaN` or `NaT`, never zero and never an empty text.
"""
SENTENCES = {
    "packets": "One row for each MQTT control packet, in the order in which they passed.",
    "exchanges": "One row for each question, with its answer or its absence. Every packet belongs to one.",
    "chunks": "One row for each chunk request; a chunk that was asked for twice has two rows.",
    "statuses": "One row for each `fw_state` or `sw_state`, the server's and the device's, in order.",
    "updates": "One row for each attempt to bring one device to one package.",
}


def page() -> str:
    """The page's text."""
    parts = [HEAD]
    for name, columns in COLUMNS.items():
        parts += [
            f"## {name}\n",
            f"{SENTENCES[name]}\n",
            "| column | dtype | unit | what it holds |",
            "|---|---|---|---|",
        ]
        parts += [_row(column) for column in columns]
        parts.append("")
    return "\n".join(parts)


def _row(column: Column) -> str:
    return f"| `{column.name}` | `{column.dtype}` | {column.unit} | {column.sentence} |"


def main() -> int:
    """Writes the page, or with ``--check`` compares it."""
    return keep_current("The reference page of the frames.", {PAGE: page()})


if __name__ == "__main__":
    sys.exit(main())
