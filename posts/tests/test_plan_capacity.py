import re
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from posts.capacity import STRATEGIES, Load, advice, need_of

SMALL = Load(members=1_000, views=5_000, posts=500, follows=50)
LARGE = Load(members=100_000_000, views=1_000_000_000, posts=50_000_000, follows=150)


def test_a_small_site_fits_on_one_machine():
    need = need_of(SMALL, "normalized")
    assert need.web_cores + need.database_cores < 1
    assert need.memory < 1
    assert list(advice(SMALL)) == []


def test_a_large_one_is_split_in_every_part():
    assert [words.partition(":")[0] for words in advice(LARGE)] == [
        "Web",
        "Reads",
        "Posts",
        "Writes",
        "Lists",
    ]


def test_at_a_million_members_only_the_web_machines_are_split():
    load = Load(members=1_000_000, views=10_000_000, posts=500_000, follows=150)
    assert [words.partition(":")[0] for words in advice(load)] == ["Web"]


# Worked out by hand, from the figures in docs/timelines.md, for numbers that make it easy: 10 views and 1 post a second, at
# the busiest 30 and 3; 86,400 members who follow 100 others each.
BY_HAND_LOAD = Load(members=86_400, views=864_000, posts=86_400, follows=100)
# 33 requests of 6 ms take 198 ms of each second; machines that are filled to 60 % need .33 cores for it.
# 86,400 posts a day are 94,608,000 in three years, of 290 bytes: 27.44 GB. A member takes 700 bytes and 190 for each follow,
# 19,700: 1.70 GB. A fortieth of both is used all the time, and so are the follows of the .3 of them who are active: 1.22 GB.
BY_HAND = {
    # 30 pages of 1 ms and 100 heads of .005 ms are 45 ms, 3 posts of 2.5 ms are 7.5 ms.
    "normalized": {"database": 0.0875, "redis": 0, "memory": 1.221, "cost": 16.15},
    # 30 pages of 1.2 ms are 36 ms. Redis: 30 looks of .03 ms, and 3 posts pushed to 30 lists each of .008 ms.
    # Lists of 400 entries of 24 bytes, for 25,920 active members, take .249 GB.
    "fanout_write": {"database": 0.0725, "redis": 0.0027, "memory": 1.470, "cost": 16.90},
    # Redis: 30 looks of .03 ms and 100 merges of .0006 ms. 480 bytes for each member, and 6 for each follow of active ones.
    "fanout_read": {"database": 0.0725, "redis": 0.00465, "memory": 1.278, "cost": 16.17},
}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_model_finds_what_is_worked_out_by_hand(strategy):
    need, expected = need_of(BY_HAND_LOAD, strategy), BY_HAND[strategy]
    assert need.web_cores == pytest.approx(0.33)
    assert need.storage == pytest.approx(29.14, rel=0.001)
    assert need.database_cores == pytest.approx(expected["database"])
    assert need.redis_cores == pytest.approx(expected["redis"])
    assert need.memory == pytest.approx(expected["memory"], rel=0.001)
    assert need.cost == pytest.approx(expected["cost"], rel=0.001)


def test_the_documentation_says_what_the_model_finds():
    text = (Path(settings.BASE_DIR) / "docs" / "scaling.md").read_text()
    rows = re.findall(r"^\| ([\d,]+) \|" + r" ([\d.,]+) \|" * 6 + "$", text, re.M)
    assert len(rows) == 5
    for row in rows:
        members, views, posts, *figures = (float(figure.replace(",", "")) for figure in row)
        need = need_of(Load(int(members), int(views), int(posts), 150), "normalized")
        found = need.web_cores, need.database_cores, need.memory, need.storage
        for one, other, places in zip(found, figures, (1, 1, 1, 0), strict=True):
            assert round(one, places) == other


def test_it_explains_what_others_have_published():
    """300,000 looks a second at .03 ms each are nine full cores, 15 at 60 %: docs/scaling.md."""
    looks = Load(10**9, 100_000 * 86_400, 1, 1)
    assert need_of(looks, "fanout_write").redis_cores == pytest.approx(15, rel=0.01)


PARTS = ("web_cores", "database_cores", "redis_cores", "memory", "storage", "cost")


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("more", ["members", "views", "posts", "follows"])
def test_more_of_anything_never_takes_less(strategy, more):
    """Among those who follow no more than a walk pays for: see the test of readers of many."""
    load = Load(members=10_000, views=100_000, posts=10_000, follows=50)
    for factor in (2, 3, 9):
        larger = replace(load, **{more: getattr(load, more) * factor})
        for part in PARTS:
            assert getattr(need_of(larger, strategy), part) >= getattr(need_of(load, strategy), part)
        assert need_of(larger, strategy).cost > need_of(load, strategy).cost


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_twice_the_site_pays_twice(strategy):
    twice = Load(LARGE.members * 2, LARGE.views * 2, LARGE.posts * 2, LARGE.follows)
    assert need_of(twice, strategy).cost == pytest.approx(2 * need_of(LARGE, strategy).cost)


def test_fan_out_on_write_pays_for_many_views_and_few_posts():
    def saves(views, posts):
        load = Load(1_000_000, views, posts, 400)
        write, normalized = need_of(load, "fanout_write"), need_of(load, "normalized")
        return normalized.database_cores - write.database_cores - write.redis_cores

    assert saves(views=100_000_000, posts=100_000) > 0 > saves(views=1_000_000, posts=10_000_000)


def test_readers_of_many_walk_and_in_vain_where_they_follow_too_small_a_part():
    def cores_a_look(members, follows):
        return need_of(Load(members, 1_000_000, 1, follows), "normalized").database_cores

    few, many = (cores_a_look(100_000, follows) for follows in (450, 550))
    assert many < few
    assert cores_a_look(100_000_000, 550) > cores_a_look(100_000_000, 450)


def test_the_command_prints_a_row_for_each_strategy(capsys):
    call_command("plan_capacity", members=100_000_000, views=10**9, posts=5 * 10**7, follows=150)
    said = capsys.readouterr().out
    assert all(strategy in said for strategy in STRATEGIES)
    normalized = next(line for line in said.splitlines() if "normalized" in line)
    # As in docs/scaling.md; 20 for a core, 4 for a gigabyte of memory, .1 of disk, of what is not rounded.
    assert re.findall(r"[\d,.]+", normalized) == ["364.6", "108.5", "0.0", "1,324.9", "18,797.5", "16,641"]
    assert "Citus" in said


def test_nonsense_is_refused():
    with pytest.raises(CommandError):
        call_command("plan_capacity", "--members", "0", "--views", "1", "--posts", "1", "--follows", "1")
