from django.db import migrations, models


class Migration(migrations.Migration):
    """When an endpoint took a call last: until it has, it gets one call at a time."""

    dependencies = [("notifications", "0004_unplanned")]

    operations = [
        migrations.AddField(
            model_name="endpoint",
            name="answered_at",
            field=models.DateTimeField(blank=True, null=True),
        )
    ]
