import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('posts', '0009_labels'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RenameModel('ReadMark', 'ReadMarker'),
        migrations.RenameField('readmarker', 'line', 'divider'),
        migrations.RenameField('readmarker', 'bottom', 'ahead_low'),
        migrations.RenameField('readmarker', 'top', 'ahead_high'),
        migrations.AlterField(
            model_name='readmarker',
            name='reader',
            field=models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='read_marker', serialize=False, to=settings.AUTH_USER_MODEL, verbose_name='reader'),
        ),
    ]
