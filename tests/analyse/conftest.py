"""The conversations of tests/exchange/conftest.py, here too (pytest shares fixtures only downwards)."""

from __future__ import annotations

import importlib.util
from pathlib import Path

_PATH = Path(__file__).resolve().parent.parent / "exchange" / "conftest.py"
_SPEC = importlib.util.spec_from_file_location("otakit_conversations", _PATH)
assert _SPEC is not None
assert _SPEC.loader is not None
_CONVERSATIONS = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_CONVERSATIONS)

kept, stories, talk = _CONVERSATIONS.kept, _CONVERSATIONS.stories, _CONVERSATIONS.talk
