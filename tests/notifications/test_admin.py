"""What staff see of the post room, and the one button they have."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets, label_for_field
from django.test import Client
from django.utils import timezone, translation

from notifications import delivering, fanning, subscribing
from notifications.models import Delivery, Line, State
from tests import world
from tests.notifications.readers import a_reader, message_id
from tests.sinks import SmtpSink

PAGES = ["subscriber", "delivery", "line"]


def test_an_administrator_sees_everything_but_whole_addresses_and_changes_nothing(
    db: None, client: Client, smtp_sink: SmtpSink
) -> None:
    accord = world.an_accord()
    reader = a_reader("private.person@example.org", accord)
    world.some_evidence(world.a_commitment(accord))
    fanning.fan_out()
    smtp_sink.refusals["private.person@example.org"] = "550 5.1.1 no <private.person@example.org> here"
    delivering.deliver()
    Line.objects.create(name="email", down_since=timezone.now(), tries=3, said="no route")
    client.force_login(world.a_person("administrator"))
    shown = ""
    for page in PAGES:
        shown += client.get(f"/admin/notifications/{page}/").content.decode()
        assert client.get(f"/admin/notifications/{page}/add/").status_code == 403
    shown += client.get(f"/admin/notifications/subscriber/{reader.pk}/change/").content.decode()
    shown += client.get(f"/admin/notifications/delivery/{Delivery.objects.get().pk}/change/").content.decode()
    assert "p…@example.org" in shown
    assert "private.person" not in shown
    assert "no route" in shown
    assert "5.1.1 no" in shown
    changed = {"email": "other@example.org", "language": "ja"}
    assert client.post(f"/admin/notifications/subscriber/{reader.pk}/change/", changed).status_code == 403
    assert (
        client.post(f"/admin/notifications/subscriber/{reader.pk}/delete/", {"post": "yes"}).status_code
        == 403
    )


@pytest.mark.parametrize("role", ["viewer", "editor", "reviewer"])
def test_nobody_else_sees_the_readers(db: None, client: Client, role: str) -> None:
    client.force_login(world.a_person(role))
    for page in PAGES:
        assert client.get(f"/admin/notifications/{page}/").status_code == 403


def test_what_is_in_quarantine_is_sent_again_by_an_administrator_with_its_old_id(
    db: None, client: Client, smtp_sink: SmtpSink
) -> None:
    accord = world.an_accord()
    a_reader("reader@example.org", accord)
    world.some_evidence(world.a_commitment(accord))
    fanning.fan_out()
    Delivery.objects.update(state=State.QUARANTINED, settled_at=timezone.now(), crashes=5)
    stuck = Delivery.objects.get()
    button = {"action": "send_again", "_selected_action": [str(stuck.pk)]}
    client.force_login(world.a_person("reviewer"))
    client.post("/admin/notifications/delivery/", button)
    assert delivering.deliver().sent == 0
    client.force_login(world.a_person("administrator"))
    answer = client.post("/admin/notifications/delivery/", button, follow=True)
    assert "1 delivery waits again." in answer.content.decode()
    assert delivering.deliver().sent == 1
    assert message_id(smtp_sink.mails[0]) == f"<{stuck.pk}@testserver>"
    answer = client.post("/admin/notifications/delivery/", button, follow=True)
    assert "0 deliveries wait again." in answer.content.decode()


def test_of_the_questions_about_one_subscription_the_newest_is_sent_again_and_none_beside_a_new_one(
    db: None, client: Client
) -> None:
    accord = world.an_accord()
    now = timezone.now()
    for hours in (3, 2, 1):
        subscribing.sign_up("somebody@example.org", "en", accord, network="192.0.2.1", now=now)
        Delivery.objects.filter(state=State.WAITING).update(
            state=State.QUARANTINED, settled_at=now, created_at=now - timedelta(hours=hours)
        )
    stuck = list(Delivery.objects.order_by("created_at").values_list("pk", flat=True))
    button = {"action": "send_again", "_selected_action": [str(key) for key in stuck]}
    client.force_login(world.a_person("administrator"))
    page = client.post("/admin/notifications/delivery/", button, follow=True).content.decode()
    assert "1 delivery waits again." in page
    assert "2 are left as they are." in page
    assert Delivery.objects.get(state=State.WAITING).pk == stuck[-1]
    page = client.post("/admin/notifications/delivery/", button, follow=True).content.decode()
    assert "0 deliveries wait again." in page
    assert "3 are left as they are." in page


@pytest.mark.parametrize("language", ["uk", "ja"])
def test_every_column_and_field_of_the_staffs_pages_is_named_in_their_language(language: str) -> None:
    left = []
    for model, page in admin.site._registry.items():
        if model._meta.app_label != "notifications":
            continue
        tables = [(row.model, row(row.model, admin.site)) for row in page.inlines]
        for of, it in [(model, page), *tables]:
            groups = flatten_fieldsets(it.fieldsets or [])
            filters = [name for name in getattr(it, "list_filter", []) if isinstance(name, str)]
            for name in [*getattr(it, "list_display", []), *(it.fields or []), *groups, *filters]:
                with translation.override("en"):
                    english = str(label_for_field(name, of, it))
                with translation.override(language):
                    if str(label_for_field(name, of, it)) == english:
                        left.append(f"{of.__name__}.{name}")
        with translation.override(language):
            if str(model._meta.verbose_name_plural).isascii():
                left.append(model.__name__)
    assert left == []
