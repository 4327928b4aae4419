import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0025_periodic_run"),
    ]

    operations = [
        # RenameField doesn't change the condition of an index.
        migrations.RemoveIndex("ToldState", "told_state_due"),
        migrations.RenameModel("ToldState", "AccountSnapshot"),
        migrations.RenameField("AccountSnapshot", "factors", "authenticators"),
        migrations.RenameField("AccountSnapshot", "changes", "version"),
        migrations.RenameField("AccountSnapshot", "due_on", "marked_on"),
        migrations.AddIndex(
            "AccountSnapshot",
            models.Index(
                models.F("marked_on"),
                condition=models.Q(("marked_on__isnull", False)),
                name="account_snapshot_marked",
            ),
        ),
        migrations.AlterField(
            "AccountSnapshot",
            "user",
            models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE,
                primary_key=True,
                related_name="account_snapshot",
                serialize=False,
                to=settings.AUTH_USER_MODEL,
            ),
        ),
    ]
