from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0027_report'),
    ]

    operations = [
        migrations.RemoveIndex(model_name='moderationaction', name='moderation_target'),
        migrations.RemoveIndex(model_name='moderationaction', name='moderation_person'),
        migrations.RemoveIndex(model_name='moderationaction', name='moderation_verb'),
        migrations.RenameField(model_name='moderationaction', old_name='verb', new_name='action'),
        migrations.RenameField(model_name='moderationaction', old_name='target_model', new_name='subject_model'),
        migrations.RenameField(model_name='moderationaction', old_name='target_pk', new_name='subject_id'),
        migrations.RenameField(model_name='moderationaction', old_name='target_person', new_name='person_name'),
        migrations.RenameField(model_name='moderationaction', old_name='target_text', new_name='subject_text'),
        migrations.AddIndex(
            model_name='moderationaction',
            index=models.Index(fields=['subject_model', 'subject_id'], name='moderation_subject'),
        ),
        migrations.AddIndex(
            model_name='moderationaction',
            index=models.Index(fields=['person_name'], name='moderation_person_name'),
        ),
        migrations.AddIndex(
            model_name='moderationaction',
            index=models.Index(models.F('action'), models.OrderBy(models.F('id'), descending=True), name='moderation_action'),
        ),
    ]
