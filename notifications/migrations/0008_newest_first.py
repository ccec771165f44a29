from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

_NOT_SENT = ~models.Q(("outcome", "sent"))
_INDEXES = [
    ("delivery", models.Index(fields=["created_at", "id"], name="delivery_newest")),
    ("call", models.Index(fields=["created_at", "id"], name="call_newest")),
    ("attempt", models.Index(fields=["outcome", "id"], condition=_NOT_SENT, name="attempt_outcome")),
    ("attempt", models.Index(fields=["code", "id"], condition=_NOT_SENT, name="attempt_code")),
]


class Migration(migrations.Migration):
    """The staff's lists by an index. They are built beside the running processes, so not in a transaction: one that was
    broken off leaves an index that is of no use, which goes before the next try."""

    atomic = False
    dependencies = [("notifications", "0007_what_bounces_say")]

    operations = [
        step
        for model, index in _INDEXES
        for step in (
            migrations.RunSQL(f"DROP INDEX CONCURRENTLY IF EXISTS {index.name}", migrations.RunSQL.noop),
            AddIndexConcurrently(model_name=model, index=index),
        )
    ]
