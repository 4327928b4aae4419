"""The moderators' pages: the queue, a person and the record. What a decision does is tested in test_decisions.py."""

import re
from io import StringIO

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from accounts.moderation import queue
from accounts.moderation.decisions import Decision, decide
from accounts.moderation.models import Appeal, ModerationAction, ModeratorNote, Rule
from accounts.tests.factories import PASSWORD, UserFactory
from posts.models import Post
from posts.tests.factories import PostFactory, ReportFactory

QUEUE = "/admin/moderation/"


def client_of(user):
    client = Client()
    client.force_login(user)
    client.user = user
    return client


@pytest.fixture
def mo(db):
    call_command("appoint_moderator", UserFactory(username="mo").username, stdout=StringIO())
    return client_of(User.objects.get(username="mo"))


@pytest.fixture
def chief(db):
    return client_of(UserFactory(username="chief", is_staff=True, is_superuser=True))


@pytest.fixture
def post(db):
    post = PostFactory(author=UserFactory(username="ada", display_name="Ada"), content="Buy now")
    ReportFactory(post=post, note="Look <here>", reporter=UserFactory(username="eve"))
    return post


def cards(client, path=QUEUE):
    return [card.subject for card in client.get(path).context["cards"]]


def value_of(client, post):
    return next(card.value for card in client.get(QUEUE).context["cards"] if card.subject == post)


def press(client, post, decision, reason="", follow=True, **data):
    data = {"card": value_of(client, post), "decision": decision, "reason": reason} | data
    return client.post(QUEUE, data, follow=follow)


def text_of(response):
    return re.sub(r"\s+", " ", response.content.decode())


def test_the_queue_has_one_card_for_each_post_most_reported_first(mo, post):
    others = PostFactory.create_batch(2)
    ReportFactory(post=others[0])
    ReportFactory.create_batch(2, post=others[1])

    assert cards(mo) == [others[1], post, others[0]]


def test_a_card_shows_what_a_decision_needs(mo, post):
    earlier = PostFactory(author=post.author)
    ReportFactory(post=earlier, reason="abuse")
    earlier.hide(by=mo.user, reason="Rude")
    Post.objects.filter(pk=post.pk).update(content="Sell now")
    page = text_of(mo.get(QUEUE))

    for shown in (
        "Sell now", "Buy now", "Look &lt;here&gt;", "@eve", "Posts: 2", "It attacks or threatens someone (1)", "hid a post (1)",
        "Suspend @ada for 7 days", "Warn @ada", "Hide post", "Dismiss", "/admin/moderation/people/ada/",
    ):  # fmt: skip
        assert shown in page


def test_a_card_shows_ten_reports_and_how_many_more_there_are(mo, post):
    ReportFactory.create_batch(12, post=post)
    [card] = mo.get(QUEUE).context["cards"]

    assert (len(card.reports), card.more_reports) == (10, 3)
    assert "and 3 more" in mo.get(QUEUE).content.decode()


def test_the_queries_of_the_queue_do_not_grow_with_its_cards(mo, post, django_assert_max_num_queries):
    Rule.objects.create(title="No spam")
    mo.get(QUEUE)
    with django_assert_max_num_queries(50) as few:
        mo.get(QUEUE)
    for other in PostFactory.create_batch(5):
        ReportFactory.create_batch(2, post=other, note="Look")
    with django_assert_max_num_queries(len(few)):
        assert len(cards(mo)) == 6


@pytest.fixture
def reported(mo, monkeypatch):
    """Five reported posts in the order of the queue, and pages of two cards."""
    monkeypatch.setattr(queue, "CARDS", 2)
    posts = PostFactory.create_batch(5)
    for post, count in zip(posts, (3, 2, 2, 1, 1), strict=True):
        ReportFactory.create_batch(count, post=post)
    return posts


def pages_from(client, path, side):
    """Return the appeals and posts on each page, from `path` on along the links called "newer" or "older"."""
    found = []
    while True:
        context = client.get(path).context
        found.append([*context["appeals"], *(card.subject for card in context["cards"])])
        position = getattr(context["page"], side)
        if position is None:
            return found
        path = f"{QUEUE}?{'before' if side == 'older' else 'after'}={position}"


