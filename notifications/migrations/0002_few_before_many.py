from django.db import migrations, models

# An event whose readers were being told when the columns changed is gone on with.
KEEP_ON = """
INSERT INTO notifications_unfinished (number, recipient)
SELECT seq + 1, recipient FROM notifications_bookmark WHERE name = 'fan_out' AND recipient > 0;
UPDATE notifications_bookmark SET seq = seq + 1 WHERE name = 'fan_out' AND recipient > 0;
"""


class Migration(migrations.Migration):
    """Who crashed a worker goes alone; what a million are told no longer stands before what few wait for."""

    dependencies = [("notifications", "0001_initial")]

    operations = [
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("crashes__gt", 0), ("state", "waiting")),
                fields=["next_attempt_at"],
                name="delivery_suspect",
            ),
        ),
        migrations.CreateModel(
            name="Unfinished",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("recipient", models.BigIntegerField()),
            ],
        ),
        migrations.RunSQL(KEEP_ON, migrations.RunSQL.noop),
        migrations.RemoveField(model_name="bookmark", name="recipient"),
        migrations.RemoveConstraint(model_name="delivery", name="delivery_kind_known"),
        migrations.AlterField(
            model_name="delivery",
            name="kind",
            field=models.CharField(
                choices=[
                    ("confirmation", "confirmation"),
                    ("alert", "alert"),
                    ("many", "alert to many"),
                    ("digest", "digest"),
                    ("duty", "reminder to staff"),
                ],
                max_length=12,
            ),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["confirmation", "alert", "many", "digest", "duty"])),
                name="delivery_kind_known",
            ),
        ),
    ]
