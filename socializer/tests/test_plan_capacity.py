import re
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from posts.timelines import TIMELINES
from socializer.benchmark.capacity import COSTS, Load, advice, need_of

# It uses no database, or one of its own, so testing it on one engine is enough.
pytestmark = pytest.mark.any_engine

SMALL = Load(members=1_000, views=5_000, posts=500, follows=50)
LARGE = Load(members=100_000_000, views=1_000_000_000, posts=50_000_000, follows=150)


def test_a_small_site_fits_on_one_machine():
    need = need_of(SMALL, "normalized")
    assert need.web_cores + need.database_cores < 1
    assert need.memory < 1
    assert list(advice(SMALL)) == []


def test_a_large_site_is_split_in_every_part():
    assert [sentence.partition(":")[0] for sentence in advice(LARGE)] == [
        "Web",
        "Reads",
        "Posts",
        "Writes",
        "Lists",
    ]


def test_at_a_million_members_only_the_web_machines_are_split():
    load = Load(members=1_000_000, views=10_000_000, posts=500_000, follows=150)
    assert [sentence.partition(":")[0] for sentence in advice(load)] == ["Web"]


# Calculated by hand from the figures in docs/timelines.md, with numbers that make it easy: 10 views and 1 post a second, 30 and 3
# in the busiest hour; 86,400 members who follow 100 people each.
BY_HAND_LOAD = Load(members=86_400, views=864_000, posts=86_400, follows=100)
# 33 requests of 6 ms take 198 ms of each second. At 60 % utilization this needs .33 cores.
# 86,400 posts a day are 94,608,000 in three years, with 290 bytes each: 27.44 GB. A member takes 700 bytes and 190 for each
# follow, 19,700: 1.70 GB. A fortieth of both is used all the time, and the follows of the active 30 % are too: 1.22 GB.
BY_HAND = {
    # 30 pages of 1 ms and 100 latest posts of .005 ms are 45 ms, 3 posts of 2.5 ms are 7.5 ms.
    "normalized": {"database": 0.0875, "redis": 0, "memory": 1.221},
    # 30 pages of 1.2 ms are 36 ms. Redis: 30 reads of .03 ms, and 3 posts pushed to 30 lists each of .008 ms.
    # Lists of 400 entries of 24 bytes, for 25,920 active members, take .249 GB.
    "fanout_write": {"database": 0.0725, "redis": 0.0027, "memory": 1.470},
    # Redis: 30 reads of .03 ms and 100 merges of .0006 ms. 480 bytes for each member, and 6 for each follow of active ones.
    "fanout_read": {"database": 0.0725, "redis": 0.00465, "memory": 1.278},
}


def test_every_timeline_has_its_costs():
    assert COSTS.keys() == TIMELINES.keys() == BY_HAND.keys()


@pytest.mark.parametrize("timeline", TIMELINES)
def test_the_model_finds_what_was_calculated_by_hand(timeline):
    need, expected = need_of(BY_HAND_LOAD, timeline), BY_HAND[timeline]
    assert need.web_cores == pytest.approx(0.33)
    assert need.storage == pytest.approx(29.14, rel=0.001)
    assert need.database_cores == pytest.approx(expected["database"])
    assert need.redis_cores == pytest.approx(expected["redis"])
    assert need.memory == pytest.approx(expected["memory"], rel=0.001)


def test_the_documentation_has_the_figures_of_the_model():
    text = (Path(settings.BASE_DIR) / "docs" / "scaling.md").read_text()
    rows = re.findall(r"^\| ([\d,]+) \|" + r" ([\d.,]+) \|" * 6 + "$", text, re.M)
    assert len(rows) == 3
    for row in rows:
        members, views, posts, *figures = (figure.replace(",", "") for figure in row)
        need = need_of(Load(int(members), int(views), int(posts), 150), "normalized")
        values = need.web_cores, need.database_cores, need.memory, need.storage
        for value, figure in zip(values, figures, strict=True):
            decimals = len(figure.partition(".")[2])
            assert f"{value:.{decimals}f}" == figure


def test_the_model_agrees_with_published_figures():
    """300,000 reads a second of .03 ms each need nine cores, or 15 at 60 %. See docs/scaling.md."""
    load = Load(10**9, 100_000 * 86_400, 1, 1)
    assert need_of(load, "fanout_write").redis_cores == pytest.approx(15, rel=0.01)


PARTS = ("web_cores", "database_cores", "redis_cores", "memory", "storage")


@pytest.mark.parametrize("timeline", TIMELINES)
@pytest.mark.parametrize("more", ["members", "views", "posts", "follows"])
def test_a_larger_site_never_needs_less(timeline, more):
    """While members follow few people. Otherwise the recency scan can need less."""
    load = Load(members=10_000, views=100_000, posts=10_000, follows=50)
    for factor in (2, 3, 9):
        larger = replace(load, **{more: getattr(load, more) * factor})
        for part in PARTS:
            assert getattr(need_of(larger, timeline), part) >= getattr(need_of(load, timeline), part)
        assert need_of(larger, timeline) != need_of(load, timeline)


@pytest.mark.parametrize("timeline", TIMELINES)
def test_twice_the_site_needs_twice_as_much(timeline):
    twice = Load(LARGE.members * 2, LARGE.views * 2, LARGE.posts * 2, LARGE.follows)
    for part in PARTS:
        needed = getattr(need_of(twice, timeline), part)
        assert needed == pytest.approx(2 * getattr(need_of(LARGE, timeline), part))


def test_fan_out_on_write_pays_for_many_views_and_few_posts():
    def saves(views, posts):
        load = Load(1_000_000, views, posts, 400)
        write, normalized = need_of(load, "fanout_write"), need_of(load, "normalized")
        return normalized.database_cores - write.database_cores - write.redis_cores

    assert saves(views=100_000_000, posts=100_000) > 0 > saves(views=1_000_000, posts=10_000_000)


def test_the_recency_scan_helps_unless_readers_follow_too_small_a_share():
    def cores_for(members, follows):
        return need_of(Load(members, 1_000_000, 1, follows), "normalized").database_cores

    few, many = (cores_for(100_000, follows) for follows in (450, 550))
    assert many < few
    assert cores_for(100_000_000, 550) > cores_for(100_000_000, 450)


def test_the_command_prints_a_row_for_each_timeline(capsys):
    call_command("plan_capacity", members=100_000_000, views=10**9, posts=5 * 10**7, follows=150)
    output = capsys.readouterr().out
    assert all(timeline in output for timeline in TIMELINES)
    normalized = next(line for line in output.splitlines() if "normalized" in line)
    # As in docs/scaling.md.
    assert re.findall(r"[\d,.]+", normalized) == ["364.6", "108.5", "0.0", "1,324.9", "18,797.5"]
    assert "Citus" in output


def test_a_site_without_members_is_refused():
    with pytest.raises(CommandError):
        call_command("plan_capacity", "--members", "0", "--views", "1", "--posts", "1", "--follows", "1")
