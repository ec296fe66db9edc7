"""Keeps a twin's model over restarts: SQLite for everything but images, which lie beside it as files.

`keeper` holds the promise that what is acknowledged is kept, `database` is the file, `tables` say what
goes where in it, `images` are the packages' bytes. `twin.server` calls it where a folder is given.
"""

from otakit.twin.keeping.keeper import Keeper, open_kept

__all__ = ["Keeper", "open_kept"]
