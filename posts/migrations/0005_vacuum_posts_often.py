from django.db import migrations

# Timelines read the index alone, where the visibility map says that they may: a vacuum keeps that map, and clears away
# what was deleted. By default it waits until a fifth of the table has changed, which at ten million posts is weeks; dead
# entries make a timeline up to ten times slower until then.
OPTIONS = {
    "autovacuum_vacuum_scale_factor": 0.01,
    "autovacuum_vacuum_insert_scale_factor": 0.01,
    "autovacuum_analyze_scale_factor": 0.02,
}


def vacuum_often(apps, schema_editor):
    set_options(apps, schema_editor, "SET", ", ".join(f"{name} = {value}" for name, value in OPTIONS.items()))


def vacuum_as_usual(apps, schema_editor):
    set_options(apps, schema_editor, "RESET", ", ".join(OPTIONS))


def set_options(apps, schema_editor, verb, options):
    if schema_editor.connection.vendor == "postgresql":
        table = schema_editor.quote_name(apps.get_model("posts", "Post")._meta.db_table)
        schema_editor.execute(f"ALTER TABLE {table} {verb} ({options})")


class Migration(migrations.Migration):

    dependencies = [("posts", "0004_home_feed")]

    operations = [migrations.RunPython(vacuum_often, vacuum_as_usual, elidable=False)]