def test_the_pages_of_the_queue_are_full_and_have_each_card_once(mo, reported):
    assert pages_from(mo, QUEUE, "older") == [reported[:2], reported[2:4], reported[4:]]
    assert pages_from(mo, f"{QUEUE}?before=1", "newer") == [[], reported[3:], reported[1:3], reported[:1]]
    assert 'rel="next"' in mo.get(QUEUE).content.decode()


def test_new_reports_do_not_shift_a_page_of_the_queue(mo, reported):
    second = f"{QUEUE}?before={mo.get(QUEUE).context['page'].older}"
    ReportFactory.create_batch(4, post=PostFactory())
    ReportFactory(post=reported[1])
    assert cards(mo, second) == reported[2:4]
    # A card that has become more urgent is on an earlier page, and the next one takes its place.
    ReportFactory(post=reported[2])
    assert cards(mo, second) == reported[3:]


def test_an_older_report_comes_first_among_equals(mo, reported):
    ReportFactory(post=reported[4])
    assert pages_from(mo, QUEUE, "older") == [reported[:2], [reported[2], reported[4]], [reported[3]]]


def test_appeals_come_first_on_the_pages_of_the_queue(mo, chief, reported):
    appeals = []
    for _number in range(3):
        [action] = decide(chief.user, [UserFactory()], Decision.WARN, reason="Stop", reported=False)
        person = User.objects.get(username=action.person_name)
        appeals.append(Appeal.objects.create(action=action, person=person, text="No"))
    assert pages_from(mo, QUEUE, "older") == [
        appeals[:2], [appeals[2], reported[0]], reported[1:3], reported[3:],
    ]  # fmt: skip
    assert pages_from(mo, f"{QUEUE}?before=1", "newer") == [
        [], reported[3:], reported[1:3], [appeals[2], reported[0]], appeals[:2],
    ]  # fmt: skip

    second = f"{QUEUE}?before={mo.get(QUEUE).context['page'].older}"
    answer = {"appeal": appeals[2].pk, "reason": ""}
    assert f"card-appeal-{appeals[2].pk}" in mo.post(second, answer).content.decode()
    assert mo.post(second, answer | {"reason": "No"}).url == f"{second}#decided"
    assert cards(mo, second) == reported[:2]


def test_the_queries_of_the_queue_do_not_grow_with_its_appeals(mo, chief, django_assert_num_queries):
    def appeal():
        [action] = decide(mo.user, [UserFactory()], Decision.WARN, reason="Stop", reported=False)
        person = User.objects.get(username=action.person_name)
        Appeal.objects.create(action=action, person=person, text="No")

    appeal()
    with CaptureQueriesContext(connection) as one:
        assert "You made this decision" in mo.get(QUEUE).content.decode()
    appeal()
    with django_assert_num_queries(len(one)):
        assert len(mo.get(QUEUE).context["refused_appeals"]) == 2


def test_the_last_card_of_the_last_page_leaves_a_way_back(mo, reported):
    path = f"{QUEUE}?before=1"
    page = mo.get(path).content.decode()
    assert "There's nothing more here." in page
    assert "Previous cards" in page
    assert "Nothing to decide." not in page


@pytest.mark.parametrize("query", ["before=x", "after=-1", f"before={2**63}", "before=1.5", "after=%00"])
def test_nonsense_is_no_page_of_the_queue(mo, query):
    assert mo.get(f"{QUEUE}?{query}").status_code == 404


def test_a_decision_on_a_later_page_leads_back_to_it(mo, reported):
    second = f"{QUEUE}?before={mo.get(QUEUE).context['page'].older}"
    page = mo.get(second)
    first, following = page.context["cards"]
    assert f'action="{second}"' in page.content.decode()
    data = {"card": first.value, "decision": "hide", "following": following.key}
    refused = mo.post(second, data | {"reason": ""})
    assert [card.form.is_bound for card in refused.context["cards"]] == [True, False]

    done = mo.post(second, data | {"reason": "Spam"})
    assert done.url == f"{second}&next={following.key}#decided"
    assert cards(mo, done.url) == reported[3:]
    page = mo.get(done.url).content.decode()
    assert page.index('id="decided"') < page.index(f'id="card-{following.key}"')
    assert f'name="next" value="{second}"' in page
    last = mo.get(done.url).context["cards"][0]
    done = mo.post(done.url, {"card": last.value, "decision": "hide", "reason": "Spam"})
    assert done.url == f"{second}#decided"


