"""Which benchmarks there are, and how small each can be."""

from __future__ import annotations

# The module behind each name: one of them is a word of the language.
MODULES = {
    "scan": "scan",
    "log": "log",
    "import": "importing",
    "fanout": "fanout",
    "mail": "mail",
    "urgent": "urgent",
    "webhooks": "webhooks",
    "api": "api",
    "feed": "feed",
    "servers": "servers",
    "stream": "stream",
}
# The exit code of one that missed a goal; an error of Python gives 1.
SHORT = 10
# With `--quick`: whether it runs, not how fast.
QUICK = {
    "scan": ["--rows=2000", "--due=200", "--runs=1", "--grown=4000"],
    "log": ["--events=200", "--rounds=1"],
    "import": ["--rows=40"],
    "fanout": ["--readers=200", "--runs=1"],
    "mail": ["--mails=100"],
    "urgent": ["--readers=30000"],
    "webhooks": ["--calls=100", "--endpoints=2"],
    "api": ["--rows=60", "--seconds=0.01", "--rounds=1"],
    "feed": ["--events=200", "--seconds=0.01", "--rounds=1"],
    "stream": ["--rows=60"],
    "servers": ["--rows=60", "--seconds=0.1", "--rounds=1"],
}
