"""Tables of commitments (CSV, XLSX) on their way into the record: read, mapped, compared, entered."""

from commitments.tables.columns import Mapping, guess
from commitments.tables.entering import Import, import_table
from commitments.tables.reading import Table, read_table

__all__ = ["Import", "Mapping", "Table", "guess", "import_table", "read_table"]
