"""The REST feed: anonymous, read-only, one shape for lists and one for errors."""
