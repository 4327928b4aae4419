from django.db import migrations


def delete_permissions(apps, schema_editor):
    """Delete the permissions of the removed model, so that the group of moderators has only those that mean something."""
    content_types = apps.get_model("contenttypes", "ContentType").objects.filter(
        app_label="posts", model="reportedpost"
    )
    apps.get_model("auth", "Permission").objects.filter(content_type__in=content_types).delete()
    content_types.delete()


class Migration(migrations.Migration):
    dependencies = [
        ("posts", "0013_delete_report"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.DeleteModel(name="ReportedPost"),
        migrations.RunPython(delete_permissions, migrations.RunPython.noop, elidable=True),
    ]
