"""A twin with defects, as a process of its own.

    python bench/defective_twin.py '{"defects": ["PUBACK after chunk"], "seed": 2}'

The other members are knobs of `TwinSettings`. It says where it is in one line, as `python -m otakit.twin` does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys

import planted_mqtt
import planted_rest
from planting import DEFECTS

from otakit.twin.serving import Wanted, serve
from otakit.twin.settings import TwinSettings

assert planted_mqtt
assert planted_rest


def main(asked: dict[str, object]) -> None:
    """Serves until it is told to stop."""
    names, seed = asked.pop("defects", []), int(str(asked.pop("seed", 0)))
    assert isinstance(names, list)
    settings = TwinSettings(**asked)  # type: ignore[arg-type]  # the class refuses what it does not know
    with contextlib.ExitStack() as planted:
        for name in names:
            planted.enter_context(DEFECTS[name].planted())
        asyncio.run(serve(Wanted(seed=seed, settings=settings)))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]) if sys.argv[1:] else {})
