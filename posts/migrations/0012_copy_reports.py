from django.db import migrations

COPY = """
    INSERT INTO accounts_report
        (id, reporter_id, subject_type, subject_id, subject_text, person_id, reason, note, created_on, closed_on)
    SELECT report.id, report.reporter_id, 'post', post.id, post.content, post.author_id, report.reason, report.note,
        report.created_on, report.closed_on
    FROM posts_report AS report JOIN posts_post AS post ON post.id = report.post_id
"""
# The next report gets an id above those that were copied.
SET_SEQUENCE = """
    SELECT setval(pg_get_serial_sequence('accounts_report', 'id'), GREATEST(max(id), 1), max(id) IS NOT NULL)
    FROM accounts_report
"""


def copy_reports(apps, schema_editor):
    schema_editor.execute(COPY)
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(SET_SEQUENCE)


def rename_content_type(apps, schema_editor):
    """Keep what refers to the model, such as permissions. A new database has no content types yet."""
    content_types = apps.get_model("contenttypes", "ContentType").objects.using(schema_editor.connection.alias)
    if not content_types.filter(app_label="accounts", model="report").exists():
        content_types.filter(app_label="posts", model="report").update(app_label="accounts")


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0027_report'),
        ('contenttypes', '0002_remove_content_type_name'),
        ('posts', '0011_fan_out_names'),
    ]

    operations = [
        migrations.RunPython(copy_reports, elidable=True),
        migrations.RunPython(rename_content_type, elidable=True),
    ]
