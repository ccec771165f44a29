import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """What cannot be planned is noted and holds up nobody else; more reasons why a reminder, or a mail, was dropped."""

    dependencies = [
        ("notifications", "0003_reminder_scopes"),
        ("commitments", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Unplanned",
            fields=[
                (
                    "commitment",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="commitments.commitment",
                    ),
                ),
                ("began_at", models.DateTimeField()),
                ("try_again_at", models.DateTimeField()),
                ("tries", models.PositiveIntegerField(default=1)),
                ("said", models.CharField(blank=True, default="", max_length=300)),
            ],
            options={
                "verbose_name": "commitment without reminders",
                "verbose_name_plural": "commitments without reminders",
            },
        ),
        migrations.AlterField(
            model_name="reminder",
            name="why",
            field=models.CharField(
                blank=True,
                choices=[
                    ("moved", "the date moved"),
                    ("closed", "settled before its time"),
                    ("paused", "the clocks stand still"),
                    ("blocked", "what it needs is not fulfilled"),
                    ("ended", "the duty has ended or sleeps"),
                    ("passed", "its time is over"),
                    ("needless", "no longer called for"),
                    ("nobody", "nobody is there to hear it"),
                    ("noted", "noted by all whom it is for"),
                ],
                default="",
                max_length=12,
            ),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="why",
            field=models.CharField(
                blank=True,
                choices=[
                    ("unwanted", "no longer wanted"),
                    ("untrue", "no longer true"),
                    ("merged", "told in a later mail"),
                    ("erased", "address erased"),
                ],
                default="",
                max_length=12,
            ),
        ),
    ]
