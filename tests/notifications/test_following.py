"""What can be followed, how often, about what: everything, a part, a party, a topic, a filter; digests and pauses."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from commitments import operations
from commitments.actors import loader
from commitments.announcing import audience
from commitments.models import Event, Party, Section, Topic
from notifications import delivering, fanning, links, owing, scopes, subscribing
from notifications.models import (
    Delivery,
    Kind,
    Notice,
    SavedFilter,
    Subscriber,
    Subscription,
    Why,
)
from notifications.telling import SORT_OF, TOLD, News
from tests import world
from tests.notifications.readers import NETWORK, a_reader, link, make_due, one_round
from tests.sinks import SmtpSink


def hearers() -> set[str]:
    """Who is owed something, by the part of the address before the @."""
    found = Notice.objects.values_list("subscriber__email", flat=True)
    return {email.partition("@")[0] for email in found}


def test_everything_a_part_a_party_a_topic_and_a_filter_bring_what_falls_into_them(db: None) -> None:
    accord, other = world.an_accord(), world.an_accord("OTH-2024")
    inside = world.a_commitment(accord)
    outside = world.a_commitment(
        other, "OTH-1", section="B", topics=[], roles={"bound": ["JPN"], "beneficiaries": ["UKR"]}
    )
    a_reader("all@example.org", None)
    a_reader("part@example.org", Section.objects.get(accord=accord, code="A"))
    a_reader("ukraine@example.org", Party.objects.get(code="UKR"))
    a_reader("japan@example.org", Party.objects.get(code="JPN"))
    a_reader("topic@example.org", Topic.objects.get(code="demining"))
    a_reader("firm@example.org", scopes.a_filter(accord, {"kind": "deliverable", "standing": "not_judged"}))
    a_reader("money@example.org", scopes.a_filter(accord, {"kind": "financial"}))
    assert audience(inside) == 6
    assert audience(outside) == 2
    world.some_evidence(inside)
    fanning.fan_out()
    assert hearers() == {"all", "part", "ukraine", "japan", "topic", "firm"}
    Notice.objects.all().delete()
    world.some_evidence(outside)
    fanning.fan_out()
    assert hearers() == {"all", "japan"}, "who only benefits is not bound"


def test_a_filter_is_looked_at_as_it_stands_when_the_news_comes(db: None) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    a_reader("kept@example.org", scopes.a_filter(accord, {"standing": "kept"}))
    proof = world.some_evidence(commitment)
    fanning.fan_out()
    assert hearers() == set()
    world.published(commitment, "fulfilled", [proof])
    fanning.fan_out()
    assert hearers() == {"kept"}


def test_an_invented_accord_is_news_for_those_who_asked_for_it_only(db: None) -> None:
    accord = world.an_accord(is_example=True)
    a_reader("all@example.org", None)
    a_reader("topic@example.org", Topic.objects.get(code="demining"))
    a_reader("accord@example.org", accord)
    world.some_evidence(world.a_commitment(accord))
    fanning.fan_out()
    assert hearers() == {"accord"}


def test_the_same_filter_is_one_row_however_many_save_it(db: None) -> None:
    accord = world.an_accord()
    for n in range(3):
        a_reader(f"r{n}@example.org", scopes.a_filter(accord, {"standing": "late", "topic": "demining"}))
    a_reader("other@example.org", scopes.a_filter(accord, {"topic": "demining"}))
    assert SavedFilter.objects.count() == 2
    assert Subscription.objects.filter(saved__isnull=False).count() == 4


def test_only_the_chosen_sorts_of_news_come(db: None) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    a_reader("status@example.org", accord, kinds=["status"])
    a_reader("both@example.org", accord, kinds=["status", "evidence"])
    a_reader("every@example.org", accord)
    proof = world.some_evidence(commitment)
    fanning.fan_out()
    assert hearers() == {"both", "every"}
    world.published(commitment, "fulfilled", [proof])
    fanning.fan_out()
    assert hearers() == {"status", "both", "every"}
    assert set(SORT_OF) == TOLD
    assert set(SORT_OF.values()) | {News.AHEAD} == set(News)


def test_our_own_dates_and_those_that_come_along_are_nobodys_news(db: None) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    a_reader("reader@example.org", accord)
    order = {"commitment": commitment.code, "label": {"en": "x"}, "edtf": "2099", "authority": "editorial"}
    ours = operations.NewDeadline(**order, type="review", clock="tracker")  # type: ignore[arg-type]
    theirs = operations.NewDeadline(**{**order, "authority": "text"}, type="target", clock="party")  # type: ignore[arg-type]
    operations.set_deadlines([ours, theirs], actor=loader())
    assert Event.objects.news().filter(kind="deadline_set").count() == 2
    assert fanning.fan_out() == 1


def test_a_pause_holds_everything_back_and_what_happened_meanwhile_is_not_sent(
    db: None, smtp_sink: SmtpSink
) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    reader = a_reader("reader@example.org", accord)
    world.some_evidence(commitment)
    fanning.fan_out()
    assert subscribing.pause(reader.uuid, subscribing.everything()) == 1
    assert delivering.deliver(seconds=20).dropped == 1, "what waited is not sent either"
    assert Delivery.objects.get().why == Why.UNWANTED
    world.some_evidence(commitment)
    assert fanning.fan_out() == 0
    assert subscribing.resume(reader.uuid, subscribing.everything()) == 1
    assert fanning.fan_out() == 0
    world.some_evidence(commitment)
    assert one_round().sent == 1
    assert len(smtp_sink.mails) == 1


def test_a_digest_is_one_mail_by_commitment_at_its_hour(db: None, smtp_sink: SmtpSink) -> None:
    accord = world.an_accord()
    first, second = world.a_commitment(accord), world.a_commitment(accord, "TST-2")
    world.a_deadline(second, "2099-05")
    reader = a_reader("reader@example.org", accord, rhythm="weekly", language="uk")
    subscribing.change_hours(reader.uuid, "Asia/Tokyo", 7, 3)
    for commitment in (first, second, first):
        world.some_evidence(commitment)
        fanning.fan_out()
    (owed,) = Delivery.objects.all()
    assert (owed.kind, owed.notices.count(), owed.is_open) == (Kind.DIGEST, 3, True)
    local = owed.next_attempt_at.astimezone(ZoneInfo("Asia/Tokyo"))
    assert (local.isoweekday(), local.hour, local.minute) == (3, 7, 0)
    assert delivering.deliver(seconds=20).sent == 0
    make_due()
    assert one_round().sent == 1
    (mail,) = smtp_sink.mails
    for part in (mail.text, mail.html):
        for title in ("Зробити TST-1", "Зробити TST-2"):
            assert part.count(title) == 1
        assert "31 травня 2099" in part
    assert mail.text.index("TST-1") < mail.text.index("TST-2")
    assert mail.message["List-Unsubscribe"]
    # What comes later begins a digest of its own.
    world.some_evidence(first)
    fanning.fan_out()
    assert Delivery.objects.filter(is_open=True).count() == 1
    assert Delivery.objects.count() == 2


def test_of_a_digest_what_is_no_longer_true_is_left_out_and_nothing_is_sent_when_nothing_is_left(
    db: None, smtp_sink: SmtpSink
) -> None:
    accord = world.an_accord()
    one, two = world.a_commitment(accord), world.a_commitment(accord, "TST-2")
    a_reader("narrow@example.org", accord, one, rhythm="daily")
    a_reader("wide@example.org", accord, rhythm="daily")
    gone = world.some_evidence(one)
    world.some_evidence(two)
    fanning.fan_out()
    operations.withdraw_evidence([gone.code], actor=loader(), why="Wrong.")
    fanning.fan_out()
    make_due()
    this = delivering.deliver(seconds=20)
    assert (this.sent, this.dropped) == (1, 1)
    (mail,) = smtp_sink.mails
    assert mail.recipients == ("wide@example.org",)
    assert "TST-2" in mail.text
    assert "TST-1" not in mail.text


def test_whoever_wants_it_at_once_and_in_a_digest_hears_once_at_once(db: None) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    a_reader("reader@example.org", accord, rhythm="weekly")
    a_reader("reader@example.org", accord, commitment)
    world.some_evidence(commitment)
    assert fanning.fan_out() == 1
    assert Delivery.objects.get().kind == Kind.ALERT
    assert len(Notice.objects.get().wishes) == 2


def test_the_hour_of_a_digest_is_the_readers_own_when_the_clocks_change(db: None) -> None:
    def when(zone: str, hour: int, now: datetime, rhythm: str = "daily", weekday: int = 1) -> str:
        return f"{owing.next_digest(rhythm, zone, hour, weekday, now):%Y-%m-%d %H:%M}"

    kyiv = "Europe/Kyiv"
    # Winter and summer: eight in the morning is another instant.
    assert when(kyiv, 8, datetime(2026, 3, 28, 12, tzinfo=UTC)) == "2026-03-29 05:00"
    assert when(kyiv, 8, datetime(2026, 3, 27, 12, tzinfo=UTC)) == "2026-03-28 06:00"
    # On 29 March there is no half past three to four: the mail comes once, not never.
    skipped = owing.next_digest("daily", kyiv, 3, 1, datetime(2026, 3, 28, 12, tzinfo=UTC))
    assert datetime(2026, 3, 29, 0, tzinfo=UTC) <= skipped <= datetime(2026, 3, 29, 2, tzinfo=UTC)
    assert owing.next_digest("daily", kyiv, 3, 1, skipped) - skipped > timedelta(hours=20)
    # On 25 October three o'clock comes twice: one of them is taken, and the next is a day away.
    twice = owing.next_digest("daily", kyiv, 3, 1, datetime(2026, 10, 24, 12, tzinfo=UTC))
    assert owing.next_digest("daily", kyiv, 3, 1, twice) - twice > timedelta(hours=20)
    assert when("Asia/Tokyo", 8, datetime(2026, 3, 2, 0, tzinfo=UTC), "weekly", 1) == "2026-03-08 23:00"
    assert when("UTC", 0, datetime(2026, 3, 2, 0, tzinfo=UTC)) == "2026-03-03 00:00", "strictly later"


def test_every_hour_of_a_year_leads_to_one_digest_a_day(db: None) -> None:
    for zone in ("Europe/Kyiv", "America/St_Johns", "Pacific/Apia"):
        now, seen = datetime(2026, 1, 1, tzinfo=UTC), list[datetime]()
        while now < datetime(2027, 1, 1, tzinfo=UTC):
            now = owing.next_digest("daily", zone, 2, 1, now)
            seen.append(now)
        assert len(seen) in {365, 366}
        gaps = [later - earlier for earlier, later in itertools.pairwise(seen)]
        assert min(gaps) >= timedelta(hours=23)
        assert max(gaps) <= timedelta(hours=25)


def test_the_database_refuses_a_zone_it_does_not_know_and_two_targets(db: None) -> None:
    accord = world.an_accord()
    reader = a_reader("reader@example.org", accord)
    with pytest.raises(Exception, match="Mars"), transaction.atomic():
        Subscriber.objects.filter(pk=reader.pk).update(zone="Mars/Olympus")
    with pytest.raises(IntegrityError), transaction.atomic():
        reader.subscriptions.update(topic=Topic.objects.get(code="demining"))


# The pages.


def follow(client: Client, **said: Any) -> Any:
    """Posts the sign-up form."""
    return client.post("/follow/", {"email": "reader@example.org", "language": "en", **said})


def test_a_list_is_followed_from_the_page_that_shows_it(db: None, client: Client) -> None:
    accord = world.an_accord()
    world.a_commitment(accord)
    page = client.get(f"/accords/{accord.slug}/?kind=deliverable&page=1").content.decode()
    path = f"/follow/?accord={accord.code}&amp;kind=deliverable&amp;page=1"
    assert path in page
    form = client.get(path.replace("&amp;", "&"))
    assert form.status_code == 200
    assert b'name="kind" value="deliverable"' in form.content
    assert not SavedFilter.objects.exists(), "a look saves nothing"
    assert follow(client, accord=accord.code, kind="deliverable", rhythm="daily").status_code == 303
    wish = Subscription.objects.get()
    assert wish.saved is not None
    assert (wish.saved.asked, wish.rhythm, wish.kinds) == ({"kind": "deliverable"}, "daily", [])


@pytest.mark.parametrize(
    ("asked", "rhythm"),
    [
        ({"everything": "1"}, "weekly"),
        ({"party": "JPN"}, "weekly"),
        ({"topic": "demining"}, "weekly"),
        ({"accord": world.ACCORD}, "weekly"),
        ({"accord": world.ACCORD, "part": "A"}, "weekly"),
        ({"accord": world.ACCORD, "standing": "late", "q": "do"}, "weekly"),
        ({"commitment": "TST-1"}, "instantly"),
    ],
)
def test_every_scope_has_a_form_a_question_and_a_default(
    db: None, client: Client, smtp_sink: SmtpSink, asked: dict[str, str], rhythm: str
) -> None:
    world.a_commitment(world.an_accord())
    assert client.get("/follow/", asked).status_code == 200
    assert follow(client, **asked).status_code == 303
    assert Subscription.objects.get().rhythm == rhythm
    assert delivering.deliver(seconds=20).sent == 1
    (mail,) = smtp_sink.mails
    path = link(mail, "confirm")
    assert client.get(path).status_code == 200
    assert client.post(path).status_code == 200
    assert client.get(link(mail, "confirm").replace("/confirm/", "/manage/")).status_code == 404
    assert Subscription.objects.active().count() == 1
    assert follow(client, **asked).status_code == 303
    assert Subscription.objects.count() == 1, "the same wish is one row"


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"accord": world.ACCORD, "standing": "nonsense"}, b"Where it stands: "),
        ({"accord": world.ACCORD, "part": "Z"}, b"Part: "),
        ({"party": "XXX"}, b"Who is bound: "),
        ({"topic": "x\x00y"}, b"Topic: "),
        ({"commitment": "TST-9"}, b"Commitment: "),
        ({"everything": "0"}, b"Accord: "),
        ({"party": "JPN", "topic": "demining"}, b"Topic: "),
        ({"everything": "1", "standing": "late"}, b"Where it stands: "),
        ({"everything": "1", "rhythm": "hourly"}, b"hourly"),
        ({"everything": "1", "kinds": "gossip"}, b"gossip"),
        ({}, b"Accord: "),
    ],
)
def test_bad_input_names_the_field_and_saves_nothing(
    db: None, client: Client, asked: dict[str, str], named: bytes
) -> None:
    world.an_accord()
    answer = follow(client, **asked)
    assert answer.status_code == 400
    assert named in answer.content
    assert not Subscriber.objects.exists()
    assert not SavedFilter.objects.exists()
    assert client.get("/follow/", asked).status_code in {200, 400}


def test_one_page_changes_pauses_and_sets_the_hour(db: None, client: Client) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    reader = a_reader("reader@example.org", accord, rhythm="weekly")
    a_reader("reader@example.org", accord, commitment)
    stranger = a_reader("stranger@example.org", accord)
    path = f"/manage/{links.sign(links.MANAGE, reader.uuid)}/"
    page = client.get(path).content.decode()
    assert page.count('name="end" value=') == 3
    wide = reader.subscriptions.get(accord=accord)
    assert (
        client.post(path, {"change": wide.pk, "rhythm": "daily", "kinds": ["status", "late"]}).status_code
        == 200
    )
    wide.refresh_from_db()
    assert (wide.rhythm, wide.kinds) == ("daily", ["status", "late"])
    client.post(path, {"pause": str(wide.pk)})
    assert list(reader.subscriptions.active()) == [reader.subscriptions.get(commitment=commitment)]
    client.post(path, {"pause": "all"})
    assert not reader.subscriptions.active().exists()
    client.post(path, {"resume": "all"})
    assert reader.subscriptions.active().count() == 2
    foreign = stranger.subscriptions.get()
    for order in ({"pause": str(foreign.pk)}, {"change": str(foreign.pk), "rhythm": "daily"}):
        client.post(path, order)
    foreign.refresh_from_db()
    assert (foreign.paused_at, foreign.rhythm) == (None, "instantly")
    client.post(path, {"hours": "1", "zone": "Asia/Tokyo", "hour": "6", "weekday": "5"})
    reader.refresh_from_db()
    assert (reader.zone, reader.hour, reader.weekday) == ("Asia/Tokyo", 6, 5)
    for nonsense, field in (
        ({"hours": "1", "zone": "Mars/Olympus", "hour": "6", "weekday": "5"}, b"no time zone"),
        ({"hours": "1", "zone": "UTC", "hour": "24", "weekday": "5"}, b"less than or equal to 23"),
        ({"hours": "1", "zone": "UTC", "hour": "1", "weekday": "8"}, b"8 is not one"),
        ({"change": str(wide.pk), "rhythm": "hourly"}, b"How often: "),
        ({"change": "all", "rhythm": "daily"}, b"Choose one of those"),
        ({"pause": "x"}, b"Choose one of those"),
        ({"again": "x"}, b"Choose one of those"),
    ):
        answer = client.post(path, nonsense)
        assert answer.status_code == 400, nonsense
        assert field in answer.content
        assert b'role="alert"' in answer.content
        assert b'role="status"' not in answer.content, "what was refused does not look done"
    mistyped = client.post(path, {"hours": "1", "zone": "Mars/Olympus", "hour": "7", "weekday": "5"})
    assert b'value="Mars/Olympus"' in mistyped.content, "what was typed stays to be mended"
    assert b'<option value="7" selected>' in mistyped.content
    reader.refresh_from_db()
    assert (reader.zone, reader.hour, reader.weekday) == ("Asia/Tokyo", 6, 5)


def test_what_there_is_to_follow_is_shown_and_leads_to_a_form(db: None, client: Client) -> None:
    world.a_commitment(world.an_accord())
    page = client.get("/follow/").content.decode()
    for query in ("everything=1", "party=JPN", "topic=demining", f"accord={world.ACCORD}"):
        assert f"/follow/?{query}" in page
        assert client.get(f"/follow/?{query}").status_code == 200


@pytest.mark.parametrize(
    ("language", "order"),
    [
        ("en", ["Aid", "Energy", "Peace"]),
        ("uk", ["Європа", "Іспити", "Яблука"]),
        ("ja", ["ガバナンス", "医療", "水"]),
    ],
)
def test_topics_stand_in_the_order_of_their_names(
    db: None, client: Client, language: str, order: list[str]
) -> None:
    commitment = world.a_commitment(world.an_accord(), topics=[])
    for number, name in enumerate(reversed(order)):
        label = {"en": name, language: name}
        commitment.topics.add(Topic.objects.create(code=f"t{number}", label=label))
    page = client.get("/follow/", {"lang": language}).content.decode()
    places = [page.index(name) for name in order]
    assert places == sorted(places)


def test_a_sign_up_never_changes_what_a_reader_has_chosen(db: None) -> None:
    accord = world.an_accord()
    reader = a_reader("reader@example.org", accord, rhythm="daily", kinds=["status"])
    subscribing.change_hours(reader.uuid, "Asia/Tokyo", 6, 2)
    subscribing.sign_up("reader@example.org", "uk", accord, rhythm="instantly", network=NETWORK)
    reader.refresh_from_db()
    wish = reader.subscriptions.get()
    assert (wish.rhythm, wish.kinds) == ("daily", ["status"])
    assert (reader.language, reader.zone, reader.hour) == ("en", "Asia/Tokyo", 6)
