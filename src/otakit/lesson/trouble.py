"""What goes wrong in a lesson, in one line: what, where, and what to do.

Knows two kinds of trouble: an error of the kit's own, whose text says all of that already, and a name that is
not there because its cell was not run. Refuses to hide anything else, and with ``OTAKIT_DEBUG=1`` hides
nothing. In force in every notebook that imports `otakit.lesson`.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

from otakit.errors import OtakitError
from otakit.settings import is_debugging

IN_ORDER = (
    "a cell further up makes it, and has not run in this kernel. Run the cells from the top, in order: menu Run, "
    "Run All Above Selected Cell"
)
PACKAGE = Path(__file__).resolve().parents[1]


def tell_in_one_line() -> None:
    """Lets the notebook of this process, if there is one, show such trouble in one line."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is not None and not is_debugging():
        shell.set_custom_exc((OtakitError, NameError), _show)


def line_of(error: BaseException) -> str:
    """The trouble as its line."""
    told = " ".join(str(error).split())
    return f"{type(error).__name__}: {told}" + (f": {IN_ORDER}." if isinstance(error, NameError) else "")


def _show(
    shell: Any, kind: type[BaseException], error: BaseException, trace: TracebackType, tb_offset: int | None = None
) -> None:
    """A name that is missing inside the kit itself is no reader's trouble, and is shown whole."""
    where = Path(traceback.extract_tb(trace)[-1].filename)
    if isinstance(error, NameError) and PACKAGE in where.parents:
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
    else:
        shell._showtraceback(kind, error, [line_of(error)])  # noqa: SLF001 - the way out for a custom handler
