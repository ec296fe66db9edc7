"""The operator's verbs on any server, one behaviour after another: each said twice, each difference named.

Every part makes what it needs under names of its own and takes it back, so it may run on a server that is
in use. `SUITE` has them by name; ``python -m otakit.conformance.operator_suite`` runs them on the server of
``OTAKIT_SERVER``, else on a twin.
"""

from __future__ import annotations

import sys

from otakit.conformance import operator_devices, operator_packages
from otakit.conformance.operator_part import SUITE, Differs, Part, named, part, refuses, same
from otakit.errors import OtakitError
from otakit.servers import server

__all__ = ["PARTS", "SUITE", "Differs", "Part", "main", "named", "part", "refuses", "same"]

PARTS = (operator_devices, operator_packages)
"""The modules whose parts are in the suite."""


def main() -> int:
    """Runs all parts on the server of this process; the number of those that did otherwise."""
    failed = 0
    with server() as there:
        sys.stdout.write(f"{there.label}\n")
        for name, run in SUITE:
            try:
                run(there)
                said = "holds"
            except (OtakitError, AssertionError) as error:
                failed, said = failed + 1, f"DIFFERS: {error}"
            sys.stdout.write(f"{name.replace('_', ' ')}: {said}\n")
    return failed


if __name__ == "__main__":
    sys.exit(main())
