from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """A claim finds the first mail of each domain. The index is built while mails go on: the table may be large. One that
    was broken off leaves an index that is of no use, which goes before the next try."""

    atomic = False

    dependencies = [("notifications", "0005_endpoint_answered")]

    operations = [
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS delivery_by_domain", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("crashes", 0), ("state", "waiting")),
                fields=["kind", "domain", "next_attempt_at"],
                name="delivery_by_domain",
            ),
        ),
    ]