@pytest.mark.parametrize(
    ("decision", "days", "said"),
    [
        ("dismiss", "7", "Reports about @ada dismissed."),
        ("hide", "7", "Post by @ada hidden."),
        ("warn", "7", "@ada warned."),
        ("suspend", "1", "@ada suspended for 1 day."),
        ("suspend", "30", "@ada suspended for 30 days."),
        ("suspend", "", "@ada suspended."),
    ],
)
def test_one_press_decides_and_offers_undo(mo, post, decision, days, said):
    page = press(mo, post, decision, "It's spam.", days=days)
    assert said in page.content.decode()
    assert cards(mo) == []
    action = ModerationAction.objects.get()
    undone = mo.post("/admin/moderation/undo/", {"action": action.pk, "next": ""}, follow=True)

    assert "Undone." in undone.content.decode()
    assert cards(mo) == [post]
    assert "/undo/" not in undone.content.decode()


def test_a_length_that_is_not_offered_is_refused(mo, post):
    [card] = press(mo, post, "suspend", "Spam", days="2").context["cards"]
    assert list(card.form.errors) == ["days"]
    assert not ModerationAction.objects.exists()


def test_only_the_form_of_the_card_whose_turn_it_is_is_open(mo, post):
    ReportFactory.create_batch(2, post=PostFactory())
    first, second = mo.get(QUEUE).context["cards"]
    assert (first.is_open, second.is_open) == (True, False)
    _first, second = mo.get(f"{QUEUE}?next={second.key}").context["cards"]
    assert second.is_open
    refused = press(mo, post, "hide").context["cards"]
    assert [card.is_open for card in refused] == [True, True]


def test_the_same_reports_are_one_line(mo, post):
    for name in ("fay", "gus"):
        ReportFactory(post=post, reporter=UserFactory(username=name))
    assert "2 people: @fay, @gus," in text_of(mo.get(QUEUE))


def test_an_undone_decision_does_not_count_against_the_person(mo, post):
    press(mo, post, "hide", "Spam")
    mo.post("/admin/moderation/undo/", {"action": ModerationAction.objects.get().pk})
    assert "No earlier reports or decisions" in text_of(mo.get(QUEUE))
    assert " · undone</span>" in mo.get("/admin/moderation/people/ada/").content.decode()


def test_htmx_removes_the_other_cards_that_a_suspension_settled_and_an_undo_brings_them_back(mo, post):
    other = PostFactory(author=post.author)
    for each in (other, PostFactory()):
        ReportFactory(post=each)
    htmx = {"HX-Request": "true"}
    data = {"card": value_of(mo, post), "decision": "suspend", "days": "7", "reason": "Spam"}
    done = mo.post(QUEUE, data, headers=htmx).content.decode()
    assert re.findall(r'id="card-([^"]*)" data-hx-swap-oob="delete"', done) == [f"post-{other.pk}"]
    undo = {"action": ModerationAction.objects.get().pk, "card": f"post-{post.pk}"}
    undone = mo.post("/admin/moderation/undo/", undo, headers=htmx).content.decode()
    assert re.findall(r'id="card-(post-\d+)" ', undone) == [f"post-{post.pk}", f"post-{other.pk}"]


def test_the_next_card_takes_the_place_of_the_decided_one(mo, post):
    other = PostFactory()
    ReportFactory(post=other)
    response = press(mo, post, "dismiss", following=f"post-{other.pk}", follow=False)
    assert response.url == f"{QUEUE}?next=post-{other.pk}#decided"
    page = mo.get(response.url).content.decode()
    assert (
        page.index('id="reports-heading"')
        < page.index('id="decided"')
        < page.index(f'id="card-post-{other.pk}"')
    )


