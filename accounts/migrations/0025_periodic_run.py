from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0024_one_notification"),
    ]

    operations = [
        migrations.RenameModel("Turn", "PeriodicRun"),
    ]
