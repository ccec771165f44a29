from django.db import migrations, models


class Migration(migrations.Migration):
    """What a server said when the owner of an endpoint could not be told."""

    dependencies = [("notifications", "0008_newest_first")]

    operations = [
        migrations.AddField(
            model_name="endpoint",
            name="owner_said",
            field=models.CharField(blank=True, db_default="", default="", max_length=300),
        ),
    ]
