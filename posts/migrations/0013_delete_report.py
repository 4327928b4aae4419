from django.db import migrations


class Migration(migrations.Migration):
    """The rows of this table are in accounts_report now."""

    dependencies = [
        ('posts', '0012_copy_reports'),
    ]

    operations = [
        migrations.DeleteModel(name='Report'),
    ]
