"""The secrets of endpoints: which sign, how they lie in the tables, and what happens when the site's own key changes."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from standardwebhooks import Webhook, WebhookVerificationError

from notifications import endpoints, pruning, sealing
from notifications.endpoints import Refusal
from notifications.models import Try, TryOutcome
from tests import world
from tests.notifications.callers import a_world, an_endpoint, make_due, one_round, states
from tests.web_sinks import WebSink


def test_two_secrets_sign_while_one_is_changed_and_no_third_can_be_made_until_then(
    db: None, sink: WebSink
) -> None:
    _accord, commitment = a_world()
    endpoint, first = an_endpoint(sink)
    second = endpoints.rotate(endpoint)
    with pytest.raises(Refusal, match=r"A former secret signs until .* UTC"):
        endpoints.rotate(endpoint)
    world.some_evidence(commitment)
    one_round()
    for secret in (first, second):
        Webhook(secret).verify(sink.visits[0].body, sink.visits[0].headers)
    endpoint.secrets.filter(ends_at__isnull=False).update(ends_at=timezone.now() - timedelta(seconds=1))
    third = endpoints.rotate(endpoint)
    world.some_evidence(commitment)
    one_round()
    assert len(sink.visits[1].headers["webhook-signature"].split()) == 2
    for secret in (second, third):
        Webhook(secret).verify(sink.visits[1].body, sink.visits[1].headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(first).verify(sink.visits[1].body, sink.visits[1].headers)
    endpoint.secrets.filter(ends_at__isnull=False).update(ends_at=timezone.now() - timedelta(seconds=1))
    pruning.prune()
    assert endpoint.secrets.count() == 1
    world.some_evidence(commitment)
    one_round()
    assert len(sink.visits[2].headers["webhook-signature"].split()) == 1


def test_no_secret_lies_in_the_tables_and_another_site_key_sends_nothing_unsigned(
    db: None, sink: WebSink, settings: Any
) -> None:
    _accord, commitment = a_world()
    endpoint, secret = an_endpoint(sink)
    assert secret.removeprefix("whsec_") not in endpoint.secrets.get().sealed
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    world.some_evidence(commitment)
    settings.SECRET_KEY, former = "another key " * 6, settings.SECRET_KEY
    one_round()
    assert sink.visits == []
    assert Try.objects.get().outcome == TryOutcome.ERROR
    settings.SECRET_KEY_FALLBACKS = [former]
    make_due()
    assert one_round().sent == 1


def test_a_former_site_key_may_go_when_the_secrets_were_sealed_anew(
    db: None, sink: WebSink, settings: Any
) -> None:
    _accord, commitment = a_world()
    endpoint, secret = an_endpoint(sink)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another key " * 6, [settings.SECRET_KEY]
    pruning.prune()
    sealed = endpoint.secrets.get().sealed
    pruning.prune()
    assert endpoint.secrets.get().sealed == sealed, "once is enough"
    settings.SECRET_KEY_FALLBACKS = []
    assert sealing.unseal(sealed) == secret
    world.some_evidence(commitment)
    one_round()
    assert states() == {"sent": 1}


def test_a_secret_that_cannot_be_read_is_left_as_it_is(db: None, sink: WebSink, settings: Any) -> None:
    endpoint, _secret = an_endpoint(sink)
    sealed = endpoint.secrets.get().sealed
    settings.SECRET_KEY = "another key " * 6
    pruning.prune()
    assert endpoint.secrets.get().sealed == sealed
