from django.db import migrations, models

# What is written down already is read again: only what speaks of the mailbox counts from now on. Whoever was suppressed
# stays so; administrators let an address sign up again.
_READ_AGAIN = r"""
UPDATE notifications_bounce b SET
    about = CASE WHEN b.code ~ '^5\.(0\.0|4\.1|5\.0)$' OR b.code ~ '^55[0-3]$' OR b.code = '' THEN 'unclear'
        ELSE 'other' END,
    domain = split_part(s.email, '@', 2)
FROM notifications_subscriber s
WHERE s.id = b.subscriber_id AND NOT b.is_hard AND b.code !~ '^[45]\.[12]\.'
"""


class Migration(migrations.Migration):
    """A refusal that says nothing of the mailbox does not count against its reader."""

    dependencies = [("notifications", "0006_domains_in_turns")]

    operations = [
        migrations.AddField(
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
            ),
        ),
        migrations.AddField(
            model_name="bounce",
            name="domain",
            field=models.CharField(blank=True, db_default="", default="", max_length=253),
        ),
        migrations.RunSQL(_READ_AGAIN, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="bounce",
            constraint=models.CheckConstraint(
                condition=models.Q(("about__in", ["mailbox", "unclear", "other"])), name="bounce_about_known"
            ),
        ),
        migrations.AddIndex(
            model_name="bounce",
            index=models.Index(
                condition=models.Q(("about", "unclear")),
                fields=["domain", "code", "at"],
                name="bounce_unclear",
            ),
        ),
    ]
