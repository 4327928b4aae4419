from django.db import migrations

# What the last period of a periodic task was stored under, and is now.
NAMES = {
    "accounts.tasks.make_digests": "emails.send_digests",
    "accounts.tasks.sweep_accounts": "security.reconcile_accounts",
    "accounts.tasks.recount_some": "accounts.recount_next",
    "accounts.tasks.prune": "accounts.prune",
    "socializer.sitemaps.store_parts": "sitemap.store_parts",
}


def rename(apps, names):
    turns = apps.get_model("accounts", "Turn").objects
    for old, new in names.items():
        turns.filter(name=new).delete()
        turns.filter(name=old).update(name=new)


def rename_forwards(apps, schema_editor):
    """No period runs twice, and none is left out."""
    rename(apps, NAMES)


def rename_backwards(apps, schema_editor):
    rename(apps, {new: old for old, new in NAMES.items()})


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0018_admin_filters'),
    ]

    operations = [
        migrations.RunPython(rename_forwards, rename_backwards),
    ]
