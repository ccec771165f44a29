from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models


class Migration(migrations.Migration):
    """A reminder that is being told keeps the scopes that it was in when its first watchers were."""

    dependencies = [("notifications", "0002_few_before_many")]

    operations = [
        migrations.AddField(
            model_name="reminder",
            name="scopes",
            field=ArrayField(base_field=models.TextField(), blank=True, default=list, size=None),
        )
    ]
