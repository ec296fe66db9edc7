"""How long Sphinx takes for one page with diagrams: our directive, and sphinxcontrib-plantuml with Java.

    python bench/sphinx_pages.py [--runs 3]

The same page (the first draft of the article, and the seven diagrams of the kit), the same Sphinx, SVG. *Cold* is
a build into an empty folder; *warm* reads and writes the page again with the pictures of the build before;
*one changed* changes one diagram in between. The peer runs in an environment of its own, pinned and checked by
hash; once as it comes (Java started for each diagram) and once with `plantuml_batch_size`. Needs `plantuml`.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from children import HERE
from peer import peer_python

ROOT = HERE.parent
COMMON = "project = 'x'\nlanguage = 'zh_CN'\nhtml_theme = 'basic'\n"
OURS = f"{COMMON}extensions = ['otakit.sphinxext']\n"
THEIRS = f"{COMMON}extensions = ['sphinxcontrib.plantuml']\nplantuml = 'plantuml'\nplantuml_output_format = 'svg'\n"
WAYS = ("otakit", "java", "java, batch")


@contextmanager
def project(conf: str) -> Iterator[Path]:
    """A folder with the page."""
    with tempfile.TemporaryDirectory(prefix="otakit-bench-") as name:
        folder = Path(name)
        (folder / "conf.py").write_text(conf, encoding="utf-8")
        text = (ROOT / "tests" / "pages" / "seed-article.rst").read_text(encoding="utf-8")
        for source in sorted((ROOT / "diagrams").glob("*.puml")):
            shutil.copy(source, folder)
            text += f"\n\n.. uml:: {source.name}\n"
        (folder / "index.rst").write_text(text, encoding="utf-8")
        yield folder


def build(python: str, folder: Path) -> float:
    """Seconds of a build that reads and writes all pages."""
    began = time.perf_counter()
    command = [python, "-m", "sphinx", "-q", "-E", "-a", "-b", "html", str(folder), str(folder / "out")]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def measured(python: str, conf: str) -> tuple[float, float, float]:
    """Seconds cold, warm, and with one diagram changed."""
    with project(conf) as folder:
        cold, warm = build(python, folder), build(python, folder)
        changed = folder / "request-firmware-chunks.puml"
        text = changed.read_text(encoding="utf-8")
        changed.write_text(text.replace("title ", "title Changed: ", 1), encoding="utf-8")
        return cold, warm, build(python, folder)


def main() -> None:
    """Measures each way in turn, so that a slow moment of the machine meets all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3, help="runs of each figure; the median counts (default 3)")
    runs = parser.parse_args().runs
    if shutil.which("plantuml") is None:
        raise SystemExit("plantuml is missing; install it with: sudo apt-get install plantuml")
    theirs = peer_python("sphinx")
    asked = {
        "otakit": (sys.executable, OURS),
        "java": (theirs, THEIRS),
        "java, batch": (theirs, f"{THEIRS}plantuml_batch_size = 100\n"),
    }
    found: dict[str, list[tuple[float, float, float]]] = {way: [] for way in WAYS}
    for _ in range(runs):
        for way in WAYS:
            found[way].append(measured(*asked[way]))
    for way in WAYS:
        cold, warm, changed = (statistics.median(each) for each in zip(*found[way], strict=True))
        print(f"{way:<14} cold {cold:6.2f} s   warm {warm:6.2f} s   one changed {changed:6.2f} s", flush=True)


if __name__ == "__main__":
    main()
