import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import accounts.common.fields

MODELS = {
    "mailplan": "digestschedule",
    "mailpreference": "notificationpreference",
    "refusedaddress": "suppressedaddress",
}


def rename_permissions(apps, schema_editor):
    """Moderators keep the permissions that they were given for renamed models."""
    permissions = apps.get_model("auth", "Permission").objects.filter(content_type__app_label="accounts")
    for old, new in MODELS.items():
        for action in ("add", "change", "delete", "view"):
            permissions.filter(codename=f"{action}_{old}").update(codename=f"{action}_{new}")


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0022_labels"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="milestone",
            field=accounts.common.fields.CountField(db_default=0, default=0, editable=False),
        ),
        # Digests.
        migrations.RenameModel("MailPlan", "DigestSchedule"),
        migrations.RemoveConstraint(model_name="digestschedule", name="mail_plan_unique"),
        migrations.RemoveIndex(model_name="digestschedule", name="mail_plan_due"),
        migrations.RenameField("digestschedule", "kind", "type"),
        migrations.RenameField("digestschedule", "told_until", "covered_until"),
        migrations.AlterField(
            model_name="digestschedule",
            name="recipient",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="digest_schedules",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="digestschedule",
            constraint=models.UniqueConstraint(fields=("recipient", "type"), name="digest_schedule_unique"),
        ),
        migrations.AddIndex(
            model_name="digestschedule",
            index=models.Index(
                models.F("due_on"), condition=models.Q(("due_on__isnull", False)), name="digest_schedule_due"
            ),
        ),
        # Preferences.
        migrations.RenameModel("MailPreference", "NotificationPreference"),
        migrations.RemoveConstraint(model_name="notificationpreference", name="mail_preference_unique"),
        migrations.RenameField("notificationpreference", "kind", "type"),
        migrations.RenameField("notificationpreference", "when", "frequency"),
        migrations.AlterField(
            model_name="notificationpreference",
            name="user",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="notification_preferences",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="notificationpreference",
            constraint=models.UniqueConstraint(
                fields=("user", "type"), name="notification_preference_unique"
            ),
        ),
        # Deliveries and addresses.
        migrations.RemoveConstraint(model_name="delivery", name="delivery_unique"),
        migrations.RemoveIndex(model_name="delivery", name="delivery_kind"),
        migrations.RenameField("delivery", "kind", "type"),
        migrations.RenameField("delivery", "tries", "attempts"),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.UniqueConstraint(fields=("recipient", "type", "key"), name="delivery_unique"),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                models.F("type"), models.OrderBy(models.F("id"), descending=True), name="delivery_type"
            ),
        ),
        migrations.RenameModel("RefusedAddress", "SuppressedAddress"),
        migrations.RenameField("suppressedaddress", "refused_on", "suppressed_on"),
        migrations.RunPython(rename_permissions, migrations.RunPython.noop, elidable=True),
        # Notifications.
        migrations.CreateModel(
            name="Notification",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("type", models.CharField(max_length=40)),
                ("subject", models.BigIntegerField(null=True)),
                ("group_key", models.CharField(max_length=100)),
                ("created_on", models.DateTimeField(default=django.utils.timezone.now)),
                ("emailed_in", models.CharField(blank=True, max_length=100)),
                (
                    "actor",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "recipient",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notifications",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        models.F("recipient"),
                        models.OrderBy(models.F("id"), descending=True),
                        name="notification_newest",
                    ),
                    models.Index(fields=["recipient", "emailed_in"], name="notification_emailed"),
                    models.Index(fields=["recipient", "created_on"], name="notification_time"),
                    models.Index(fields=["actor", "recipient"], name="notification_actor"),
                ],
            },
        ),
    ]
