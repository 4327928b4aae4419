from django.db import migrations


def let_moderators_view_rules(apps, schema_editor):
    """Give the groups that may read the record the new permission to read the rules, too."""
    Group = apps.get_model("auth", "Group")
    Permission = apps.get_model("auth", "Permission")
    groups = Group.objects.filter(
        permissions__content_type__app_label="accounts", permissions__codename="view_moderationaction"
    ).distinct()
    if not groups:
        return  # Permissions are created after the migrations, and a new site needs nothing else.
    content_type, _created = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="accounts", model="rule"
    )
    permission, _created = Permission.objects.get_or_create(
        content_type=content_type, codename="view_rule", defaults={"name": "Can view rule"}
    )
    for group in groups:
        group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0033_moderator_index"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.RunPython(let_moderators_view_rules, migrations.RunPython.noop, elidable=True),
    ]
