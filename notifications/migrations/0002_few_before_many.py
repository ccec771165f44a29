from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models


class Migration(migrations.Migration):
    """Who crashed a worker goes alone; what a million are told no longer stands before what few wait for.

    An event whose readers were being told when the column `recipient` goes is read again from its first reader: whoever
    has a notice of it gets no second one.
    """

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
                ("scopes", ArrayField(base_field=models.TextField(), size=None)),
                ("recipient", models.BigIntegerField()),
            ],
        ),
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