def test_a_refused_form_keeps_what_was_typed_on_its_card(mo, post):
    other = PostFactory()
    ReportFactory(post=other)
    rule = Rule.objects.create(title="No spam")
    page = press(mo, post, "hide", "x" * 600, rule=rule.pk)
    bound = {card.subject: card.form for card in page.context["cards"]}

    assert bound[post].errors["reason"] == ["Use up to 500 characters. Remove 100."]
    assert bound[post]["rule"].value() == str(rule.pk)
    assert not bound[other].is_bound
    assert "x" * 600 in page.content.decode()
    assert "Give a reason." in press(mo, post, "warn", " ").content.decode()
    assert "This text is too long" in press(mo, post, "hide", "x" * 10_000).content.decode()
    assert not ModerationAction.objects.exists()


def test_the_rule_is_recorded(mo, post):
    rule = Rule.objects.create(title="No spam")
    Rule.objects.create(title="Old rule", is_active=False)
    assert "Old rule" not in mo.get(QUEUE).content.decode()
    press(mo, post, "hide", "Spam", rule=rule.pk)
    assert ModerationAction.objects.get().rule_title == "No spam"


def test_htmx_replaces_only_the_card(mo, post):
    value = value_of(mo, post)
    data = {"card": value, "decision": "hide", "reason": ""}
    refused = mo.post(QUEUE, data, headers={"HX-Request": "true"})
    assert "Give a reason." in refused.content.decode()
    assert "<html" not in refused.content.decode()
    done = mo.post(QUEUE, data | {"reason": "Spam"}, headers={"HX-Request": "true"}).content.decode()
    assert "Post by @ada hidden." in done
    assert f'id="card-post-{post.pk}"' in done
    again = mo.post(QUEUE, data | {"reason": "Spam"}, headers={"HX-Request": "true"}).content.decode()
    assert "@mo hid a post just now: Spam" in again


def count_in(html):
    """Return the number of cards that htmx puts into the navigation, "" for none, and None without one."""
    swapped = re.search(
        r'<span data-hx-swap-oob="innerHTML:.moderation-count">(.*?)</span>\s*$', html, re.DOTALL
    )
    return swapped and re.sub(r"<[^>]*>| to decide|\s", "", swapped[1])


def test_htmx_gets_the_new_number_of_cards_with_a_decision_and_an_undo(mo, post):
    ReportFactory(post=PostFactory())
    htmx = {"HX-Request": "true"}
    assert mo.get(QUEUE).content.decode().count('class="moderation-count"') == 2
    data = {"card": value_of(mo, post), "decision": "hide", "reason": ""}
    assert count_in(mo.post(QUEUE, data, headers=htmx).content.decode()) is None
    decided = mo.post(QUEUE, data | {"reason": "Spam"}, headers=htmx).content.decode()
    assert count_in(decided) == "1"
    assert "data-hx-swap-oob" not in mo.get(QUEUE).content.decode()

    undo = {"action": ModerationAction.objects.get().pk, "card": f"post-{post.pk}"}
    assert all(f'name="{name}" value="{value}"' in decided for name, value in undo.items())
    undone = mo.post("/admin/moderation/undo/", undo, headers=htmx).content.decode()
    assert count_in(undone) == "2"
    assert f'<article class="moderation-card" id="card-post-{post.pk}"' in undone
    assert "Undone." in undone

    again = mo.post("/admin/moderation/undo/", undo, headers=htmx).content.decode()
    assert "@mo restored a post just now." in again
    assert "moderation-card" not in again
    assert count_in(again) == "2"


def test_the_number_of_cards_disappears_with_the_last_one(mo, post):
    data = {"card": value_of(mo, post), "decision": "dismiss"}
    assert count_in(mo.post(QUEUE, data, headers={"HX-Request": "true"}).content.decode()) == ""


def test_an_undo_with_a_card_of_nonsense_is_answered(mo, post):
    [action] = decide(mo.user, [post], Decision.DISMISS)
    data = {"action": action.pk, "card": "thing-1"}
    assert mo.post("/admin/moderation/undo/", data, headers={"HX-Request": "true"}).status_code == 400


def test_the_second_moderator_is_told_what_the_first_did(mo, chief, post):
    value = value_of(mo, post)
    press(chief, post, "hide", "It's spam.")
    page = mo.post(QUEUE, {"card": value, "decision": "suspend", "reason": "Spam"}, follow=True)
    assert "@chief hid a post just now: It&#x27;s spam." in page.content.decode()
    assert ModerationAction.objects.count() == 1


