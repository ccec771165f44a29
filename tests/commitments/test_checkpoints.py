"""Proof: whatever somebody with all rights does to the log, we find it, and so does a watcher with the feed alone.

TAMPERINGS=1000 in the environment makes the random run as long as it is quoted; the suite runs a short form.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import random
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, transaction
from django.test import Client

from commitments import checkpoints, operations, wire
from commitments.actors import loader
from commitments.log import canonical, chain, head, stamp
from commitments.models import Checkpoint, CheckpointKey, Event, Note
from commitments.verifying import verify
from commitments.wire import checkpoints as wire_of_checkpoints
from commitments.wire.checkpoints import keys as public_keys
from tests import world
from tests.processes import product
from tests.servers import ROOT, FreshDatabase
from tests.sinks import SmtpSink

SCRIPT = ROOT / "tracker" / "static" / "tracker" / "verify_feed.py"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def a_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


@pytest.fixture
def key(settings: Any) -> str:
    settings.CHECKPOINT_KEY = a_key()
    return str(settings.CHECKPOINT_KEY)


def the_script() -> Any:
    """The stand-alone verifier, as a module."""
    spec = importlib.util.spec_from_file_location("verify_feed", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def some_history() -> None:
    """A few dozen events with notes, two of them signed as heads on their way."""
    commitment = world.a_commitment(world.an_accord())
    for number in range(12):
        world.some_evidence(commitment, quote=f"{number}")
    world.published(commitment, "in_progress", list(commitment.evidence.all()))
    assert checkpoints.write_checkpoint(NOW) is not None
    for number in range(12):
        world.some_evidence(commitment, quote=f"later {number}")
    world.published(commitment, "fulfilled", list(commitment.evidence.all()))
    assert checkpoints.write_checkpoint(NOW + timedelta(days=1)) is not None
    for number in range(3):
        world.some_evidence(commitment, quote=f"last {number}")


def feed() -> list[dict[str, Any]]:
    """The events as the feed shows them, also where their bodies are no longer JSON."""
    notes = Note.objects.in_bulk()
    rows = []
    for event in Event.objects.order_by("seq").select_related("accord", "commitment"):
        note = notes.get(event.note_digest)
        rows.append(
            {
                "seq": event.seq,
                "at": event.at.isoformat(),
                "kind": event.kind,
                "origin": event.origin,
                "accord": event.accord.code,
                "commitment": event.commitment.code if event.commitment else None,
                "by": event.by or None,
                "happened_on": event.happened_on.isoformat() if event.happened_on else None,
                "crossed_at": event.crossed_at.isoformat() if event.crossed_at else None,
                "note": note.text if note else None,
                "note_salt": note.salt if note else None,
                "note_digest": event.note_digest or None,
                "note_redacted": bool(note and note.redacted_at),
                "body": event.body,
                "prev_hash": event.prev_hash,
                "hash": event.hash,
            }
        )
    return rows


def signed() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = orjson.loads(
        orjson.dumps(wire_of_checkpoints.checkpoints(Checkpoint.objects.order_by("seq")))
    )
    return rows


def keys() -> dict[str, str]:
    return {row["code"]: row["public"] for row in public_keys()}


# What somebody with all rights may do; each says which event is the first that is wrong.
Tampering = Callable[[random.Random, int], tuple[int, int]]


def sql(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def edit_a_body(dice: random.Random, last: int) -> tuple[int, int]:
    seq = dice.randint(1, last)
    body = Event.objects.values_list("body", flat=True).get(pk=seq)
    place = dice.randrange(len(body))
    other = dice.choice([letter for letter in 'abcxyz0123"{} ' if letter != body[place]])
    sql(
        "UPDATE commitments_event SET body = %s WHERE seq = %s", body[:place] + other + body[place + 1 :], seq
    )
    return seq, seq


def edit_a_column(dice: random.Random, last: int) -> tuple[int, int]:
    seq = dice.randint(1, last)
    change = dice.choice(
        [
            "at = at + interval '1 microsecond'",
            "at = at - interval '3 days'",
            "kind = CASE kind WHEN 'evidence_added' THEN 'evidence_withdrawn' ELSE 'evidence_added' END",
            "origin = CASE origin WHEN 'live' THEN 'backfill' ELSE 'live' END",
            "by = by || 'x'",
            "happened_on = coalesce(happened_on, '2020-01-01') + 1",
            "crossed_at = coalesce(crossed_at, '2020-01-01') + interval '1 second'",
            "commitment_id = CASE WHEN commitment_id IS NULL THEN (SELECT min(id) FROM commitments_commitment) END",
            "prev_hash = reverse(prev_hash) || ''",
            "hash = md5(hash) || md5(hash)",
        ]
    )
    if change.startswith("prev_hash") and seq == 1:
        change = "prev_hash = repeat('1', 64)"
    sql(f"UPDATE commitments_event SET {change} WHERE seq = %s", seq)
    return seq, seq


def delete_one(dice: random.Random, last: int) -> tuple[int, int]:
    # The very last ones are nobody's word but ours yet: a cut behind the last checkpoint is found by who saw them.
    seq = dice.randint(1, Checkpoint.objects.order_by("-seq")[0].seq)
    sql("DELETE FROM commitments_event WHERE seq = %s", seq)
    return seq, seq


def cut_the_tail(dice: random.Random, last: int) -> tuple[int, int]:
    from_seq = dice.randint(1, Checkpoint.objects.order_by("-seq")[0].seq)
    sql("DELETE FROM commitments_event WHERE seq >= %s", from_seq)
    return from_seq, last


def swap_two(dice: random.Random, last: int) -> tuple[int, int]:
    one, other = sorted(dice.sample(range(1, last + 1), 2))
    sql("UPDATE commitments_event SET seq = seq + 1000000 WHERE seq IN (%s, %s)", one, other)
    sql("UPDATE commitments_event SET seq = %s WHERE seq = %s", other, one + 1000000)
    sql("UPDATE commitments_event SET seq = %s WHERE seq = %s", one, other + 1000000)
    return one, one


def slip_one_in(dice: random.Random, last: int) -> tuple[int, int]:
    seq = dice.randint(1, last)
    sql("UPDATE commitments_event SET seq = seq + 1000000 WHERE seq > %s", seq)
    sql("UPDATE commitments_event SET seq = seq - 999999 WHERE seq > 1000000")
    columns = "at, kind, origin, accord_id, commitment_id, by, happened_on, crossed_at, note_digest, body, prev_hash, hash"
    copied = f"SELECT %s, {columns} FROM commitments_event WHERE seq = %s"
    sql(f"INSERT INTO commitments_event (seq, {columns}) {copied}", seq + 1, seq)
    return seq + 1, seq + 1


def rewrite_from(dice: random.Random, last: int) -> tuple[int, int]:
    """Changes a fact and chains everything after it anew, as somebody would who knows how the log is made."""
    end = Checkpoint.objects.order_by("-seq")[0].seq
    start = dice.randint(1, end)
    rows = list(Event.objects.filter(seq__gte=start).order_by("seq"))
    previous = rows[0].prev_hash
    for row in rows:
        if row.seq == start:
            said = orjson.loads(row.body)
            said["facts"]["changed"] = dice.randint(0, 10**9)
            row.body = canonical(said)
        row.prev_hash, row.hash = previous, chain(previous, row.body)
        previous = row.hash
        sql(
            "UPDATE commitments_event SET body = %s, prev_hash = %s, hash = %s WHERE seq = %s",
            row.body, row.prev_hash, row.hash, row.seq,
        )  # fmt: skip
    first_signed = Checkpoint.objects.filter(seq__gte=start).order_by("seq")[0].seq
    return first_signed, first_signed


def change_a_note(dice: random.Random, last: int) -> tuple[int, int]:
    events = list(Event.objects.exclude(note_digest="").order_by("seq"))
    event = dice.choice(events)
    sql("UPDATE commitments_note SET text = text || '!' WHERE digest = %s", event.note_digest)
    return event.seq, event.seq


def change_a_checkpoint(dice: random.Random, last: int) -> tuple[int, int]:
    row = dice.choice(list(Checkpoint.objects.all()))
    change = dice.choice(["hash = repeat('a', 64)", "at = at + interval '1 second'", "site = site || '/'"])
    sql(f"UPDATE commitments_checkpoint SET {change} WHERE id = %s", row.pk)
    return row.seq, row.seq


def erase_a_note(dice: random.Random, last: int) -> tuple[int, int]:
    """As a redaction would, but without a word of it."""
    event = dice.choice(list(Event.objects.exclude(note_digest="").order_by("seq")))
    sql(
        "UPDATE commitments_note SET text = '', salt = '', redacted_at = now() WHERE digest = %s",
        event.note_digest,
    )
    return event.seq, event.seq


TAMPERINGS: list[Tampering] = [
    edit_a_body, edit_a_column, edit_a_column, delete_one, cut_the_tail, swap_two, slip_one_in, rewrite_from,
    change_a_note, erase_a_note, change_a_checkpoint,
]  # fmt: skip


class Undo(Exception):
    """Takes a tampering back."""


@pytest.mark.django_db
def test_every_random_tampering_is_found_by_us_and_by_a_watcher_with_the_feed_alone(key: str) -> None:
    some_history()
    script, last = the_script(), head().seq
    remembered = script.verify(iter(feed()), signed(), keys(), {})
    assert verify() == (last, None)
    assert list(checkpoints.faults()) == []
    shown = orjson.loads(orjson.dumps(wire.events(Event.objects.order_by("seq"))))
    assert script.verify(iter(shown), signed(), keys(), remembered) == remembered, "as the API shows them"
    seed = int(os.environ.get("TAMPERING_SEED", "11"))
    dice, missed = random.Random(seed), []
    for turn in range(int(os.environ.get("TAMPERINGS", "44"))):
        tamper = TAMPERINGS[turn % len(TAMPERINGS)]
        try:
            with transaction.atomic():
                # Alone a superuser can do this; constraints of keys go with it, as they would go in an attack.
                sql("SET LOCAL session_replication_role = replica")
                low, high = tamper(dice, last)
                _held, fault = verify()
                first = fault or next(checkpoints.faults(), None)
                if first is None:
                    missed.append((turn, tamper.__name__, "by us"))
                else:
                    assert low <= first.seq <= high + 1, (turn, tamper.__name__, low, high, first)
                try:
                    script.verify(iter(feed()), signed(), keys(), remembered)
                except script.Broken as error:
                    assert "event " in str(error), error
                else:
                    missed.append((turn, tamper.__name__, "by the watcher"))
                raise Undo
        except Undo:
            continue
    assert missed == []
    assert verify() == (last, None)


@pytest.mark.django_db
def test_a_watcher_looks_at_what_the_feed_shows_beside_the_body_too() -> None:
    """The body holds in every case; only what is shown for the reader's ease was changed."""
    commitment = world.a_commitment(world.an_accord())
    moved = world.a_deadline(commitment, "2030")
    operations.move_deadlines({moved.code: "2031"}, actor=world.actor("reviewer"), why="Agreed.")
    operations.state_positions([world.a_position(commitment)], actor=loader())
    said = Event.objects.exclude(note_digest="").order_by("seq")[0]
    operations.redact_note(said.seq, actor=loader(), why_code="personal-data")
    script = the_script()

    def shown() -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = orjson.loads(orjson.dumps(wire.events(Event.objects.order_by("seq"))))
        return rows

    assert script.verify(iter(shown()), [], {}, {})["seen"] == {str(head().seq): head().hash}
    found = set()
    for place, row in enumerate(shown()):
        for name in ("cursor", "before", "after", "note_redacted"):
            if name == "note_redacted" and not row["note_digest"]:
                continue
            rows = shown()
            rows[place][name] = not row[name] if name == "note_redacted" else "something else"
            with pytest.raises(script.Broken, match=rf"event {row['seq']}\b"):
                script.verify(iter(rows), [], {}, {})
            found.add((row["kind"], name))
    assert ("deadline_moved", "after") in found
    assert ("position_stated", "before") in found
    assert ("deadline_moved", "note_redacted") in found


