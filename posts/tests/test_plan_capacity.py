import pytest
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
    assert len(list(advice(LARGE))) == 5


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_whoever_needs_more_pays_more(strategy):
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
    assert "Citus" in said


def test_nonsense_is_refused():
    with pytest.raises(CommandError):
        call_command("plan_capacity", "--members", "0", "--views", "1", "--posts", "1", "--follows", "1")
