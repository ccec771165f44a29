"""Loading an accord file through the verbs: all or nothing, as history, and safe to repeat.

A second load adds what is missing, reports what differs, and changes nothing that staff have judged.
"""

from commitments.importing.loading import load_accord
from commitments.importing.report import Progress, Report

__all__ = ["Progress", "Report", "load_accord"]