@pytest.mark.django_db
def test_a_watcher_who_saw_the_end_finds_it_cut_without_any_checkpoint(key: str) -> None:
    world.a_commitment(world.an_accord())
    script, rows = the_script(), feed()
    remembered = script.verify(iter(rows), [], {}, {})
    with pytest.raises(
        script.Broken, match=f"event {len(rows)} is missing: the log went on to {len(rows)} before"
    ):
        script.verify(iter(rows[:-1]), [], {}, remembered)


@pytest.mark.django_db
def test_a_checkpoint_is_written_once_a_head_and_once_a_day(key: str) -> None:
    assert checkpoints.write_checkpoint(NOW) is None, "an empty log has no head"
    commitment = world.a_commitment(world.an_accord())
    first = checkpoints.write_when_due(NOW)
    assert first is not None and (first.seq, first.hash) == (head().seq, head().hash)
    assert checkpoints.write_checkpoint(NOW + timedelta(days=3)) is None, "this head is signed"
    world.some_evidence(commitment)
    assert checkpoints.write_when_due(NOW + timedelta(hours=23)) is None
    assert checkpoints.write_when_due(NOW + timedelta(hours=24)) is not None
    with pytest.raises(ProgrammingError), transaction.atomic():
        Checkpoint.objects.update(hash="0" * 64)


