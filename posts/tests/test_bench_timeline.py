from unittest import mock

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import User
from posts.timelines.normalized import NormalizedTimeline

SMALL = {"people": 60, "posts": 2000, "follows": [5, 30], "rounds": 5}


@pytest.mark.django_db
def test_it_measures_beside_the_sites_database_and_leaves_that_alone(capsys):
    name = connection.settings_dict["NAME"]
    call_command("bench_timeline", **SMALL)

    said = capsys.readouterr().out
    assert "SQLite, reader of 30" in said
    assert "timeline, ORM" in said
    assert connection.settings_dict["NAME"] == name
    assert not User.objects.exists()


@pytest.mark.django_db
def test_a_timeline_that_answers_wrongly_is_not_measured():
    posts = NormalizedTimeline.posts
    with mock.patch.object(NormalizedTimeline, "posts", lambda *args, **kwargs: posts(*args, **kwargs)[1:]):
        with pytest.raises(CommandError, match="another page than the definition"):
            call_command("bench_timeline", **SMALL)


@pytest.mark.parametrize("few", [{"rounds": 1}, {"posts": 5}])
def test_too_little_to_say_anything_is_refused(few):
    with pytest.raises(CommandError, match="says nothing"):
        call_command("bench_timeline", **few)


def test_more_follows_than_people_make_no_sense():
    with pytest.raises(CommandError, match="--people"):
        call_command("bench_timeline", people=10, follows=[10])
