"""Making a site for measurements, and comparing two sites."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.emails.models import Delivery
from accounts.models import Follow, NameWord, User
from posts.models import Post


def run(command, *args, **options):
    out = StringIO()
    call_command(command, *args, stdout=out, stderr=StringIO(), **options)
    return out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_a_made_up_site_is_measured_and_compared(tmp_path):
    output = run("bench_fill", people=300, follows=6_000, posts=3_000)
    assert "300 people" in output
    assert list(User.objects.miscounted()) == []
    assert NameWord.store(User.objects.all()) == 0

    before = (User.objects.count(), Post.objects.count(), Follow.objects.count(), Delivery.objects.count())
    file = tmp_path / "small.json"
    table = run("bench_pages", rounds=2, json=file)
    for name in ("home, 300 unread", "directory, very many match", "post", "task: accounts.recount_next"):
        assert name in table
    medians = json.loads(file.read_text())
    assert all(median > 0 for median in medians.values())

    assert "ratio" in run("bench_pages", rounds=2, compare=file)
    after = (User.objects.count(), Post.objects.count(), Follow.objects.count(), Delivery.objects.count())
    assert after == before
    with pytest.raises(CommandError, match="Fill an empty one"):
        run("bench_fill")


def test_without_static_files_the_command_says_what_to_do(db, settings, tmp_path):
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}
    }
    with pytest.raises(CommandError, match="Run manage.py collectstatic first"):
        run("bench_pages")
