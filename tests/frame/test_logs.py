"""Logs hold no keys: the token of a signed link is hidden wherever it might be written."""

from __future__ import annotations

from tracker.settings import hide_links


def test_a_signed_link_is_hidden_in_messages_paths_and_traces() -> None:
    event = {
        "event": "Internal Server Error: /leave/abc:def-123:sig/",
        "path": "/manage/abc:def/",
        "exception": 'File "x"\n  GET /confirm/token-1/?lang=uk',
        "code": 500,
    }
    said = hide_links(None, "error", dict(event))
    assert said == {
        "event": "Internal Server Error: /leave/[hidden]/",
        "path": "/manage/[hidden]/",
        "exception": 'File "x"\n  GET /confirm/[hidden]/?lang=uk',
        "code": 500,
    }
