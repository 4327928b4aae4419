"""Makes notifications of the rows of three models, and deletes these models."""

from django.db import migrations
from django.utils import timezone

# Names and values at the time of this migration.
NEW_FOLLOWER, UNFOLLOW, MILESTONE = "new_follower", "unfollow", "follower_milestone"
WAITING, NOT_WANTED, SUMMARY_ONLY = "", "not wanted", "summary only"
DELIVER = ["emails.deliver", "accounts.emails.outbox.deliver", "accounts.outbox.deliver"]
# The number of the span of 12 hours that a column with a time is in.
SPANS = {
    "postgresql": "CAST(FLOOR(EXTRACT(EPOCH FROM {0}) / 43200) AS bigint)",
    "sqlite": "(CAST(strftime('%s', {0}) AS integer) / 43200)",
}
INSERT = """INSERT INTO accounts_notification
    (recipient_id, type, actor_id, subject, group_key, created_on, emailed_in)"""


def copy_rows(apps, schema_editor):
    """Copy what emails have told, and what they have yet to tell."""
    # Without parameters, "%s" stays a format of strftime.
    span = SPANS[schema_editor.connection.vendor].format
    schema_editor.execute(
        f"""{INSERT} SELECT recipient_id, '{NEW_FOLLOWER}', follower_id, follow_id,
            '{NEW_FOLLOWER}::' || {span("created_on")}, created_on, told_in
            FROM accounts_follownotice ORDER BY id""",
        params=None,
    )
    # These are for the summary only. Their follows may have rows of their own, which count once with them.
    schema_editor.execute(
        f"""{INSERT} SELECT recipient_id, CASE WHEN change > 0 THEN '{NEW_FOLLOWER}' ELSE '{UNFOLLOW}' END,
            person_id, NULL, '', happened_on, '{SUMMARY_ONLY}' FROM accounts_followerchange ORDER BY id"""
    )
    # Their emails had the threshold as their key.
    schema_editor.execute(
        f"""{INSERT} SELECT user_id, '{MILESTONE}', NULL, threshold,
            '{MILESTONE}:' || threshold || ':' || {span("reached_on")}, reached_on, CAST(threshold AS varchar(100))
            FROM accounts_milestone ORDER BY id""",
        params=None,
    )
    schema_editor.execute(
        f"""UPDATE accounts_notification SET emailed_in = '{NOT_WANTED}' WHERE emailed_in = '{WAITING}' AND EXISTS (
            SELECT 1 FROM accounts_notificationpreference p WHERE p.user_id = accounts_notification.recipient_id
            AND p.type = accounts_notification.type AND p.frequency = 'never')"""
    )
    schema_editor.execute(
        """UPDATE accounts_user SET milestone =
            (SELECT MAX(threshold) FROM accounts_milestone WHERE user_id = accounts_user.id)
            WHERE id IN (SELECT user_id FROM accounts_milestone)"""
    )


def count_followers(apps, schema_editor):
    """Find the milestones of members whose followers a worker had yet to count."""
    schedules = apps.get_model("accounts", "DigestSchedule").objects
    preferences = apps.get_model("accounts", "NotificationPreference").objects
    notification = apps.get_model("accounts", "Notification").objects
    follows, users = (apps.get_model("accounts", name).objects for name in ("Follow", "User"))
    waiting = schedules.filter(type=MILESTONE, due_on__isnull=False).select_related("recipient")
    now = timezone.now()
    for schedule in waiting.iterator(chunk_size=1000):
        user = schedule.recipient
        count = follows.filter(followed=user, follower__suspended_on=None).count()
        threshold = 10 ** (len(str(count)) - 1)
        if threshold < 10 or threshold <= user.milestone:
            continue
        users.filter(pk=user.pk).update(milestone=threshold)
        is_wanted = not preferences.filter(user=user, type=MILESTONE, frequency="never").exists()
        notification.create(
            recipient=user,
            type=MILESTONE,
            subject=threshold,
            group_key=f"{MILESTONE}:{threshold}:{int(now.timestamp()) // 43200}",
            created_on=now,
            emailed_in=WAITING if is_wanted else NOT_WANTED,
        )


def update_jobs(apps, schema_editor):
    """Give jobs that send an email about notifications the argument of today: the key of the Delivery."""
    deliveries = apps.get_model("accounts", "Delivery").objects.filter(type__in=[NEW_FOLLOWER, MILESTONE])
    jobs = apps.get_model("django_tasks_database", "DBTaskResult").objects.exclude(status="SUCCESSFUL")
    for job in jobs.filter(task_path__in=DELIVER).iterator(chunk_size=1000):
        try:
            delivery_pk, _arguments = job.args_kwargs["args"]
            key = deliveries.filter(pk=delivery_pk).values_list("key", flat=True).first()
        except (KeyError, TypeError, ValueError):
            continue  # It was damaged before.
        if key is not None:
            job.args_kwargs = {"args": [delivery_pk, {"emailed_in": key}], "kwargs": {}}
            job.save(update_fields=["args_kwargs"])


def check_constraints(apps, schema_editor):
    """PostgreSQL doesn't change a table whose deferred constraints it has yet to check."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0023_notifications"),
        ("django_tasks_database", "0021_conditional_partial_index_ordering"),
    ]

    operations = [
        migrations.RunPython(copy_rows),
        migrations.RunPython(count_followers),
        migrations.RunPython(update_jobs),
        migrations.RunPython(check_constraints),
        migrations.DeleteModel("FollowNotice"),
        migrations.DeleteModel("FollowerChange"),
        migrations.DeleteModel("Milestone"),
    ]
