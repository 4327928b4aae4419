from django.db import migrations, models

# All but the newest 200 notifications of a group leave it.
TRIM = """
    UPDATE accounts_notification SET group_key = '' WHERE id IN (
        SELECT id FROM (
            SELECT id, row_number() OVER (PARTITION BY recipient_id, group_key ORDER BY id DESC) AS place
            FROM accounts_notification WHERE group_key <> ''
        ) placed WHERE place > 200
    )
"""


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0037_notifications_page'),
    ]

    operations = [
        migrations.RunSQL(TRIM, migrations.RunSQL.noop),
        migrations.RemoveIndex(
            model_name='notification',
            name='notification_newest',
        ),
        migrations.AddIndex(
            model_name='notification',
            index=models.Index(models.F('recipient'), models.OrderBy(models.F('id'), descending=True), condition=models.Q(('group_key', ''), _negated=True), name='notification_newest'),
        ),
    ]
