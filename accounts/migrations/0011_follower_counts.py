import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Count, Exists, F, OuterRef, Subquery, Value
from django.db.models.functions import Coalesce

import accounts.common.fields
from accounts.models.name import words_of

BATCH = 5_000


def count_follows(apps, schema_editor):
    """Store everybody's counts, in one statement."""
    user, follow = apps.get_model("accounts", "User"), apps.get_model("accounts", "Follow")
    people = user.objects.using(schema_editor.connection.alias)

    def count(mine, theirs):
        suspended = user.objects.filter(pk=OuterRef(theirs), suspended_on__isnull=False)
        follows = follow.objects.filter(~Exists(suspended), **{mine: OuterRef("pk")}).order_by()
        return Coalesce(Subquery(follows.values(mine).annotate(count=Count("pk")).values("count")), 0)

    people.update(follower_count=count("followed", "follower"), following_count=count("follower", "followed"))


def store_name_words(apps, schema_editor):
    user, name_word = apps.get_model("accounts", "User"), apps.get_model("accounts", "NameWord")
    people = user.objects.using(schema_editor.connection.alias).order_by("pk")
    words, last = name_word.objects.using(schema_editor.connection.alias), 0
    while batch := list(people.filter(pk__gt=last).values_list("pk", "username", "display_name")[:BATCH]):
        last = batch[-1][0]
        words.bulk_create(
            [name_word(user_id=pk, word=word) for pk, *names in batch for word in words_of(*names)],
            batch_size=BATCH,
        )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0010_rate_limits")]

    operations = [
        migrations.CreateModel(
            name="ScanPosition",
            fields=[
                ("name", models.CharField(max_length=100, primary_key=True, serialize=False)),
                ("position", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="NameWord",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("word", models.BinaryField()),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="name_words",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["word", "user"], name="name_word_users")],
                "constraints": [models.UniqueConstraint(fields=("user", "word"), name="name_word_unique")],
            },
        ),
        migrations.AddField(
            model_name="user",
            name="follower_count",
            field=accounts.common.fields.CountField(
                db_default=0, default=0, editable=False, verbose_name="followers"
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="following_count",
            field=accounts.common.fields.CountField(
                db_default=0, default=0, editable=False, verbose_name="following"
            ),
        ),
        migrations.RunPython(count_follows, migrations.RunPython.noop, elidable=True),
        migrations.AddField(
            model_name="user",
            name="rank",
            field=models.GeneratedField(
                db_persist=True,
                expression=(F("follower_count") + 1) * Value(2**32, models.BigIntegerField()) - F("id"),
                output_field=models.BigIntegerField(),
            ),
        ),
        migrations.AddIndex("user", models.Index(fields=["rank"], name="user_rank")),
        migrations.RunPython(store_name_words, migrations.RunPython.noop, elidable=True),
    ]