def test_a_card_about_a_text_that_was_edited_or_deleted_is_refused(mo, post):
    value = value_of(mo, post)
    Post.objects.filter(pk=post.pk).update(content="Harmless")
    page = mo.post(QUEUE, {"card": value, "decision": "hide", "reason": "Spam"}, follow=True)
    assert "edited this in the meantime" in page.content.decode()
    assert [card.form.is_bound for card in page.context["cards"]] == [True]
    Post.objects.get().delete()
    page = mo.post(QUEUE, {"card": value, "decision": "hide", "reason": "Spam"}, follow=True)
    assert "The author has deleted this post." in page.content.decode()


def test_several_cards_are_decided_together(mo, post):
    other, third = PostFactory.create_batch(2)
    for each in (other, third):
        ReportFactory(post=each)
    values = [value_of(mo, each) for each in (post, other)]
    data = {"together": "1", "decision": "hide", "card": values}
    page = mo.post(QUEUE, data | {"reason": ""})
    assert [card.selected for card in page.context["cards"]] == [True, True, False]
    page = mo.post(QUEUE, data | {"reason": "Spam wave."}, follow=True)

    assert cards(mo) == [third]
    assert page.content.decode().count('name="action"') == 2


def test_nothing_selected_is_refused(mo, post):
    ReportFactory(post=PostFactory())
    page = mo.post(QUEUE, {"together": "1", "decision": "dismiss", "reason": ""})
    assert "Select at least one report." in page.content.decode()


def test_moderators_see_why_they_cannot_decide_about_themselves_and_each_other(mo, chief):
    other = UserFactory(username="other", is_staff=True)
    for author in (mo.user, chief.user, other):
        ReportFactory(post=PostFactory(author=author))
    page = text_of(mo.get(QUEUE))

    assert "You can&#x27;t decide about yourself." in page
    assert "@chief is an administrator" in page
    assert "@other is a moderator" in page
    assert 'name="decision"' not in page
    buttons = {c.person: {b["value"] for b in c.buttons} for c in chief.get(QUEUE).context["cards"]}
    assert buttons[chief.user] == {"dismiss", "hide"}
    assert "suspend" in buttons[other]


@pytest.mark.parametrize("data", [{"card": "x"}, {"card": "post-x:1"}, {"card": "thing-1:1"}, {"decision": "boil"}, {"decision": "hide-7"}, {"decision": "suspend-2"}, {}])  # fmt: skip
def test_nonsense_is_answered(mo, post, data):
    response = mo.post(QUEUE, {"card": "post-1:x", "decision": "hide", "reason": "x"} | data if data else {})
    assert response.status_code in (302, 400)
    assert not ModerationAction.objects.exists()


def test_an_appeal_is_answered_in_the_queue(mo, chief, post):
    [action] = decide(mo.user, [post], Decision.HIDE, reason="Spam")
    appeal = Appeal.objects.create(action=action, person=post.author, text="It's art.")
    assert "You made this decision" in mo.get(QUEUE).content.decode()
    page = text_of(chief.get(QUEUE))
    assert "It&#x27;s art." in page
    assert "Grant the appeal and restore the post" in page
    refused = chief.post(QUEUE, {"appeal": appeal.pk, "reason": ""})
    assert "Give a reason." in refused.content.decode()
    answered = chief.post(QUEUE, {"appeal": appeal.pk, "grant": "1", "reason": "Sorry."}, follow=True)

    assert "Post by @ada restored." in answered.content.decode()
    assert Post.objects.visible().get() == post
    assert "@chief" in chief.post(QUEUE, {"appeal": appeal.pk, "reason": "No"}, follow=True).content.decode()


def test_a_persons_page_shows_what_is_known_and_decides(mo, post):
    ReportFactory(post=PostFactory(), reporter=post.author, note="That one")
    path = "/admin/moderation/people/ada/"
    page = text_of(mo.get(path))
    for shown in (
        "Buy now",
        "That one",
        "Look &lt;here&gt;",
        "The email address is confirmed.",
        "Reports by @ada",
    ):
        assert shown in page
    assert "ada@example.org" not in page

    page = mo.post(path, {"decision": "suspend", "days": "7", "reason": "Spam", "after": "0"}, follow=True)
    assert "@ada suspended for 7 days." in page.content.decode()
    assert "Suspended since" in page.content.decode()
    assert cards(mo) == [c for c in cards(mo) if c.author != post.author]
    assert "Give a reason." in mo.post(path, {"decision": "reinstate", "after": "9999"}).content.decode()
    page = mo.post(path, {"decision": "reinstate", "reason": "Sorry", "after": "9999"}, follow=True)
    assert not User.objects.suspended().exists()


