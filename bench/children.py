"""Child processes of the benchmark: each measured thing runs in a process of its own and talks JSON lines."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


class Child:
    """A running child process whose standard output is JSON, one value a line."""

    def __init__(self, command: list[str], cwd: Path | None = None) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=cwd)

    def ask(self, question: str) -> dict[str, Any]:
        """Writes a line to its standard input; the JSON line that answers."""
        assert self._process.stdin is not None
        self._process.stdin.write(question + "\n")
        self._process.stdin.flush()
        return self.line()

    def end_input(self) -> None:
        """Lets it end by itself."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def line(self) -> dict[str, Any]:
        """The next JSON line.

        Raises:
            SystemExit: the child ended instead.
        """
        assert self._process.stdout is not None
        while text := self._process.stdout.readline():
            if text.startswith("{"):
                found: dict[str, Any] = json.loads(text)
                return found
        raise SystemExit(f"a child process ended early with code {self._process.wait()}: {self._process.args!r}")

    def stop(self) -> None:
        """Ends it, with what it takes."""
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


@contextmanager
def child(*arguments: str, python: str = sys.executable, cwd: Path | None = None) -> Iterator[Child]:
    """A Python child for the length of a block."""
    running = Child([python, *arguments], cwd)
    try:
        yield running
    finally:
        running.stop()


def bare_tcp_seconds(total: int, relay: list[str] | None = None) -> float:
    """Seconds that `total` bytes take from process to process, through a link when `relay` starts one."""
    script = str(HERE / "bare_tcp.py")
    with child(script, "receive", str(total)) as receiver:
        port = receiver.line()["port"]
        if relay is None:
            with child(script, "send", "127.0.0.1", str(port), str(total)):
                return float(receiver.line()["seconds"])
        with child(*relay, f"127.0.0.1:{port}") as link:
            relayed = link.line()["port"]
            with child(script, "send", "127.0.0.1", str(relayed), str(total)):
                return float(receiver.line()["seconds"])
