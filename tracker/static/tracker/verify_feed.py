#!/usr/bin/env python3
"""Checks a feed of Accord Tracker from outside: nothing was changed, removed, reordered or slipped in.

    python3 verify_feed.py https://tracker.example
    python3 verify_feed.py https://tracker.example --state seen.json
    python3 verify_feed.py --events events.ndjson --checkpoints checkpoints.json --keys keys.json

It needs Python 3.9 or newer and the package `cryptography`, and nothing of ours. It reads the public events from the
first to the last, computes every hash anew, compares each event with the text that was hashed, each note with its
digest, and each signed checkpoint with the chain and with its key. With `--state` it remembers how far it came and
what it saw there (also the keys), so that a later run finds a log that was rewritten as a whole.

Exit code 0: everything holds. 1: something does not, and the first bad event is named. 2: it could not be read.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Iterator

GENESIS = "0" * 64
DOMAIN = "accord-tracker/checkpoint/1"
# What stands beside the body of an event must say the same as the body.
COLUMNS = ("seq", "kind", "origin", "accord", "commitment", "by", "happened_on")
INSTANTS = ("at", "crossed_at")
TIMEOUT = 60


class Broken(Exception):
    """The feed does not hold; the message names the event."""


class Unreadable(Exception):
    """The feed could not be read, which says nothing about whether it holds."""


def read_json(address: str) -> Any:
    """What an address or a file holds; raises Unreadable."""
    try:
        if "://" not in address:
            return json.loads(Path(address).read_text(encoding="utf-8"))
        with urllib.request.urlopen(address, timeout=TIMEOUT) as answer:  # noqa: S310 - the caller names the address
            return json.loads(answer.read().decode("utf-8"))
    except (OSError, ValueError, urllib.error.URLError) as error:
        raise Unreadable(f"{address} cannot be read: {error}") from None


def pages(address: str) -> Iterator[Any]:
    """The rows of a list, page after page."""
    following: Any = address
    while following:
        page = read_json(following)
        if not isinstance(page, dict) or not isinstance(page.get("results"), list):
            raise Unreadable(f"{following} is no list of a feed")
        yield from page["results"]
        following = page.get("next")


def rows_of(path: str) -> list[Any]:
    """The rows of a saved file: NDJSON, a JSON list, or a page of the feed."""
    try:
        text = Path(path).read_text(encoding="utf-8")
        try:
            found = json.loads(text)
        except ValueError:
            return [json.loads(line) for line in text.splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise Unreadable(f"{path} cannot be read: {error}") from None
    found = found["results"] if isinstance(found, dict) and "results" in found else found
    if not isinstance(found, list):
        raise Unreadable(f"{path} is no list")
    return found


def same_instant(one: Any, other: Any) -> bool:
    """Whether two texts name the same instant in UTC; the hashed one has six digits, the other may have fewer."""
    if one is None or other is None:
        return one is other

    def plain(text: str) -> str:
        day, _sign, rest = str(text).replace("+00:00", "Z").rstrip("Z").partition("T")
        whole, _dot, fraction = rest.partition(".")
        return f"{day}T{whole}.{fraction.ljust(6, '0')}"

    return plain(one) == plain(other)


def check_event(event: Any, expected: int, previous: str, before: str) -> tuple[str, str]:
    """The hash and the instant of an event that holds; raises Broken for one that does not."""
    if not isinstance(event, dict):
        raise Broken(f"event {expected}: it is no object")
    seq = event.get("seq")
    if seq != expected:
        raise Broken(f"event {expected} is missing: the feed shows {seq} in its place")
    body = event.get("body")
    if not isinstance(body, str):
        raise Broken(f"event {seq}: it has no body")
    if event.get("prev_hash") != previous:
        raise Broken(f"event {seq} does not follow the event before it")
    digest = hashlib.sha256((previous + body).encode("utf-8", "surrogatepass")).hexdigest()
    if event.get("hash") != digest:
        raise Broken(f"event {seq}: its body does not give its hash")
    try:
        said = json.loads(body)
    except ValueError:
        raise Broken(f"event {seq}: its body is no JSON") from None
    if not isinstance(said, dict):
        raise Broken(f"event {seq}: its body is no object")
    for name in COLUMNS:
        if event.get(name) != said.get(name):
            raise Broken(
                f"event {seq}: {name} is {event.get(name)!r} beside a body that says {said.get(name)!r}"
            )
    for name in INSTANTS:
        if not same_instant(event.get(name), said.get(name)):
            raise Broken(
                f"event {seq}: {name} is {event.get(name)!r} beside a body that says {said.get(name)!r}"
            )
    check_readings(event, said, digest)
    at = str(said.get("at"))
    if at < before:
        raise Broken(f"event {seq} is stamped before the event before it")
    check_note(event, said)
    return digest, at


def check_readings(event: Any, said: Any, digest: str) -> None:
    """What the feed shows for the reader's ease, where it shows it, is what the body says."""
    seq, facts = event["seq"], said.get("facts")
    if not isinstance(facts, dict):
        raise Broken(f"event {seq}: its body tells no facts")
    shown: dict[str, Any] = {"cursor": f"{seq}-{digest[:8]}"}
    if said.get("kind") == "deadline_moved":
        shown["before"] = facts.get("before")
        shown["after"] = {name: facts.get(name) for name in ("edtf", "due_at", "authority")}
    elif said.get("kind") in ("position_stated", "position_resolved"):
        shown.update({name: (facts.get("contested") or {}).get(name) for name in ("before", "after")})
    else:
        shown.update({name: facts.get(name) for name in ("before", "after")})
    for name, value in shown.items():
        if name in event and event[name] != value:
            raise Broken(f"event {seq}: {name} is {event[name]!r} beside a body that says {value!r}")