@pytest.mark.django_db
def test_a_key_that_takes_over_retires_the_old_one_and_what_that_signed_stays_valid(
    key: str, settings: Any
) -> None:
    commitment = world.a_commitment(world.an_accord())
    checkpoints.write_checkpoint(NOW)
    world.some_evidence(commitment)
    settings.CHECKPOINT_KEY = a_key()
    checkpoints.write_checkpoint(NOW + timedelta(days=1))
    old, new = CheckpointKey.objects.order_by("first_used_at")
    assert (old.retired_at, new.retired_at) == (NOW + timedelta(days=1), None)
    assert list(checkpoints.faults()) == []
    assert the_script().verify(iter(feed()), signed(), keys(), {})["keys"] == keys()
    shown = Client().get("/.well-known/accord-tracker-keys.json").json()["keys"]
    assert [row["code"] for row in shown] == [old.code, new.code]


@pytest.mark.django_db
def test_a_checkpoint_of_a_stranger_is_refused(key: str, settings: Any) -> None:
    some_history()
    script, rows, genuine = the_script(), feed(), keys()
    forged = signed()
    settings.CHECKPOINT_KEY = a_key()
    stranger = checkpoints.private_key()
    assert stranger is not None
    text = forged[0]["text"].encode()
    forged[0]["signature"] = base64.b64encode(stranger.sign(text)).decode()
    with pytest.raises(script.Broken, match="is not signed by the key"):
        script.verify(iter(rows), forged, genuine, {})
    with pytest.raises(script.Broken, match="unknown key"):
        script.verify(iter(rows), signed(), {}, {})
    # Somebody who swaps the key for their own is found by who has seen the old one.
    public = base64.b64encode(stranger.public_key().public_bytes_raw()).decode()
    swapped = dict.fromkeys(genuine, public)
    with pytest.raises(script.Broken, match="was seen before is gone or was changed"):
        script.verify(iter(rows), signed(), swapped, {"keys": genuine})
    with pytest.raises(script.Broken, match="is not the key of that code"):
        script.verify(iter(rows), signed(), swapped, {})


