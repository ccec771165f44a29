"""Writing an accord out of the record as a file that loads again to the same record."""

from commitments.exporting.document import UnknownAccord, document

__all__ = ["UnknownAccord", "document"]
