import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('posts', '0010_read_markers'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RenameModel('PulledAuthor', 'HighFanoutAuthor'),
        migrations.RenameModel('TimelineStamp', 'TimelineVersion'),
        migrations.RenameModel('TimelineEpoch', 'TimelineGeneration'),
        migrations.RenameField('timelinegeneration', 'kept_by', 'maintained_by'),
        migrations.AlterField(
            model_name='highfanoutauthor',
            name='author',
            field=models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='high_fanout', serialize=False, to=settings.AUTH_USER_MODEL),
        ),
        migrations.AlterField(
            model_name='timelineversion',
            name='reader',
            field=models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='timeline_version', serialize=False, to=settings.AUTH_USER_MODEL),
        ),
    ]