@pytest.mark.django_db
def test_what_is_signed_is_exactly_this_text(key: str, settings: Any) -> None:
    world.an_accord()
    row = checkpoints.write_checkpoint(NOW)
    assert row is not None
    text = f"accord-tracker/checkpoint/1\n{settings.SITE_URL}\n1\n{head().hash}\n{stamp(NOW)}\n{row.key_id}\n"
    (shown,) = Client().get("/api/v1/checkpoints/").json()["results"]
    assert shown["text"] == text
    assert Client().get("/api/v1/checkpoints/?limit=0").status_code == 400


@pytest.mark.django_db
def test_the_commands_say_what_they_did_and_a_key_that_is_none_is_refused(key: str, settings: Any) -> None:
    some_history()
    out = StringIO()
    call_command("verify_log", stdout=out)
    assert "2 signed checkpoints" in out.getvalue()
    call_command("checkpoint", stdout=out)
    assert f"Signed {head().cursor}" in out.getvalue()
    settings.CHECKPOINT_KEY = "c2hvcnQ="
    with pytest.raises(CommandError, match="is no Ed25519 key"):
        call_command("checkpoint")
    settings.CHECKPOINT_KEY = ""
    with pytest.raises(CommandError, match="is not set"):
        call_command("checkpoint")


@pytest.fixture
def pages(fresh_db: FreshDatabase, smtp_sink: SmtpSink, settings: Any) -> Iterator[str]:
    """The address of a running web server over a log with checkpoints."""
    settings.CHECKPOINT_KEY = a_key()
    some_history()
    with product(fresh_db, smtp_sink) as running:
        running.start_web()
        yield running.url


@pytest.mark.processes
def test_the_script_verifies_a_running_site_and_finds_its_log_rewritten(pages: str, tmp_path: Path) -> None:
    state = tmp_path / "seen.json"

    def run(*arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-I", str(SCRIPT), *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout.strip()

    code, said = run(pages, "--state", str(state))
    assert (code, said) == (0, f"HOLDS: {head().seq} events, head {head().cursor}, 2 signed checkpoints")
    saved = tmp_path / "events.ndjson"
    saved.write_text("\n".join(json.dumps(row) for row in feed()))
    assert run("--events", str(saved))[0] == 0
    # The whole log behind the last checkpoint is chained anew: only who has seen it before can tell.
    last = head().seq
    with transaction.atomic():
        sql("SET LOCAL session_replication_role = replica")
        row = Event.objects.get(pk=last)
        body = row.body.replace("supports", "contradicts")
        assert body != row.body
        sql(
            "UPDATE commitments_event SET body = %s, hash = %s WHERE seq = %s",
            body,
            chain(row.prev_hash, body),
            last,
        )
    code, said = run(pages, "--state", str(state))
    assert (code, said) == (
        1,
        f"BROKEN: event {last} is not the one that was seen before: the log was rewritten",
    )
    assert run("http://127.0.0.1:9/")[0] == 2
