"""The tool shed: small parts that know nothing of accords."""
