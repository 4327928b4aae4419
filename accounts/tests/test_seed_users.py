from io import StringIO

import pytest
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command

from accounts.common.seeding import DEMO_PASSWORD
from accounts.models import Follow, User
from accounts.seeding.names import LANGUAGES
from accounts.seeding.people import language_of, seeded_people
from accounts.tests.factories import UserFactory


def seed(**options):
    out = StringIO()
    call_command("seed_users", stdout=out, stderr=out, **({"count": 200, "follows": 12, "seed": 7} | options))
    return out.getvalue()


def network():
    """Return the seeded people and follows, without times and primary keys."""
    people = list(User.objects.order_by("pk").values_list("username", "email", "display_name", "bio"))
    follows = set(Follow.objects.values_list("follower__username", "followed__username"))
    return people, follows


@pytest.mark.django_db
def test_the_same_seed_makes_the_same_network_and_another_seed_a_different_one():
    seed()
    first = network()
    User.objects.all().delete()
    seed()
    again = network()
    User.objects.all().delete()
    seed(seed=8)

    assert again == first
    assert network() != first


@pytest.mark.django_db
def test_people_look_real_and_can_log_in():
    output = seed()

    people = User.objects.all()
    assert people.count() == EmailAddress.objects.filter(verified=True, primary=True).count() == 200
    for person in people:
        person.full_clean()
    assert {language_of(person) for person in people} == set(LANGUAGES)
    assert people[0].check_password(DEMO_PASSWORD)
    assert DEMO_PASSWORD in output


@pytest.mark.django_db
def test_a_few_people_are_very_popular():
    seed()

    counts = sorted(User.objects.values_list("follower_count", flat=True), reverse=True)
    assert 8 * 200 < sum(counts) < 16 * 200
    assert counts[0] > 5 * counts[100]
    assert counts[100] > 0


@pytest.mark.django_db
def test_added_people_follow_as_many_as_requested_and_have_followers():
    seed(count=200, follows=20)
    output = seed(count=260, follows=20)

    assert 16 * 260 < Follow.objects.count() < 24 * 260
    assert output.startswith("Added 60 people and ")
    assert (
        output.split()[4]
        == f"{Follow.objects.filter(follower__in=User.objects.order_by('-pk')[:60]).count():,}"
    )
    assert Follow.objects.filter(followed__in=User.objects.order_by("-pk")[:60]).count() > 60
    assert "Added 0 people and 0 follows." in seed(count=260, follows=20)


@pytest.mark.django_db
@pytest.mark.parametrize(("count", "follows"), [(1, 5), (2, 5), (6, 40), (60, 20), (200, 1)])
def test_running_again_adds_nothing_however_few_there_are(count, follows):
    seed(count=count, follows=follows)
    before = Follow.objects.count()
    assert "Added 0 people and 0 follows." in seed(count=count, follows=follows)
    assert Follow.objects.count() == before


@pytest.mark.django_db
def test_more_follows_are_added_and_none_removed():
    seed(count=100, follows=5)
    before = set(Follow.objects.values_list("pk", flat=True))
    seed(count=100, follows=10)
    after = set(Follow.objects.values_list("pk", flat=True))
    assert before < after
    assert 8 * 100 < len(after) < 12 * 100
    assert "Added 0 people and 0 follows." in seed(count=100, follows=5)


@pytest.mark.django_db
def test_only_deleted_rows_are_added_again():
    seed(count=60, follows=6)
    first = network()[1]
    Follow.objects.filter(pk__in=list(Follow.objects.values_list("pk", flat=True)[:7])).delete()
    assert "Added 0 people and 7 follows." in seed(count=60, follows=6)
    assert network()[1] == first

    User.objects.order_by("pk")[10].leave()
    assert "Added 1 people and " in seed(count=60, follows=6)
    assert User.objects.count() == 60
    assert "Added 0 people and 0 follows." in seed(count=60, follows=6)


@pytest.mark.django_db
def test_no_follow_is_added_across_a_block():
    seed(count=10, follows=20)
    one, other = User.objects.order_by("pk")[:2]
    one.block(other)
    assert "Added 0 people and 0 follows." in seed(count=10, follows=20)
    assert not Follow.objects.filter(follower__in=[one, other], followed__in=[one, other]).exists()


@pytest.mark.django_db
def test_running_again_adds_only_missing_rows():
    seed(count=50)
    before = set(User.objects.values_list("username", flat=True))
    assert "Added 0 people and 0 follows" in seed(count=50)

    seed(count=80)
    assert set(User.objects.values_list("username", flat=True)) > before
    assert User.objects.count() == 80


@pytest.mark.django_db
def test_a_username_that_a_member_has_is_not_used():
    seed(count=3)
    names = list(User.objects.order_by("pk").values_list("username", flat=True))
    User.objects.all().delete()
    UserFactory(username=names[1])

    seed(count=3)
    assert set(User.objects.values_list("username", flat=True)) == {*names, f"{names[1]}_7"}


@pytest.mark.django_db
def test_retired_usernames_and_taken_replacements_are_not_used():
    seed(count=3)
    names = list(User.objects.order_by("pk").values_list("username", flat=True))
    User.objects.all().delete()
    for taken in (names[1], f"{names[1]}_7"):
        UserFactory(username=taken)
    UserFactory(username=names[2]).leave()

    seed(count=3)
    seeded = set(seeded_people().values_list("username", flat=True))
    assert seeded == {names[0], f"{names[1]}_7_2", f"{names[2]}_7"}
    assert "Added 0 people and 0 follows." in seed(count=3)


@pytest.mark.django_db
def test_two_seeds_can_have_people_with_the_same_name():
    for each in (7, 8):
        seed(count=200, seed=each)
    assert User.objects.count() == 400
    for each in (7, 8):
        assert "Added 0 people and 0 follows." in seed(count=200, seed=each)


@pytest.mark.django_db
def test_a_dry_run_stores_nothing():
    preview = seed(dry_run=True)
    assert not User.objects.exists()
    made = seed()
    assert "Would add 200 of 200 people and " in preview
    assert preview.split()[-2:] == made.splitlines()[0].split()[-2:]
    assert "Would add 0 of 200 people and 0 follows." in seed(dry_run=True)


@pytest.mark.django_db
def test_a_site_on_the_internet_is_refused_unless_forced(settings):
    settings.SITE_URL = "https://social.example.com"
    with pytest.raises(CommandError, match="--force"):
        seed(count=5)

    seed(count=5, force=True)
    assert User.objects.count() == 5
    assert not any(person.has_usable_password() for person in User.objects.all())


@pytest.mark.parametrize(
    "wrong", ["--count=0", "--count=-3", "--count=many", "--seed=-1", "--seed=1234567890", "--follows=0"]
)
def test_nonsense_numbers_are_refused(wrong):
    with pytest.raises(CommandError):
        call_command("seed_users", wrong)


@pytest.mark.django_db
def test_made_up_people_have_the_milestones_of_their_followers():
    seed(count=60, follows=20)

    known = seeded_people().order_by("-follower_count").first()
    assert known.follower_count > 10
    assert known.milestone == 10
    assert not seeded_people().filter(followed_by=None, milestone__gt=0).exists()
