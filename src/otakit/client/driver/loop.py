"""Turns events into actions and actions into packets, files and notes: one thread for all of it.

Carries and decides nothing; `core` decides. Waits in one place only (`turn`), on the socket, the next
deadline, and a word from another thread (stop, an installer that is done). Installers run beside it, so
that keep-alive goes on while flash is written.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable

from otakit.captured import Watcher
from otakit.client.core import Core
from otakit.client.disk import DiskCarrier
from otakit.client.driver.tap import Tap
from otakit.client.driver.wire import Server, Wire
from otakit.client.events import DeadlinePassed, Started, StopAsked
from otakit.client.vocabulary import (
    Action,
    Confirm,
    Connect,
    Disconnect,
    Event,
    Install,
    RollBack,
    Send,
    Subscribe,
    Tell,
    Write,
)
from otakit.protocol.messages import Direction

READS = 16
"""How often a turn reads before it looks at the clock again."""
LOOK_S = 0.5
"""How often keep-alive is looked after, at least."""


class Clock:
    """UTC in nanoseconds that never goes backwards: set once, then carried on by the monotonic clock."""

    def __init__(self) -> None:
        self._base = time.time_ns() - time.monotonic_ns()

    def now(self) -> int:
        """Now."""
        return self.at(time.monotonic_ns())

    def at(self, monotonic_ns: int) -> int:
        """A moment of the monotonic clock."""
        return self._base + monotonic_ns


class Loop:
    """The client's one loop.

    Args:
        core: what decides.
        disk: what writes and installs.
        server: where to connect.
        watcher: what hears every packet and note.
    """

    def __init__(self, core: Core, disk: DiskCarrier, server: Server, watcher: Watcher | None) -> None:
        self.core, self.clock = core, Clock()
        self._disk, self._server, self._watcher = disk, server, watcher
        self._wire: Wire | None = None
        self._number: int | None = None
        self._inbox: deque[Event] = deque()
        self._foreign: deque[Event] = deque()
        self._selector = selectors.DefaultSelector()
        self._woken, self._waker = socket.socketpair()
        self._watched: tuple[int, int] | None = None
        self._pinged_at = 0
        self._looked_at = 0
        for end in (self._woken, self._waker):
            end.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._carry: dict[type[Action], Callable[..., None]] = {
            Write: self._write,
            Send: self._send,
            Subscribe: self._subscribe,
            Connect: self._connect,
            Disconnect: self._disconnect,
            Tell: self._tell,
            Install: self._beside,
            Confirm: self._beside,
            RollBack: self._beside,
        }

    # from any thread

    def tell(self, event: Event) -> None:
        """Lets the loop hear an event from another thread."""
        self._foreign.append(event)
        self.wake()

    def wake(self) -> None:
        """Ends the loop's waiting."""
        with contextlib.suppress(OSError):  # full: it is awake already; closed: it needs no waking
            self._waker.send(b"\0")

    # from the loop's thread

    def start(self) -> None:
        """The client begins."""
        self.hear(Started())

    def hear(self, event: Event) -> None:
        """Hears an event and all that follows from it."""
        self._inbox.append(event)
        self._settle()

    def carry_out(self, actions: list[Action]) -> None:
        """Carries actions out, and hears what follows."""
        self._do(actions)
        if self._wire is not None:
            self._inbox.extend(self._wire.flush())  # nothing may be in the inbox, and the question must go out
        self._settle()

    def turn(self) -> None:
        """Waits for what comes next and hears it."""
        wire = self._wire
        ready = self._wait(0.0 if wire is not None and wire.pending else self._pause_s())
        while self._foreign:
            self._inbox.append(self._foreign.popleft())
        self._settle()
        for _ in range(READS):
            if wire is None or wire is not self._wire or not (ready or wire.pending):
                break
            ready = False
            self._inbox.extend(wire.read())
            self._settle()
        self._look_after(self.clock.now())
        self._settle()

    def close(self) -> None:
        """Gives everything back; the server is told if it is still there."""
        if self._wire is not None:
            self._wire.close(orderly=True)
        self._selector.close()
        self._woken.close()
        self._waker.close()
        self._disk.close()

    def stop(self) -> None:
        """From any thread: the client shall end."""
        self.tell(StopAsked())

    def _pause_s(self) -> float:
        now = self.clock.now()
        wake_at = self.core.wake_at
        return LOOK_S if wake_at is None else min(LOOK_S, max(0.0, (wake_at - now) / 1e9))

    def _wait(self, seconds: float) -> bool:
        """Whether the connection has something; drains the waker."""
        self._watch()
        ready = False
        for key, _ in self._selector.select(seconds):
            if key.fileobj is self._woken:
                with contextlib.suppress(BlockingIOError):
                    self._woken.recv(4096)
            else:
                ready = True
        return ready

    def _watch(self) -> None:
        """Registers the socket of the present connection, for writing only while something waits."""
        tap = self._wire.tap if self._wire is not None and not self._wire.over else None
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if tap is not None and tap.unsent else 0)
        wanted = (tap.fileno(), events) if tap is not None else None
        if wanted == self._watched:
            return
        if self._watched is not None:
            with contextlib.suppress(KeyError, ValueError, OSError):  # closed meanwhile
                self._selector.unregister(self._watched[0])
        if wanted is not None:
            self._selector.register(*wanted)
        self._watched = wanted

    def _look_after(self, now: int) -> None:
        wire = self._wire
        if wire is not None and now - self._looked_at >= LOOK_S * 1e9:
            self._looked_at = now
            self._inbox.extend(wire.look_after())
            if now - self._pinged_at >= self.core.settings.keep_alive_s * 1e9:
                self._pinged_at = now
                self._inbox.extend(wire.ping())
        wake_at = self.core.wake_at
        if wake_at is not None and now >= wake_at:
            self._inbox.append(DeadlinePassed())

    def _settle(self) -> None:
        """Hears all there is, and what follows from it; what is to be sent goes out together."""
        while self._inbox:
            while self._inbox:
                self._do(self.core.hear(self._inbox.popleft(), self.clock.now()))
            if self._wire is not None:
                self._inbox.extend(self._wire.flush())

    def _do(self, actions: list[Action]) -> None:
        for action in actions:
            carry = self._carry.get(type(action))
            if carry is not None:
                carry(action)
            elif self._disk.carries(action) and (event := self._disk.carry(action)) is not None:  # type: ignore[arg-type]  # carries() says so
                self._inbox.append(event)

    def _write(self, action: Write) -> None:
        if (failed := self._disk.write(action)) is not None:
            self._inbox.append(failed)

    def _send(self, action: Send) -> None:
        if self._wire is not None:
            self._wire.send(action)

    def _subscribe(self, action: Subscribe) -> None:
        if self._wire is not None:
            self._wire.subscribe(action)

    def _connect(self, _action: Connect) -> None:
        self._forget_wire(orderly=False)
        seen = self._seen if self._watcher is not None else None
        self._wire = Wire(self._server, self.core.settings, seen, self._opened)
        self._pinged_at = self.clock.now()
        self._inbox.extend(self._wire.connect())

    def _opened(self, tap: Tap) -> None:
        if self._watcher is not None:
            self._number = self._watcher.connection(*tap.addresses())

    def _seen(self, direction: Direction, raw: bytes, passed_ns: int) -> None:
        if self._watcher is not None and self._number is not None:
            self._watcher.packet(self._number, direction, raw, self.clock.at(passed_ns))

    def _disconnect(self, action: Disconnect) -> None:
        self._forget_wire(orderly=action.orderly)

    def _forget_wire(self, *, orderly: bool) -> None:
        if self._wire is not None:
            self._wire.close(orderly=orderly)
            self._watch()
            self._wire = None

    def _tell(self, action: Tell) -> None:
        if self._watcher is not None:
            self._watcher.note(action.name, action.fields, connection=self._number, at_ns=self.clock.now())

    def _beside(self, action: Install | Confirm | RollBack) -> None:
        """A step of the installer, in a thread of its own: flash may take its time."""

        def work() -> None:
            event = self._disk.carry(action)
            if event is not None:
                self.tell(event)

        threading.Thread(target=work, name=f"otakit-{type(action).__name__.lower()}", daemon=True).start()
