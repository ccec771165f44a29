from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    """The rule of the migration before is looked at for the rows that are there, beside the running processes; in a
    transaction of its own, since that one holds the table."""

    dependencies = [("notifications", "0011_open_alerts")]

    operations = [ValidateConstraint(model_name="delivery", name="delivery_open_waits")]
