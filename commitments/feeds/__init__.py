"""The formats of a list beside JSON: files of whole lists, feeds of changes, calendars, linked data."""
