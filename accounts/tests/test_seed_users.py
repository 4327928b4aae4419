from io import StringIO

import pytest
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command

from accounts.models import Follow, Milestone, User
from accounts.seeding.command import DEMO_PASSWORD
from accounts.seeding.names import LANGUAGES
from accounts.seeding.people import language_of, seeded_people
from accounts.tests.factories import UserFactory


def seed(**options):
    out = StringIO()
    call_command("seed_users", stdout=out, stderr=out, **({"count": 200, "follows": 12, "seed": 7} | options))
    return out.getvalue()


def network():
    """What seeding made, without times and primary keys."""
    people = list(User.objects.order_by("pk").values_list("username", "email", "display_name", "bio"))
    follows = set(Follow.objects.values_list("follower__username", "followed__username"))
    return people, follows


@pytest.mark.django_db
def test_the_same_seed_makes_the_same_network_and_another_another():
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
def test_people_are_believable_and_can_log_in():
    said = seed()

    people = User.objects.all()
    assert people.count() == EmailAddress.objects.filter(verified=True, primary=True).count() == 200
    for person in people:
        person.full_clean()
    assert {language_of(person) for person in people} == set(LANGUAGES)
    assert people[0].check_password(DEMO_PASSWORD)
    assert DEMO_PASSWORD in said


@pytest.mark.django_db
def test_a_few_are_very_well_known():
    seed()

    counts = sorted(User.objects.values_list("follower_count", flat=True), reverse=True)
    assert 8 * 200 < sum(counts) < 16 * 200
    assert counts[0] > 5 * counts[100]
    assert counts[100] > 0


@pytest.mark.django_db
def test_running_again_adds_only_what_is_missing():
    seed(count=50)
    before = set(User.objects.values_list("username", flat=True))
    assert "Made 0 people and 0 follows" in seed(count=50)

    seed(count=80)
    assert set(User.objects.values_list("username", flat=True)) > before
    assert User.objects.count() == 80


@pytest.mark.django_db
def test_a_name_that_a_member_has_is_left_to_them():
    seed(count=3)
    names = list(User.objects.order_by("pk").values_list("username", flat=True))
    User.objects.all().delete()
    UserFactory(username=names[1])

    seed(count=3)
    assert set(User.objects.values_list("username", flat=True)) == {*names, f"{names[1]}_7"}


@pytest.mark.django_db
def test_a_dry_run_makes_nothing():
    assert "Would make 200 of 200 people" in seed(dry_run=True)
    assert not User.objects.exists()


@pytest.mark.django_db
def test_a_site_on_the_internet_is_refused_unless_forced(settings):
    settings.LOCAL = False
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
def test_what_made_up_people_have_reached_is_known_and_will_be_no_news():
    seed(count=60, follows=20)

    known = seeded_people().order_by("-follower_count").first()
    assert known.follower_count > 10
    assert set(known.milestones.values_list("threshold", flat=True)) == {10}
    assert not Milestone.objects.filter(user__in=seeded_people().filter(followed_by=None)).exists()
