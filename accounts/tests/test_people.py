import pytest

from accounts.models import User
from accounts.tests.factories import FollowFactory, UserFactory


def names(response):
    return [person.username for person in response.context["page"]]


@pytest.fixture
def famous(member):
    """A person with 35 followers, of which follower0 was the first."""
    famous = UserFactory(username="famous")
    for number in range(35):
        FollowFactory(follower=UserFactory(username=f"follower{number}"), followed=famous)
    return famous


def test_followers_come_newest_first_and_page_without_gaps(member_client, famous):
    first = member_client.get("/@famous/followers/")
    assert names(first) == [f"follower{n}" for n in range(34, 4, -1)]

    older = member_client.get("/@famous/followers/", {"before": first.context["page"].older})
    assert names(older) == [f"follower{n}" for n in range(4, -1, -1)]
    assert older.context["page"].older is None

    newer = member_client.get("/@famous/followers/", {"after": older.context["page"].newer})
    assert names(newer) == names(first)


def test_followed_people_come_newest_first(member, member_client):
    for name in ("bob", "cleo", "dora"):
        FollowFactory(follower=member, followed=UserFactory(username=name))

    assert names(member_client.get("/@ada/following/")) == ["dora", "cleo", "bob"]


def test_suspended_people_are_not_listed_or_counted(member_client, famous, run_jobs):
    User.objects.get(username="follower34").suspend()
    run_jobs()

    assert names(member_client.get("/@famous/followers/"))[0] == "follower33"
    assert User.objects.get(username="famous").follower_count == 34
    assert "follower34" not in names(member_client.get("/users/", {"q": "follower34"}))

    famous.suspend()
    run_jobs()
    assert member_client.get("/@famous/followers/").status_code == 404
    assert User.objects.get(username="follower1").following_count == 0


def test_the_directory_starts_with_the_most_followed(member_client, famous):
    second = UserFactory(username="second")
    FollowFactory(followed=second)
    FollowFactory(followed=second)

    first = member_client.get("/users/")
    assert names(first)[:2] == ["famous", "second"]
    assert len(names(first)) == 30

    seen = names(first)
    page = first.context["page"]
    while page.older is not None and len(seen) < 100:
        response = member_client.get("/users/", {"before": page.older})
        page = response.context["page"]
        seen += names(response)
    assert sorted(seen) == sorted(User.objects.values_list("username", flat=True))


def test_searching_finds_names_in_any_case(member_client):
    UserFactory(username="grace_hopper", display_name="Grace Hopper")
    UserFactory(username="hedy")

    assert names(member_client.get("/users/", {"q": "HOPPER grace"})) == ["grace_hopper"]
    assert names(member_client.get("/users/", {"q": "@hedy"})) == ["hedy"]
    nobody = member_client.get("/users/", {"q": "<b>zz\x00%"})
    assert names(nobody) == []
    assert "Nobody here is called “&lt;b&gt;zz" in nobody.content.decode()


def test_each_row_shows_whether_the_member_follows_the_person(member, member_client, famous):
    FollowFactory(follower=member, followed=famous)

    rows = {person.username: person.is_followed for person in member_client.get("/users/").context["page"]}
    assert rows["famous"] is True
    assert rows["follower1"] is False


def test_htmx_gets_only_the_next_rows(member_client, famous):
    response = member_client.get("/@famous/followers/", headers={"HX-Request": "true"})

    assert response.content.decode().count('class="person"') == 30
    assert "<html" not in response.content.decode()
    assert "HX-Request" in response["Vary"]


def test_lists_are_for_members(client, famous):
    for path in ("/users/", "/@famous/followers/", "/@famous/following/"):
        assert client.get(path).url.startswith("/users/login/")


@pytest.mark.parametrize("path", ["/users/", "/@famous/followers/", "/@famous/following/"])
def test_a_nonsense_cursor_is_not_found(member_client, famous, path):
    assert member_client.get(path, {"before": "abc"}).status_code == 404
    assert member_client.get(path, {"after": "abc"}, headers={"HX-Request": "true"}).status_code == 404


@pytest.mark.parametrize("path", ["/users/", "/@ada/followers/", "/@ada/following/"])
def test_empty_lists_say_why_and_what_to_do(member_client, path):
    response = member_client.get(path, {"q": "nobody at all"})

    assert 'class="empty"' in response.content.decode()


@pytest.mark.parametrize("path", ["/users/", "/@famous/followers/"])
def test_queries_do_not_grow_with_rows(
    member_client, famous, path, django_assert_max_num_queries, django_assert_num_queries
):
    with django_assert_max_num_queries(5) as captured:
        assert len(names(member_client.get(path))) == 30
    User.objects.filter(username__startswith="follower").exclude(username="follower34").delete()
    with django_assert_num_queries(len(captured)):
        member_client.get(path)
