"""collectstatic beside a running site: what its pages name stays there, and is whole."""

import os
import re
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles.finders import AppDirectoriesFinder
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from django.test import override_settings

from socializer.management.commands.collectstatic import KEEP

# It uses no database, or one of its own, so testing it on one engine is enough.
pytestmark = pytest.mark.any_engine

DAY = 24 * 3600
STORAGE = "whitenoise.storage.CompressedManifestStaticFilesStorage"


@pytest.fixture
def source(tmp_path):
    (tmp_path / "source").mkdir()
    with override_settings(
        STATIC_ROOT=tmp_path / "static",
        STATICFILES_DIRS=[tmp_path / "source"],
        STATICFILES_FINDERS=["django.contrib.staticfiles.finders.FileSystemFinder"],
        STORAGES={"staticfiles": {"BACKEND": STORAGE}},
    ):
        yield tmp_path / "source" / "site.css"


def collect(source, text, **options):
    """Collect once more, with this text in the style sheet. Returns where the file lies that pages then name."""
    source.write_text(text)
    call_command("collectstatic", interactive=False, verbosity=0, **options)
    root = source.parents[1] / "static"
    return root / staticfiles_storage.__class__(location=root).stored_name("site.css")


def make_older(path, seconds):
    for file in path.rglob("*"):
        os.utime(file, (file.stat().st_mtime - seconds,) * 2)


def test_it_collects_what_there_is_with_compressed_variants(source):
    hashed = collect(source, "body { color: red }\n" * 50)

    assert hashed.read_text() == source.read_text()
    assert hashed.with_name(f"{hashed.name}.br").exists()
    assert [path.name for path in source.parents[1].iterdir()] == ["source", "static"]


@pytest.mark.parametrize("clear", [False, True])
def test_what_earlier_pages_name_stays(source, clear):
    red, green = (collect(source, f"body {{ color: {colour} }}", clear=clear) for colour in ("red", "green"))

    assert red.exists()
    assert green.exists()
    assert source.parents[1].joinpath("static/site.css").read_text() == green.read_text()


def test_it_goes_some_time_after_it_was_replaced_not_after_it_was_made(source):
    red = collect(source, "body { color: red }")
    make_older(red.parent, KEEP.total_seconds() + DAY)
    collect(source, "body { color: green }")
    assert red.exists()

    make_older(red.parent, KEEP.total_seconds() - DAY)
    collect(source, "body { color: blue }")
    assert red.exists()

    make_older(red.parent, 2 * DAY)
    green = collect(source, "body { color: green }")
    assert not red.exists()
    assert green.exists()


def test_the_manifest_says_when_files_were_collected(source):
    before = int(time.time())
    manifest = collect(source, "body { color: red }").with_name("staticfiles.json")

    assert before <= manifest.stat().st_mtime <= time.time()


def test_the_start_of_the_site_notices_changes_of_all_static_files():
    """script/_release collects them only if one of these folders has changed."""
    root = Path(settings.BASE_DIR)
    watched = re.search(r'sources="requirements\.txt (.+)"', (root / "script/_release").read_text())[1]
    storages = AppDirectoriesFinder().storages.values()
    own = {Path(each.location) for each in storages if Path(each.location).parents[1] == root}
    assert own
    assert own == {root / each for each in watched.split()}
