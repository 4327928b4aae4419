from django.db import migrations

PERMISSIONS = [
    ("invitation", "view_invitation", "Can view invitation"),
    ("invitation", "change_invitation", "Can change invitation"),
    ("invitationuse", "view_invitationuse", "Can view use of an invitation"),
]


def let_moderators_view_invitations(apps, schema_editor):
    """Give the groups that may read the record the new permissions to see invitations and take them back, too."""
    Group = apps.get_model("auth", "Group")
    Permission = apps.get_model("auth", "Permission")
    groups = list(
        Group.objects.filter(
            permissions__content_type__app_label="accounts", permissions__codename="view_moderationaction"
        ).distinct()
    )
    if not groups:
        return  # Permissions are created after the migrations, and a new site needs nothing else.
    for model, codename, name in PERMISSIONS:
        content_type, _created = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
            app_label="accounts", model=model
        )
        permission, _created = Permission.objects.get_or_create(
            content_type=content_type, codename=codename, defaults={"name": name}
        )
        for group in groups:
            group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0041_joining"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.RunPython(let_moderators_view_invitations, migrations.RunPython.noop, elidable=True),
    ]
