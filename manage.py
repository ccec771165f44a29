#!/usr/bin/env python3
"""The front door: `demo`, `test`, and every Django command. Needs nothing but Python 3.11 or newer."""

import os
import sys

if sys.version_info < (3, 11):  # noqa: UP036  (an older Python must be told, not shown a syntax error)
    sys.exit("Accord Tracker needs Python 3.11 or newer; this is %d.%d." % sys.version_info[:2])  # noqa: UP031

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from tracker import bootstrap

if __name__ == "__main__":
    sys.exit(bootstrap.main(sys.argv))
