from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    """An alert may be open, too, and take the other news of its turn of the log. The table is not read for it: whatever
    the old rule let in, the new one does."""

    dependencies = [("notifications", "0010_labels")]

    operations = [
        migrations.RemoveConstraint(model_name="delivery", name="delivery_open_waits"),
        AddConstraintNotValid(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("is_open", False),
                    models.Q(("kind__in", ["digest", "alert", "many"]), ("state", "waiting")),
                    _connector="OR",
                ),
                name="delivery_open_waits",
            ),
        ),
    ]
