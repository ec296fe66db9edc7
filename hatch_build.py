"""Build hook: puts the diagram engine, the article and its diagrams into the wheel, from what is on this machine.

Fetches nothing over the network: a wheel without the engine does not come about, an editable install may lack it.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class EngineHook(BuildHookInterface):  # type: ignore[type-arg]  # hatchling's generic parameter is its own configuration
    """hatchling asks it before it collects the files of a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Check the engine, or unpack a local file of it; then name the diagrams that go along."""
        if version == "editable":
            return
        engine = _fetch_engine(Path(self.root))
        try:
            if os.environ.get(engine.LOCAL_FILE) and not engine.is_here():
                engine.unpack(Path(os.environ[engine.LOCAL_FILE]))
        except engine.FetchFailed as error:
            raise SystemExit(f"error: diagram engine: {error}") from None
        if not engine.is_here():
            raise SystemExit(
                "error: a wheel needs the diagram engine and it is not here; bring it first: "
                f"python src/otakit/diagrams/fetch_engine.py (or name a local {engine.TGZ} in {engine.LOCAL_FILE})"
            )
        diagrams = Path(self.root) / "diagrams"
        for source in sorted(diagrams.rglob("*.puml")):
            inside = source.relative_to(diagrams).as_posix()
            build_data["force_include"][str(source)] = f"otakit/diagrams/article/{inside}"
        build_data["force_include"][str(Path(self.root) / "docs" / "ota-updates.rst")] = (
            "otakit/article/ota-updates.rst"
        )


def _fetch_engine(root: Path) -> Any:
    """The script that knows version and sha512, without importing the package that is being built."""
    path = root / "src" / "otakit" / "diagrams" / "fetch_engine.py"
    spec = importlib.util.spec_from_file_location("fetch_engine", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