def test_a_persons_page_tells_what_another_moderator_did_meanwhile(mo, chief, post):
    decide(chief.user, [post], Decision.WARN, reason="Stop.")
    page = mo.post("/admin/moderation/people/ada/", {"decision": "warn", "reason": "Stop it.", "after": "0"})
    assert "@chief warned a person just now: Stop." in page.content.decode()
    assert "Stop it." in page.content.decode()
    assert ModerationAction.objects.count() == 1


def test_moderators_write_notes_about_a_person(mo, post):
    page = mo.post("/admin/moderation/people/ada/", {"text": "Keeps coming back"}, follow=True)
    assert "Keeps coming back" in page.content.decode()
    note = ModeratorNote.objects.get()
    assert (note.person, note.author, note.author_name) == (post.author, mo.user, "mo")
    assert "Remove 500." in mo.post("/admin/moderation/people/ada/", {"text": "x" * 1500}).content.decode()


def test_the_record_is_filtered_and_searched(mo, chief, post):
    other = PostFactory()
    ReportFactory(post=other)
    decide(mo.user, [post], Decision.HIDE, reason="Selling watches")
    decide(chief.user, [other], Decision.DISMISS, reason="Fine")

    def found(**query):
        return [action.action for action in mo.get("/admin/moderation/record/", query).context["page"]]

    assert found() == ["dismiss", "hide"]
    assert (
        found(action="hide")
        == found(moderator="@mo")
        == found(person="Ada")
        == found(q="WATCHES")
        == ["hide"]
    )
    assert found(action="boil", q="\0") == ["dismiss", "hide"]
    assert found(moderator="nobody") == []
    assert "Selling watches" in mo.get("/admin/moderation/record/").content.decode()


def test_staff_see_the_way_in_with_the_number_of_cards(mo, post):
    member_client = client_of(post.author)
    second = PostFactory()
    ReportFactory.create_batch(3, post=second)
    home = text_of(mo.get("/explore/"))
    assert home.count('href="/admin/moderation/"') == 2  # In the navigation and, on phones, in the header.
    assert re.search(r'class="badge"> ?2 ?<span', home)
    assert "/admin/moderation/" not in member_client.get("/explore/").content.decode()
    assert "/admin/moderation/" not in Client().get("/explore/").content.decode()
    assert "/admin/moderation/" in mo.get("/admin/").content.decode()


def test_the_number_of_cards_is_capped(mo, post, monkeypatch):
    monkeypatch.setattr(queue, "COUNT_LIMIT", 1)
    assert queue.capped(queue.open_card_count()) == "1"
    ReportFactory.create_batch(2)
    assert queue.capped(queue.open_card_count()) == "1+"


def test_members_pages_take_no_query_for_the_way_in(post, django_assert_num_queries):
    member_client = client_of(post.author)
    member_client.get("/users/blocks/")
    with django_assert_num_queries(4) as captured:
        member_client.get("/users/blocks/")
    assert not any("report" in query["sql"] for query in captured)


def test_moderators_land_on_the_queue_and_administrators_in_the_admin(mo, chief):
    for client, landing in ((mo, "admin:moderation"), (chief, "admin:index")):
        visitor = Client()
        login = visitor.get("/admin/", follow=True).redirect_chain[-1][0]
        data = {"login": client.user.username, "password": PASSWORD}
        assert visitor.post(login, data, follow=True).request["PATH_INFO"] == reverse(landing)
    # Links inside the admin still lead where they say.
    assert mo.get("/admin/").status_code == 200
    assert mo.get("/admin/login/?next=/admin/posts/post/").url == "/admin/posts/post/"
    assert mo.get("/admin/login/?next=//evil.example/").url == reverse("admin:moderation")


