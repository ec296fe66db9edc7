"""A twin that is killed and started again, over and over: started for each line that it reads.

Forked where that can be done: its imports take longer than it lives. Started by `test_keeping_killed`.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

from otakit.twin.server import TwinServer
from otakit.twin.settings import TwinSettings


async def warm_up() -> None:
    """Does once what each twin would do anew."""
    server = TwinServer()
    await server.start()
    await server.close()


async def live(folder: Path) -> None:
    server = TwinServer(TwinSettings(dispatch_spacing_s=0), data=folder)
    await server.start()
    sys.stdout.write(json.dumps({"pid": os.getpid(), "mqtt": server.mqtt, "http": server.http}) + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


def start_again_and_again(folder: Path) -> None:
    """Each twin is waited for: what it had locked is free then."""
    asyncio.run(warm_up())
    for _ in sys.stdin:
        if sys.platform == "win32":
            subprocess.run([sys.executable, __file__, str(folder), "once"], check=False)
            continue
        pid = os.fork()
        if pid == 0:
            try:
                asyncio.run(live(folder))
            finally:
                os._exit(1)
        if not os.WIFSIGNALED(os.waitpid(pid, 0)[1]):
            sys.exit("the twin ended before it was killed")


if __name__ == "__main__":
    where = Path(sys.argv[1])
    asyncio.run(live(where)) if len(sys.argv) > 2 else start_again_and_again(where)
