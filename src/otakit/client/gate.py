"""The gate through which questions go out, and the clock that stands still behind it when it is shut.

When not stepping it is always open and its clock is the caller's. When stepping, one question passes for
each `open`; its exchange is over when its answers came, its deadline passed or the connection was lost.
Pure; used by `core`.
"""

from __future__ import annotations

from otakit.client.events import Opened, Refused, Subscribed
from otakit.client.vocabulary import Action, Connect, Send, Subscribe
from otakit.protocol.messages import AttributesRequest, AttributesResponse, ChunkRequest, RpcRequest, RpcResponse

Key = tuple[object, ...]


def question_key(question: Action) -> Key | None:
    """What the answer to a question will be known by; None when only an acknowledgement comes, or nothing."""
    match question:
        case Connect():
            return ("connect",)
        case Subscribe():
            return ("subscribe",)
        case Send(message=ChunkRequest(kind=kind, request_id=request_id, index=index)):
            return ("chunk", kind, request_id, index)
        case Send(message=AttributesRequest(request_id=request_id)):
            return ("attributes", request_id)
        case Send(message=RpcRequest(request_id=request_id)):
            return ("rpc", request_id)
    return None


def answer_key(event: object) -> Key | None:
    """Which question an event answers."""
    match event:
        case Opened() | Refused():
            return ("connect",)
        case Subscribed():
            return ("subscribe",)
        case AttributesResponse(request_id=request_id):
            return ("attributes", request_id)
        case RpcResponse(request_id=request_id):
            return ("rpc", request_id)
    return None


class Gate:
    """Lets questions pass, all or one by one.

    Attributes:
        stood_ns: how long the clock has stood still so far.
        due_at: when the exchange at hand is over without an answer.
    """

    def __init__(self, *, stepping: bool) -> None:
        self.stepping = stepping
        self.stood_ns = 0
        self.due_at: int | None = None
        self._allowed = 0
        self._stopped_at: int | None = None
        self._key: Key | None = None
        self._token: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether a question may go out."""
        return not self.stepping or self._allowed > 0

    @property
    def stands_still(self) -> bool:
        """Whether the update's clock is stopped."""
        return self._stopped_at is not None

    @property
    def went(self) -> bool:
        """Whether the question that was allowed last went out."""
        return not self._allowed

    @property
    def is_over(self) -> bool:
        """Whether the question that was let out has its answers, or needs none."""
        return not self._allowed and self._key is None and self._token is None

    def now(self, at_ns: int) -> int:
        """The update's clock."""
        return (at_ns if self._stopped_at is None else self._stopped_at) - self.stood_ns

    def stop(self, at_ns: int) -> None:
        """The clock stands still from now on."""
        if self.stepping and self._stopped_at is None:
            self._stopped_at = at_ns
            self._allowed = 0

    def open(self, at_ns: int) -> None:
        """The clock goes on, one question may pass."""
        if self._stopped_at is not None:
            self.stood_ns += at_ns - self._stopped_at
            self._stopped_at = None
        self._allowed, self._key, self._token, self.due_at = 1, None, None, None

    def release(self, at_ns: int) -> None:
        """No more stepping: the client shall end."""
        self.open(at_ns)
        self.stepping = False

    def asked(self, question: Action, key: Key | None, due_at: int | None) -> None:
        """A question went out."""
        self._allowed -= 1
        self._key = key
        acknowledged = isinstance(question, Send) and question.qos > 0
        self._token = question.token if acknowledged and isinstance(question, Send) else None
        self.due_at = due_at if key is not None or self._token is not None else None

    def answered(self, key: Key | None) -> None:
        """An answer came."""
        if key is not None and key == self._key:
            self._key = None
            self._settle()

    def acknowledged(self, token: int) -> None:
        """A PUBACK came."""
        if token == self._token:
            self._token = None
            self._settle()

    def _settle(self) -> None:
        if self._key is None and self._token is None:
            self.due_at = None

    def passed(self, now: int) -> None:
        """The moment came that something waited for, perhaps this exchange."""
        if self.due_at is not None and now >= self.due_at:
            self.lost()

    def lost(self) -> None:
        """No answer will come any more."""
        self._key = self._token = self.due_at = None