def test_staff_without_the_permissions_see_nothing(post):
    watcher = client_of(UserFactory(is_staff=True))
    for path in (QUEUE, "/admin/moderation/people/ada/", "/admin/moderation/record/"):
        assert watcher.get(path).status_code == 403
    assert watcher.post("/admin/moderation/undo/").status_code == 403
    assert QUEUE not in watcher.get("/explore/").content.decode()


def test_a_persons_page_answers_a_reason_that_is_too_long(mo, post):
    data = {"decision": "warn", "reason": "x" * 10_000, "after": "0"}
    page = mo.post("/admin/moderation/people/ada/", data)
    assert "This text is too long" in page.content.decode()
    assert "x" * 10_000 in page.content.decode()
    assert not ModerationAction.objects.exists()


@pytest.mark.parametrize("user", ["mo", "chief"])
def test_moderators_do_not_learn_who_reported_them_or_what_others_noted(mo, chief, user):
    client = {"mo": mo, "chief": chief}[user]
    own, eve = PostFactory(author=client.user), UserFactory(username="eve")
    ReportFactory(post=own, reporter=eve, note="Since Monday", reason="spam")
    ModeratorNote.objects.create(person=client.user, author_name="zoe", text="Watch closely")
    path = f"/admin/moderation/people/{user}/"
    for page in (text_of(client.get(QUEUE)), text_of(client.get(path))):
        assert not any(secret in page for secret in ("@eve", "Since Monday", "Watch closely", "@zoe"))
        assert "Only other moderators see" in page
    assert "It&#x27;s spam or a scam" in text_of(client.get(QUEUE))
    assert client.post(path, {"text": "All fine"}).status_code == 403
    other = chief if client is mo else mo
    assert "@eve" in text_of(other.get(QUEUE))
    assert "Watch closely" in text_of(other.get(path))


def test_moderators_get_to_a_post_and_its_author_from_where_they_read(mo, post):
    page = mo.get(post.get_absolute_url()).content.decode()
    path = f"/admin/moderation/people/ada/?about=post-{post.pk}"
    assert f'href="{path}#decide-heading"' in page
    assert 'href="/admin/moderation/people/ada/"' in mo.get("/@ada/").content.decode()
    for path in (post.get_absolute_url(), "/@ada/"):
        assert "Moderate this" not in client_of(UserFactory()).get(path).content.decode()
        assert "Moderate this" not in Client().get(path).content.decode()


def hide_from_person(client, post, version=None, name="ada"):
    path = f"/admin/moderation/people/{name}/?about=post-{post.pk}"
    card = client.get(path).context["card"]
    data = {
        "decision": "hide",
        "reason": "Spam",
        "after": "0",
        "version": version or (card and card.version) or "",
    }
    return client.post(path, data, follow=True)


def test_a_post_without_reports_is_hidden_from_the_page_of_its_author(mo):
    post = PostFactory(author=UserFactory(username="ada"))
    assert "edited this in the meantime" in hide_from_person(mo, post, "x").content.decode()
    assert not ModerationAction.objects.exists()
    page = hide_from_person(mo, post).content.decode()
    assert "Post by @ada hidden." in page
    post.refresh_from_db()
    assert post.hidden_on


def test_the_page_of_a_person_hides_only_their_own_posts(mo, post):
    UserFactory(username="bea")
    page = hide_from_person(mo, post, name="bea")
    assert "It was deleted in the meantime." in page.content.decode()
    assert not ModerationAction.objects.exists()
    assert mo.get("/admin/moderation/people/ada/?about=nonsense").status_code == 200


def test_hiding_from_the_page_of_a_person_needs_the_permission(post):
    suspender = UserFactory(is_staff=True)
    suspender.user_permissions.add(*Permission.objects.filter(codename="change_user"))
    assert hide_from_person(client_of(suspender), post).status_code == 403


def test_an_answer_to_an_appeal_is_shown_like_other_decisions(mo, chief, post):
    [action] = decide(chief.user, [post], Decision.HIDE, reason="Spam")
    appeal = Appeal.objects.create(action=action, person=post.author, text="It's art.")
    page = mo.post(QUEUE, {"appeal": appeal.pk, "grant": "1", "reason": "It is."}, follow=True)
    assert [action.is_undoable for action in page.context["decided"]] == [False]
    assert "Post by @ada restored." in page.content.decode()
