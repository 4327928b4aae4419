from django.db import migrations, models


class Migration(migrations.Migration):
    """Builds the indexes after the columns are committed: a transaction that adds columns blocks reads until its end, and one that
    builds indexes only blocks writes. The old index is dropped last, because dropping one blocks reads, too.
    """

    dependencies = [
        ('posts', '0015_conversations'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='post',
            index=models.Index(condition=models.Q(('thread__isnull', False)), fields=['thread', 'path'], name='post_thread'),
        ),
        migrations.AddIndex(
            model_name='post',
            index=models.Index(condition=models.Q(('in_reply_to__isnull', False)), fields=['in_reply_to', 'id'], name='post_replies'),
        ),
        migrations.AddIndex(
            model_name='post',
            index=models.Index(condition=models.Q(('in_reply_to_author__isnull', False)), fields=['in_reply_to_author'], name='post_replies_to_person'),
        ),
        migrations.AddIndex(
            model_name='post',
            index=models.Index(models.F('language'), models.OrderBy(models.F('id'), descending=True), name='post_language_newest'),
        ),
        migrations.AddIndex(
            model_name='post',
            index=models.Index(models.F('author'), models.OrderBy(models.F('id'), descending=True), models.F('hidden_on'), models.F('in_reply_to_author'), models.F('thread'), name='post_author_newest_2'),
        ),
        migrations.RemoveIndex(
            model_name='post',
            name='post_author_newest',
        ),
        migrations.RenameIndex(
            model_name='post',
            old_name='post_author_newest_2',
            new_name='post_author_newest',
        ),
    ]
