import uuid

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """What the staff's pages call each field. The database hears nothing of it."""

    dependencies = [
        ("commitments", "0002_suspension"),
        ("notifications", "0009_owners_that_refuse"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="line",
            options={"verbose_name": "mail connection", "verbose_name_plural": "mail connections"},
        ),
        migrations.AlterField(
            model_name="attempt",
            name="at",
            field=models.DateTimeField(verbose_name="when"),
        ),
        migrations.AlterField(
            model_name="attempt",
            name="code",
            field=models.PositiveSmallIntegerField(
                blank=True, help_text="The server's reply code.", null=True, verbose_name="code"
            ),
        ),
        migrations.AlterField(
            model_name="attempt",
            name="delivery",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="tries",
                to="notifications.delivery",
                verbose_name="delivery",
            ),
        ),
        migrations.AlterField(
            model_name="attempt",
            name="outcome",
            field=models.CharField(
                choices=[
                    ("sent", "accepted"),
                    ("retry", "put off"),
                    ("failed", "refused for good"),
                    ("error", "our own error"),
                    ("crashed", "the worker ended"),
                ],
                max_length=12,
                verbose_name="how it ended",
            ),
        ),
        migrations.AlterField(
            model_name="attempt",
            name="reply",
            field=models.CharField(
                blank=True, default="", max_length=300, verbose_name="what the server said"
            ),
        ),
        migrations.AlterField(
            model_name="bounce",
            name="about",
            field=models.CharField(
                choices=[
                    ("mailbox", "the mailbox"),
                    ("unclear", "it does not say"),
                    ("other", "our server, the mail, or the way"),
                ],
                db_default="mailbox",
                default="mailbox",
                help_text="What the answer speaks of; only the mailbox counts against the address.",
                max_length=10,
                verbose_name="about",
            ),
        ),
        migrations.AlterField(
            model_name="bounce",
            name="at",
            field=models.DateTimeField(verbose_name="when"),
        ),
        migrations.AlterField(
            model_name="bounce",
            name="code",
            field=models.CharField(
                blank=True,
                default="",
                help_text="The enhanced status, as 5.1.1.",
                max_length=12,
                verbose_name="code",
            ),
        ),
        migrations.AlterField(
            model_name="bounce",
            name="delivery",
            field=models.UUIDField(verbose_name="delivery"),
        ),
        migrations.AlterField(
            model_name="bounce",
            name="domain",
            field=models.CharField(
                blank=True, db_default="", default="", max_length=253, verbose_name="domain"
            ),
        ),
        migrations.AlterField(
            model_name="bounce",
            name="is_hard",
            field=models.BooleanField(
                help_text="The mailbox is not there: the address is suppressed.",
                verbose_name="the mailbox is not there",
            ),
        ),
        migrations.AlterField(
            model_name="bounce",
            name="subscriber",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="bounces",
                to="notifications.subscriber",
                verbose_name="reader",
            ),
        ),
        migrations.AlterField(
            model_name="bounce",
            name="way",
            field=models.CharField(
                choices=[
                    ("smtp", "the mail server refused it"),
                    ("mailbox", "a notification came back"),
                    ("provider", "the mail provider said so"),
                ],
                max_length=10,
                verbose_name="who says so",
            ),
        ),
        migrations.AlterField(
            model_name="call",
            name="attempts",
            field=models.PositiveSmallIntegerField(default=0, verbose_name="attempts"),
        ),
        migrations.AlterField(
            model_name="call",
            name="crashes",
            field=models.PositiveSmallIntegerField(default=0, verbose_name="crashes"),
        ),
        migrations.AlterField(
            model_name="call",
            name="created_at",
            field=models.DateTimeField(verbose_name="written down"),
        ),
        migrations.AlterField(
            model_name="call",
            name="endpoint",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="calls",
                to="notifications.endpoint",
                verbose_name="endpoint",
            ),
        ),
        migrations.AlterField(
            model_name="call",
            name="id",
            field=models.UUIDField(
                default=uuid.uuid4,
                editable=False,
                primary_key=True,
                serialize=False,
                verbose_name="identifier",
            ),
        ),
        migrations.AlterField(
            model_name="call",
            name="kind",
            field=models.CharField(
                choices=[("event", "event"), ("ping", "test ping")],
                default="event",
                max_length=10,
                verbose_name="kind",
            ),
        ),
        migrations.AlterField(
            model_name="call",
            name="lease_until",
            field=models.DateTimeField(blank=True, null=True, verbose_name="with a worker until"),
        ),
        migrations.AlterField(
            model_name="call",
            name="next_attempt_at",
            field=models.DateTimeField(verbose_name="next attempt"),
        ),
        migrations.AlterField(
            model_name="call",
            name="number",
            field=models.BigIntegerField(
                blank=True, help_text="The event's number in the log.", null=True, verbose_name="number"
            ),
        ),
        migrations.AlterField(
            model_name="call",
            name="settled_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="settled"),
        ),
        migrations.AlterField(
            model_name="call",
            name="started_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="put on the wire"),
        ),
        migrations.AlterField(
            model_name="call",
            name="state",
            field=models.CharField(
                choices=[
                    ("waiting", "waiting"),
                    ("claimed", "with a worker"),
                    ("sent", "taken by the endpoint"),
                    ("failed", "given up"),
                    ("quarantined", "in quarantine"),
                    ("dropped", "dropped: no longer true"),
                ],
                default="waiting",
                max_length=12,
                verbose_name="state",
            ),
        ),
        migrations.AlterField(
            model_name="call",
            name="token",
            field=models.UUIDField(blank=True, null=True, verbose_name="token of the worker"),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="attempts",
            field=models.PositiveSmallIntegerField(default=0, verbose_name="attempts"),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="crashes",
            field=models.PositiveSmallIntegerField(default=0, verbose_name="crashes"),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="created_at",
            field=models.DateTimeField(verbose_name="written down"),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="domain",
            field=models.CharField(blank=True, default="", max_length=253, verbose_name="domain"),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="id",
            field=models.UUIDField(
                default=uuid.uuid4,
                editable=False,
                primary_key=True,
                serialize=False,
                verbose_name="identifier",
            ),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="is_open",
            field=models.BooleanField(default=False, verbose_name="takes news"),
        ),
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
                verbose_name="kind",
            ),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="lease_until",
            field=models.DateTimeField(blank=True, null=True, verbose_name="with a worker until"),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="next_attempt_at",
            field=models.DateTimeField(verbose_name="next attempt"),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="rhythm",
            field=models.CharField(
                blank=True,
                choices=[("instantly", "at once"), ("daily", "once a day"), ("weekly", "once a week")],
                default="",
                max_length=12,
                verbose_name="how often",
            ),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="settled_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="settled"),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="started_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="put on the wire"),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="state",
            field=models.CharField(
                choices=[
                    ("waiting", "waiting"),
                    ("claimed", "with a worker"),
                    ("sent", "sent"),
                    ("failed", "refused for good"),
                    ("quarantined", "in quarantine"),
                    ("dropped", "dropped"),
                ],
                default="waiting",
                max_length=12,
                verbose_name="state",
            ),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="subscriber",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="deliveries",
                to="notifications.subscriber",
                verbose_name="reader",
            ),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="subscription",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                help_text="The one that a confirmation asks about.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="notifications.subscription",
                verbose_name="subscription",
            ),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="token",
            field=models.UUIDField(blank=True, null=True, verbose_name="token of the worker"),
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
                verbose_name="why dropped",
            ),
        ),
        migrations.AlterField(
            model_name="endpoint",
            name="answered_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="last answered"),
        ),
        migrations.AlterField(
            model_name="endpoint",
            name="changed_at",
            field=models.DateTimeField(help_text="When its state last changed.", verbose_name="changed"),
        ),
        migrations.AlterField(
            model_name="endpoint",
            name="created_at",
            field=models.DateTimeField(verbose_name="written down"),
        ),
        migrations.AlterField(
            model_name="endpoint",
            name="failing_since",
            field=models.DateTimeField(blank=True, null=True, verbose_name="failing since"),
        ),
        migrations.AlterField(
            model_name="endpoint",
            name="failures",
            field=models.PositiveIntegerField(default=0, verbose_name="failures in a row"),
        ),
        migrations.AlterField(
            model_name="endpoint",
            name="held_until",
            field=models.DateTimeField(blank=True, null=True, verbose_name="with a worker until"),
        ),
        migrations.AlterField(
            model_name="endpoint",
            name="holder",
            field=models.UUIDField(blank=True, null=True, verbose_name="worker"),
        ),
        migrations.AlterField(
            model_name="endpoint",
            name="rest_until",
            field=models.DateTimeField(blank=True, null=True, verbose_name="left in peace until"),
        ),
        migrations.AlterField(
            model_name="endpoint",
            name="served_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="last served"),
        ),
        migrations.AlterField(
            model_name="endpoint",
            name="state",
            field=models.CharField(
                choices=[("live", "live"), ("paused", "paused"), ("disabled", "disabled")],
                default="live",
                max_length=10,
                verbose_name="state",
            ),
        ),
        migrations.AlterField(
            model_name="endpoint",
            name="uuid",
            field=models.UUIDField(
                default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier"
            ),
        ),
        migrations.AlterField(
            model_name="endpoint",
            name="why",
            field=models.CharField(
                blank=True,
                choices=[
                    ("gone", "it answered that it is gone (410)"),
                    ("failing", "it failed for days"),
                    ("staff", "by a member of staff"),
                ],
                default="",
                max_length=10,
                verbose_name="why disabled",
            ),
        ),
        migrations.AlterField(
            model_name="line",
            name="down_since",
            field=models.DateTimeField(blank=True, null=True, verbose_name="down since"),
        ),
        migrations.AlterField(
            model_name="line",
            name="name",
            field=models.CharField(max_length=40, primary_key=True, serialize=False, verbose_name="name"),
        ),
        migrations.AlterField(
            model_name="line",
            name="said",
            field=models.CharField(blank=True, default="", max_length=300, verbose_name="what was said"),
        ),
        migrations.AlterField(
            model_name="line",
            name="tries",
            field=models.PositiveIntegerField(default=0, verbose_name="attempts"),
        ),
        migrations.AlterField(
            model_name="line",
            name="try_again_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="next attempt"),
        ),
        migrations.AlterField(
            model_name="reminder",
            name="about_at",
            field=models.DateTimeField(verbose_name="of which instant"),
        ),
        migrations.AlterField(
            model_name="reminder",
            name="assessment",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="commitments.assessment",
                verbose_name="judgement",
            ),
        ),
        migrations.AlterField(
            model_name="reminder",
            name="audience",
            field=models.CharField(
                choices=[
                    ("watchers", "whoever follows it"),
                    ("officer", "the responsible officers"),
                    ("manager", "the managers"),
                    ("lead", "the leads of the accord"),
                    ("one", "one person, as asked"),
                ],
                max_length=12,
                verbose_name="to whom",
            ),
        ),
        migrations.AlterField(
            model_name="reminder",
            name="commitment",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="commitments.commitment",
                verbose_name="commitment",
            ),
        ),
        migrations.AlterField(
            model_name="reminder",
            name="deadline",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="reminders",
                to="commitments.deadline",
                verbose_name="date",
            ),
        ),
        migrations.AlterField(
            model_name="reminder",
            name="due_at",
            field=models.DateTimeField(verbose_name="goes on"),
        ),
        migrations.AlterField(
            model_name="reminder",
            name="rung",
            field=models.CharField(max_length=12, verbose_name="rung"),
        ),
        migrations.AlterField(
            model_name="reminder",
            name="settled_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="settled"),
        ),
        migrations.AlterField(
            model_name="reminder",
            name="state",
            field=models.CharField(
                choices=[
                    ("planned", "planned"),
                    ("told", "told"),
                    ("merged", "merged into a later one"),
                    ("dropped", "dropped"),
                ],
                default="planned",
                max_length=12,
                verbose_name="state",
            ),
        ),
        migrations.AlterField(
            model_name="reminder",
            name="subscriber",
            field=models.ForeignKey(
                blank=True,
                help_text="The one who asked to be reminded again.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="notifications.subscriber",
                verbose_name="reader",
            ),
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
                verbose_name="why dropped",
            ),
        ),
        migrations.AlterField(
            model_name="subscriber",
            name="changed_at",
            field=models.DateTimeField(
                help_text="When the person last did something.", verbose_name="last acted"
            ),
        ),
        migrations.AlterField(
            model_name="subscriber",
            name="created_at",
            field=models.DateTimeField(verbose_name="written down"),
        ),
        migrations.AlterField(
            model_name="subscriber",
            name="email",
            field=models.CharField(
                help_text="In small letters.", max_length=254, unique=True, verbose_name="address"
            ),
        ),
        migrations.AlterField(
            model_name="subscriber",
            name="hour",
            field=models.PositiveSmallIntegerField(
                default=8,
                validators=[
                    django.core.validators.MinValueValidator(0),
                    django.core.validators.MaxValueValidator(23),
                ],
                verbose_name="hour",
            ),
        ),
        migrations.AlterField(
            model_name="subscriber",
            name="language",
            field=models.CharField(
                choices=[("en", "English"), ("uk", "Ukrainian"), ("ja", "Japanese")],
                default="en",
                max_length=8,
                verbose_name="language",
            ),
        ),
        migrations.AlterField(
            model_name="subscriber",
            name="state",
            field=models.CharField(
                choices=[
                    ("pending", "not confirmed yet"),
                    ("confirmed", "confirmed"),
                    ("suppressed", "never to be written to"),
                ],
                default="pending",
                max_length=12,
                verbose_name="state",
            ),
        ),
        migrations.AlterField(
            model_name="subscriber",
            name="user",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="member of staff",
            ),
        ),
        migrations.AlterField(
            model_name="subscriber",
            name="uuid",
            field=models.UUIDField(
                default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier"
            ),
        ),
        migrations.AlterField(
            model_name="subscriber",
            name="weekday",
            field=models.PositiveSmallIntegerField(
                choices=[
                    (1, "Monday"),
                    (2, "Tuesday"),
                    (3, "Wednesday"),
                    (4, "Thursday"),
                    (5, "Friday"),
                    (6, "Saturday"),
                    (7, "Sunday"),
                ],
                default=1,
                verbose_name="day of the week",
            ),
        ),
        migrations.AlterField(
            model_name="subscriber",
            name="zone",
            field=models.CharField(default="UTC", max_length=64, verbose_name="time zone"),
        ),
        migrations.AlterField(
            model_name="subscription",
            name="asked_at",
            field=models.DateTimeField(verbose_name="asked"),
        ),
        migrations.AlterField(
            model_name="subscription",
            name="confirmed_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="confirmed on"),
        ),
        migrations.AlterField(
            model_name="subscription",
            name="ended_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="ended"),
        ),
        migrations.AlterField(
            model_name="subscription",
            name="kinds",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=20),
                blank=True,
                default=list,
                size=None,
                verbose_name="kinds of news",
            ),
        ),
        migrations.AlterField(
            model_name="subscription",
            name="paused_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="paused on"),
        ),
        migrations.AlterField(
            model_name="subscription",
            name="rhythm",
            field=models.CharField(
                choices=[("instantly", "at once"), ("daily", "once a day"), ("weekly", "once a week")],
                default="instantly",
                max_length=12,
                verbose_name="how often",
            ),
        ),
        migrations.AlterField(
            model_name="subscription",
            name="scope",
            field=models.GeneratedField(
                db_persist=True,
                expression=models.Case(
                    models.When(
                        accord_id__isnull=False,
                        then=django.db.models.functions.text.Concat(
                            models.Value("accord:"),
                            django.db.models.functions.comparison.Cast("accord_id", models.CharField()),
                            output_field=models.CharField(),
                        ),
                    ),
                    models.When(
                        section_id__isnull=False,
                        then=django.db.models.functions.text.Concat(
                            models.Value("section:"),
                            django.db.models.functions.comparison.Cast("section_id", models.CharField()),
                            output_field=models.CharField(),
                        ),
                    ),
                    models.When(
                        party_id__isnull=False,
                        then=django.db.models.functions.text.Concat(
                            models.Value("party:"),
                            django.db.models.functions.comparison.Cast("party_id", models.CharField()),
                            output_field=models.CharField(),
                        ),
                    ),
                    models.When(
                        then=django.db.models.functions.text.Concat(
                            models.Value("topic:"),
                            django.db.models.functions.comparison.Cast("topic_id", models.CharField()),
                            output_field=models.CharField(),
                        ),
                        topic_id__isnull=False,
                    ),
                    models.When(
                        commitment_id__isnull=False,
                        then=django.db.models.functions.text.Concat(
                            models.Value("commitment:"),
                            django.db.models.functions.comparison.Cast("commitment_id", models.CharField()),
                            output_field=models.CharField(),
                        ),
                    ),
                    models.When(
                        saved_id__isnull=False,
                        then=django.db.models.functions.text.Concat(
                            models.Value("saved:"),
                            django.db.models.functions.comparison.Cast("saved_id", models.CharField()),
                            output_field=models.CharField(),
                        ),
                    ),
                    default=models.Value("all"),
                    output_field=models.CharField(max_length=40),
                ),
                output_field=models.CharField(max_length=40),
                verbose_name="what is followed",
            ),
        ),
        migrations.AlterField(
            model_name="subscription",
            name="starts_after",
            field=models.BigIntegerField(blank=True, null=True, verbose_name="news from number"),
        ),
        migrations.AlterField(
            model_name="subscription",
            name="subscriber",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="subscriptions",
                to="notifications.subscriber",
                verbose_name="reader",
            ),
        ),
        migrations.AlterField(
            model_name="try",
            name="answer",
            field=models.CharField(blank=True, default="", max_length=1000, verbose_name="answer"),
        ),
        migrations.AlterField(
            model_name="try",
            name="answer_headers",
            field=models.JSONField(default=dict, verbose_name="headers of the answer"),
        ),
        migrations.AlterField(
            model_name="try",
            name="at",
            field=models.DateTimeField(verbose_name="when"),
        ),
        migrations.AlterField(
            model_name="try",
            name="call",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="tries",
                to="notifications.call",
                verbose_name="webhook delivery",
            ),
        ),
        migrations.AlterField(
            model_name="try",
            name="code",
            field=models.PositiveSmallIntegerField(
                blank=True, help_text="The HTTP status.", null=True, verbose_name="code"
            ),
        ),
        migrations.AlterField(
            model_name="try",
            name="error",
            field=models.CharField(
                blank=True,
                default="",
                help_text="Why there was no answer, in a word.",
                max_length=40,
                verbose_name="error",
            ),
        ),
        migrations.AlterField(
            model_name="try",
            name="host",
            field=models.CharField(blank=True, default="", max_length=260, verbose_name="host"),
        ),
        migrations.AlterField(
            model_name="try",
            name="milliseconds",
            field=models.PositiveIntegerField(default=0, verbose_name="milliseconds"),
        ),
        migrations.AlterField(
            model_name="try",
            name="outcome",
            field=models.CharField(
                choices=[
                    ("sent", "taken"),
                    ("retry", "put off"),
                    ("failed", "given up"),
                    ("error", "our own error"),
                    ("crashed", "the worker ended"),
                ],
                max_length=10,
                verbose_name="how it ended",
            ),
        ),
        migrations.AlterField(
            model_name="try",
            name="request_bytes",
            field=models.PositiveIntegerField(default=0, verbose_name="bytes of the request"),
        ),
        migrations.AlterField(
            model_name="try",
            name="request_digest",
            field=models.CharField(
                blank=True,
                default="",
                help_text="SHA-256 of the body.",
                max_length=64,
                verbose_name="digest of the request",
            ),
        ),
        migrations.AlterField(
            model_name="try",
            name="request_headers",
            field=models.JSONField(default=dict, verbose_name="headers of the request"),
        ),
        migrations.AlterField(
            model_name="unplanned",
            name="began_at",
            field=models.DateTimeField(verbose_name="since"),
        ),
        migrations.AlterField(
            model_name="unplanned",
            name="commitment",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE,
                primary_key=True,
                related_name="+",
                serialize=False,
                to="commitments.commitment",
                verbose_name="commitment",
            ),
        ),
        migrations.AlterField(
            model_name="unplanned",
            name="said",
            field=models.CharField(blank=True, default="", max_length=300, verbose_name="what was said"),
        ),
        migrations.AlterField(
            model_name="unplanned",
            name="tries",
            field=models.PositiveIntegerField(default=1, verbose_name="attempts"),
        ),
        migrations.AlterField(
            model_name="unplanned",
            name="try_again_at",
            field=models.DateTimeField(verbose_name="next attempt"),
        ),
    ]
