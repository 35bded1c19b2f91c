"""The store: definitions in a journaled TinyDB, everything that grows in SQLite."""

from __future__ import annotations

from luajobs_kit.store.definitions.definitions import Definitions, Put, Remove, Set
from luajobs_kit.store.entries.entries import Entries
from luajobs_kit.store.history.fires import FireState
from luajobs_kit.store.history.history import History
from luajobs_kit.store.store import Store
from luajobs_kit.store.transfer.json_export import export_store, import_store
from luajobs_kit.store.transfer.zip_export import export_archive, import_file

__all__ = [
    "Definitions",
    "Entries",
    "FireState",
    "History",
    "Put",
    "Remove",
    "Set",
    "Store",
    "export_archive",
    "export_store",
    "import_file",
    "import_store",
]
