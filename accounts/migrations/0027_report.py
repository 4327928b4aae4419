import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0026_account_snapshot'),
    ]

    operations = [
        migrations.CreateModel(
            name='Report',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('subject_type', models.CharField(max_length=20)),
                ('subject_id', models.BigIntegerField()),
                ('subject_text', models.CharField(blank=True, max_length=5000, verbose_name='text')),
                ('reason', models.CharField(choices=[('spam', "It's spam or a scam"), ('abuse', 'It attacks or threatens someone'), ('illegal', "It's against the law"), ('other', 'Something else')], max_length=10, verbose_name='reason')),
                ('note', models.CharField(blank=True, max_length=5000, verbose_name='Anything else we should know?')),
                ('created_on', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='reported')),
                ('closed_on', models.DateTimeField(editable=False, null=True, verbose_name='closed')),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='reports_about', to=settings.AUTH_USER_MODEL, verbose_name='person')),
                # posts.Report, which posts.0013 deletes, still has related_name='reports'.
                ('reporter', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='reports', to=settings.AUTH_USER_MODEL, verbose_name='reporter')),
            ],
            options={
                'verbose_name': 'report',
                'verbose_name_plural': 'reports',
                'indexes': [models.Index(fields=['subject_type', 'subject_id'], name='report_subject'), models.Index(condition=models.Q(('closed_on', None)), fields=['subject_type', 'subject_id', 'created_on'], name='report_open_subject')],
                'constraints': [models.UniqueConstraint(fields=('reporter', 'subject_type', 'subject_id'), name='report_once_by_reporter')],
            },
        ),
    ]