def check_note(event: Any, said: Any) -> None:
    """The words beside an event are the ones that its body vouches for, unless they were taken down."""
    seq, digest = event["seq"], said.get("note")
    if event.get("note_digest") != digest:
        raise Broken(f"event {seq}: its note is not the one that its body vouches for")
    if digest is None:
        if event.get("note"):
            raise Broken(f"event {seq}: it has a note that its body knows nothing of")
        return
    if event.get("note_redacted"):
        return
    salted = f"{event.get('note_salt') or ''}{event.get('note') or ''}"
    if hashlib.sha256(salted.encode("utf-8", "surrogatepass")).hexdigest() != digest:
        raise Broken(f"event {seq}: its note was changed")


def stamp(text: str) -> str:
    """An instant as it is signed: UTC with six digits."""
    day, _sign, rest = text.replace("+00:00", "Z").rstrip("Z").partition("T")
    whole, _dot, fraction = rest.partition(".")
    return f"{day}T{whole}.{fraction.ljust(6, '0')}Z"


def check_signature(checkpoint: Any, keys: dict[str, str]) -> None:
    """Raises Broken unless the checkpoint is signed by a key that the site publishes."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    seq, code = checkpoint.get("seq"), checkpoint.get("key")
    if code not in keys:
        raise Broken(f"event {seq}: its checkpoint is signed by the unknown key {code}")
    said = "\n".join(
        [
            DOMAIN,
            str(checkpoint["site"]),
            str(seq),
            str(checkpoint["hash"]),
            stamp(str(checkpoint["at"])),
            code,
            "",
        ]
    )
    try:
        public = base64.b64decode(keys[code], validate=True)
        if hashlib.sha256(public).hexdigest()[:16] != code:
            raise Broken(f"event {seq}: the key {code} of its checkpoint is not the key of that code")
        signature = base64.b64decode(checkpoint["signature"], validate=True)
        Ed25519PublicKey.from_public_bytes(public).verify(signature, said.encode())
    except (InvalidSignature, ValueError, KeyError):
        raise Broken(f"event {seq}: its checkpoint is not signed by the key {code}") from None


def check_keys(keys: dict[str, str], seen: dict[str, str]) -> None:
    """A key that was seen before may retire, but it does not go and does not change."""
    for code, public in seen.items():
        if keys.get(code) != public:
            raise Broken(f"the key {code} that was seen before is gone or was changed")


def verify(
    events: Iterator[Any], checkpoints: list[Any], keys: dict[str, str], state: dict[str, Any]
) -> dict[str, Any]:
    """Checks everything; returns what to remember. Raises Broken naming the first bad event."""
    check_keys(keys, state.get("keys", {}))
    marks: dict[int, list[Any]] = {}
    for checkpoint in checkpoints:
        if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get("seq"), int):
            raise Broken("a checkpoint names no event")
        marks.setdefault(checkpoint["seq"], []).append(checkpoint)
    # What an earlier run saw must still be there, also its checkpoints.
    for seq, digest in (state.get("marks") or {}).items():
        if not any(mark.get("hash") == digest for mark in marks.get(int(seq), [])):
            raise Broken(f"event {seq}: the checkpoint that was seen before is gone")
    known = {int(seq): digest for seq, digest in (state.get("seen") or {}).items()}
    previous, before, last = GENESIS, "", 0
    erased: dict[str, int] = {}
    for event in events:
        previous, before = check_event(event, last + 1, previous, before)
        last += 1
        if event.get("note_redacted"):
            erased[event["note_digest"]] = last
        if event.get("kind") == "note_redacted":
            erased.pop(json.loads(event["body"])["facts"].get("digest"), None)
        for checkpoint in marks.get(last, ()):
            check_signature(checkpoint, keys)
            if checkpoint.get("hash") != previous:
                raise Broken(f"event {last} is not the one that was signed in its checkpoint")
        if last in known and known[last] != previous:
            raise Broken(f"event {last} is not the one that was seen before: the log was rewritten")
    beyond = sorted(seq for seq in [*marks, *known] if seq > last)
    if beyond:
        raise Broken(
            f"event {last + 1} is missing: the log went on to {beyond[-1]} before, and its tail is cut off"
        )
    if erased:
        raise Broken(f"event {min(erased.values())}: its note was erased, and no event says so")
    return {
        "seen": {str(last): previous} if last else {},
        "marks": {str(seq): found[0]["hash"] for seq, found in marks.items()},
        "keys": keys,
    }


def keys_of(document: Any) -> dict[str, str]:
    """The public keys by their codes."""
    if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
        raise Unreadable("the list of keys cannot be read")
    return {str(key["code"]): str(key["public"]) for key in document["keys"]}


def main(arguments: list[str]) -> int:
    """Reads what is asked for and says in one line whether it holds."""
    parser = argparse.ArgumentParser(description="Check a feed of Accord Tracker from outside.")
    parser.add_argument("site", nargs="?", help="its address, such as https://tracker.example")
    parser.add_argument("--events", help="a saved feed instead (NDJSON or JSON)")
    parser.add_argument("--checkpoints", help="saved checkpoints (with --events)")
    parser.add_argument("--keys", help="saved keys (with --events)")
    parser.add_argument("--state", help="a file that remembers what was seen, for the next run")
    asked = parser.parse_args(arguments)
    if bool(asked.site) == bool(asked.events):
        parser.error("name a site, or a saved feed with --events")
    try:
        state = {}
        if asked.state and Path(asked.state).exists():
            state = read_json(asked.state)
        if asked.site:
            base = asked.site.rstrip("/")
            # In this order: a key may take over, and events come in, while we read.
            checkpoints = list(pages(f"{base}/api/v1/checkpoints/?limit=200"))
            keys = keys_of(read_json(f"{base}/.well-known/accord-tracker-keys.json"))
            events: Iterator[Any] = pages(f"{base}/api/v1/events/?after=0&limit=200")
        else:
            keys = keys_of(read_json(asked.keys)) if asked.keys else {}
            checkpoints = rows_of(asked.checkpoints) if asked.checkpoints else []
            events = iter(rows_of(asked.events))
        remember = verify(events, checkpoints, keys, state)
    except Unreadable as error:
        print(f"COULD NOT READ: {error}")
        return 2
    except Broken as error:
        print(f"BROKEN: {error}")
        return 1
    seen = next(iter(remember["seen"].items()), ("0", GENESIS))
    print(f"HOLDS: {seen[0]} events, head {seen[0]}-{seen[1][:8]}, {len(checkpoints)} signed checkpoints")
    if asked.state:
        Path(asked.state).write_text(json.dumps(remember, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
