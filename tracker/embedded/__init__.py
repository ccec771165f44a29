"""A private PostgreSQL and a private Redis-protocol server for the demo and the tests: real engines.

`programs` finds the binaries, `family` starts processes that never outlive us, `postgres` and `valkey` are
the two servers. Unix sockets only; nothing here listens on a network.
"""
