import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """An accord can be suspended as a whole; the pauses that this made are known by it; and so can programs."""

    dependencies = [("commitments", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Suspension",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("from_on", models.DateField()),
                ("until_on", models.DateField(blank=True, null=True)),
                ("reason", models.TextField()),
                ("recorded_at", models.DateTimeField()),
                (
                    "resumed_at",
                    models.DateTimeField(blank=True, help_text="When its end was recorded.", null=True),
                ),
                (
                    "accord",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="suspensions",
                        to="commitments.accord",
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="commitments.source",
                    ),
                ),
            ],
            options={
                "verbose_name": "suspension",
                "verbose_name_plural": "suspensions",
                "ordering": ["accord", "from_on"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("until_on__isnull", True), ("until_on__gt", models.F("from_on")), _connector="OR"
                        ),
                        name="suspension_in_order",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="suspension_has_reason"
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="pause",
            name="suspension",
            field=models.ForeignKey(
                blank=True,
                help_text="The suspension of the accord that it belongs to.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="pauses",
                to="commitments.suspension",
            ),
        ),
        migrations.AlterField(
            model_name="keptanswer",
            name="commitment",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="commitments.commitment",
            ),
        ),
    ]
