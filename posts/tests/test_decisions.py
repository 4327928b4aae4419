"""What moderators decide about reported posts and their authors."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.moderation import decisions
from accounts.moderation.decisions import Decision, DecisionRefused, answer_appeal, decide, undo
from accounts.moderation.models import Appeal, ModerationAction, Report, Rule
from accounts.tests.factories import UserFactory
from accounts.tests.locking import begin, needs_row_locks
from posts.models import Post
from posts.tests.factories import PostFactory, ReportFactory


@pytest.fixture
def chief(db):
    return UserFactory(username="chief", is_staff=True, is_superuser=True)


@pytest.fixture
def mo(db):
    return UserFactory(username="mo", is_staff=True)


@pytest.fixture
def post(db):
    post = PostFactory(author=UserFactory(username="ada"), content="Buy now")
    ReportFactory.create_batch(2, post=post)
    return post


def everything():
    return list(Report.objects.values()), list(ModerationAction.objects.values()), list(Post.objects.values())


def open_reports():
    return Report.objects.open().count()


@pytest.mark.parametrize(
    ("decision", "days", "recorded"),
    [
        (Decision.DISMISS, None, "dismiss"),
        (Decision.HIDE, None, "hide"),
        (Decision.WARN, None, "warn"),
        (Decision.SUSPEND, 7, "suspend"),
        (Decision.SUSPEND, None, "suspend"),
    ],
)
def test_a_decision_is_recorded_closes_the_reports_and_can_be_undone(mo, post, decision, days, recorded):
    rule = Rule.objects.create(title="No spam")
    [action] = decide(mo, [post], decision, reason="It's spam.", rule=rule, days=days)

    assert (action.action, action.reason, action.rule_title) == (recorded, "It's spam.", "No spam")
    assert (action.moderator, action.person_name) == (mo, "ada")
    assert set(Report.objects.values_list("closed_by", flat=True)) == {action.pk}
    ada = User.objects.get(username="ada")
    assert (ada.suspended_on is not None) == (decision == Decision.SUSPEND)
    assert (ada.suspended_until is not None) == (days is not None)
    assert ada.suspended_until == action.until
    assert Post.objects.visible().exists() == (decision in (Decision.DISMISS, Decision.WARN))

    [undoing] = undo(mo, action)
    assert undoing.undoes == action
    assert open_reports() == 2
    assert Post.objects.visible().exists()
    assert not User.objects.suspended().exists()
    before = everything()
    with pytest.raises(DecisionRefused, match="@mo"):
        undo(mo, action)
    assert everything() == before


def test_a_suspension_closes_all_reports_about_the_person(mo, post):
    other = PostFactory(author=post.author)
    ReportFactory(post=other)
    elsewhere = ReportFactory()
    decide(mo, [post], Decision.SUSPEND, reason="Spam", days=1)

    assert list(Report.objects.open()) == [elsewhere]


def test_several_cards_are_decided_together_and_each_person_is_warned_once(mo, post):
    second, third = PostFactory(author=post.author), PostFactory()
    for each in (second, third):
        ReportFactory(post=each)
    actions = decide(mo, [post, second, third], Decision.WARN, reason="Stop it.")

    assert [action.person_name for action in actions] == ["ada", third.author.username]
    assert open_reports() == 0
    undo(mo, *actions)
    assert open_reports() == 4


def test_of_several_cards_all_are_decided_or_none(mo, post):
    own = PostFactory(author=mo)
    ReportFactory(post=own)
    before = everything()
    with pytest.raises(DecisionRefused, match="yourself"):
        decide(mo, [post, own], Decision.HIDE, reason="Spam")
    assert everything() == before


def test_a_reason_is_required_where_someone_is_affected(mo, post):
    for decision in Decision:
        if decision != Decision.DISMISS:
            with pytest.raises(DecisionRefused, match="reason") as refused:
                decide(mo, [post], decision)
            assert refused.value.field == "reason"
    assert decide(mo, [post], Decision.DISMISS)


def test_the_second_moderator_is_told_what_the_first_did(mo, chief, post):
    decide(mo, [post], Decision.HIDE, reason="It's spam.")
    before = everything()
    with pytest.raises(DecisionRefused, match="^@mo hid a post just now: It's spam.$"):
        decide(chief, [post], Decision.SUSPEND, reason="Spam")
    assert everything() == before


def test_a_suspension_says_so_on_the_cards_that_it_settled(mo, chief, post):
    second = PostFactory(author=post.author)
    ReportFactory(post=second)
    decide(mo, [post], Decision.SUSPEND, reason="Spam.", days=7)
    with pytest.raises(DecisionRefused, match="^@mo suspended a person just now: Spam.$"):
        decide(chief, [second], Decision.HIDE, reason="Spam.")


@needs_row_locks
@pytest.mark.django_db(transaction=True)
def test_two_moderators_at_once(transactional_db):
    mo, chief = UserFactory(username="mo", is_staff=True), UserFactory(is_staff=True)
    post = PostFactory()
    ReportFactory(post=post)

    def second():
        with pytest.raises(DecisionRefused) as refused:
            decide(chief, [post], Decision.SUSPEND, reason="Other")
        return str(refused.value)

    with transaction.atomic():
        decide(mo, [post], Decision.HIDE, reason="It's spam.")
        waiting = begin(second)
        assert not waiting.done()
    assert waiting.result(60) == "@mo hid a post just now: It's spam."
    assert ModerationAction.objects.count() == 1


def test_a_post_that_was_deleted_or_edited_meanwhile_is_refused(mo, post):
    seen = {post: decisions.version_of(post)}
    Post.objects.filter(pk=post.pk).update(content="Harmless")
    before = everything()
    with pytest.raises(DecisionRefused, match="edited"):
        decide(mo, [post], Decision.HIDE, reason="Spam", seen=seen)
    assert everything() == before
    Post.objects.get().delete()
    with pytest.raises(DecisionRefused, match="deleted this post"):
        decide(mo, [post], Decision.HIDE, reason="Spam", seen=seen)


def test_moderators_and_administrators_meet_each_other(mo, chief):
    other = UserFactory(username="other", is_staff=True)
    posts = {person: PostFactory(author=person) for person in (mo, chief, other)}
    for post in posts.values():
        ReportFactory(post=post)
    before = everything()
    for decision in (Decision.HIDE, Decision.WARN, Decision.SUSPEND, Decision.DISMISS):
        for person, sentence in ((mo, "yourself"), (chief, "administrator"), (other, "moderator")):
            with pytest.raises(DecisionRefused, match=sentence):
                decide(mo, [posts[person]], decision, reason="x")
    for decision in (Decision.WARN, Decision.SUSPEND):
        with pytest.raises(DecisionRefused, match="yourself"):
            decide(chief, [posts[chief]], decision, reason="x")
    assert everything() == before
    assert decide(chief, [posts[other]], Decision.SUSPEND, reason="x")
    assert decide(chief, [posts[chief]], Decision.DISMISS)


def test_undo_is_for_the_one_who_decided_and_for_administrators_and_for_five_minutes(
    mo, chief, post, monkeypatch
):
    [action] = decide(mo, [post], Decision.HIDE, reason="Spam")
    with pytest.raises(DecisionRefused, match="Only @mo"):
        undo(UserFactory(is_staff=True), action)
    now = timezone.now()
    with monkeypatch.context() as patch:
        patch.setattr(timezone, "now", lambda: now + timedelta(minutes=5, seconds=1))
        with pytest.raises(DecisionRefused, match="too late"):
            undo(mo, action)
    assert undo(chief, action)


def test_undo_after_the_author_deleted_the_post_or_left(mo, post):
    [hidden] = decide(mo, [post], Decision.HIDE, reason="Spam")
    Post.objects.get().delete()
    with pytest.raises(DecisionRefused, match="deleted this post"):
        undo(mo, hidden)
    bob = UserFactory(username="bob")
    post = PostFactory(author=bob)
    ReportFactory(post=post)
    [suspended] = decide(mo, [post], Decision.SUSPEND, reason="Spam", days=1)
    bob.leave()
    with pytest.raises(DecisionRefused, match="@bob has left"):
        undo(mo, suspended)


def test_undo_after_something_else_was_decided(mo, chief, post):
    [action] = decide(mo, [post], Decision.SUSPEND, reason="Spam", days=1)
    decide(chief, [post.author], Decision.REINSTATE, reason="No.", reported=False)
    with pytest.raises(DecisionRefused, match="@chief reinstated"):
        undo(mo, action)


def appeal(action):
    return Appeal.objects.create(
        action=action, person=User.objects.get(username=action.person_name), text="But why?"
    )


@pytest.mark.parametrize(
    ("decision", "answer"), [("hide", "restore"), ("warn", "retract"), ("suspend", "reinstate")]
)
def test_an_appeal_is_granted(mo, chief, post, decision, answer):
    [action] = decide(mo, [post], decision, reason="Spam")
    appealed = appeal(action)
    with pytest.raises(DecisionRefused, match="another moderator"):
        answer_appeal(mo, appealed, grant=True, reason="Sorry.")
    granted = answer_appeal(chief, appealed, grant=True, reason="Sorry.")

    assert (granted.action, granted.undoes, granted.reason) == (answer, action, "Sorry.")
    appealed.refresh_from_db()
    assert appealed.answer == granted
    assert open_reports() == 0
    assert Post.objects.visible().exists()
    with pytest.raises(DecisionRefused, match="@chief"):
        answer_appeal(chief, appealed, grant=False, reason="No.")


def test_an_appeal_is_rejected_by_the_only_moderator(mo, post):
    [action] = decide(mo, [post], Decision.HIDE, reason="Spam")
    with pytest.raises(DecisionRefused, match="reason"):
        answer_appeal(mo, appeal(action), grant=False, reason="")
    rejected = answer_appeal(mo, Appeal.objects.get(), grant=False, reason="It is spam.")

    assert rejected.action == "reject_appeal"
    assert not Post.objects.visible().exists()


def test_an_appeal_about_a_suspension_that_has_ended_can_still_be_granted(mo, chief, post):
    [action] = decide(mo, [post], Decision.SUSPEND, reason="Spam", days=1)
    appealed = appeal(action)
    User.objects.get(username="ada").reinstate()
    assert answer_appeal(chief, appealed, grant=True, reason="Sorry.").undoes == action


def test_nobody_answers_the_appeal_of_someone_who_left(mo, chief, post):
    [action] = decide(mo, [post], Decision.HIDE, reason="Spam")
    appealed = appeal(action)
    post.author.leave()
    with pytest.raises(DecisionRefused, match="@ada has left"):
        answer_appeal(chief, appealed, grant=True, reason="Sorry.")


def test_reinstating_answers_the_appeal(mo, chief, post):
    [action] = decide(mo, [post], Decision.SUSPEND, reason="Spam")
    appealed = appeal(action)
    [reinstated] = decide(chief, [post.author], Decision.REINSTATE, reason="Sorry.", reported=False)
    appealed.refresh_from_db()
    assert (appealed.answer, reinstated.undoes) == (reinstated, action)


@pytest.mark.parametrize("decision", ["hide", "suspend"])
def test_granting_an_appeal_does_not_take_back_a_newer_decision(mo, chief, post, decision):
    [action] = decide(mo, [post], decision, reason="Spam")
    appealed, ada = appeal(action), post.author
    Post.objects.get().restore()
    User.objects.get(pk=ada.pk).reinstate(by=chief)
    if decision == "hide":
        decide(chief, [Post.objects.get()], "hide", reason="Threats", reported=False)
    else:
        decide(chief, [ada], "suspend", reason="Threats", reported=False)
    before = everything()
    with pytest.raises(DecisionRefused, match="^@chief .* just now: Threats$"):
        answer_appeal(chief, appealed, grant=True, reason="Sorry.")
    assert everything() == before
    assert not Post.objects.visible().exists()
    assert answer_appeal(chief, appealed, grant=False, reason="See the newer decision.")


def test_an_appeal_by_a_moderator_is_answered_by_an_administrator(mo, chief):
    other = UserFactory(username="other", is_staff=True)
    for moderator in (mo, other):
        moderator.user_permissions.add(Permission.objects.get(codename="change_user"))
    [action] = decide(chief, [other], Decision.WARN, reason="Stop", reported=False)
    appealed = appeal(action)
    with pytest.raises(DecisionRefused, match="only an administrator"):
        answer_appeal(User.objects.get(pk=mo.pk), appealed, grant=True, reason="Sorry.")
    second = UserFactory(username="second", is_staff=True, is_superuser=True)
    with pytest.raises(DecisionRefused, match="another moderator"):
        answer_appeal(chief, appealed, grant=True, reason="Sorry.")
    second.leave()
    # Nobody else can answer.
    assert answer_appeal(chief, appealed, grant=False, reason="No.")


def test_undo_after_an_appeal_was_rejected(mo, chief, post):
    [action] = decide(mo, [post], Decision.HIDE, reason="Spam")
    answer_appeal(chief, appeal(action), grant=False, reason="It is spam.")
    with pytest.raises(DecisionRefused, match="@chief rejected an appeal just now: It is spam."):
        undo(mo, action)
    assert not Post.objects.visible().exists()


def test_administrators_cannot_undo_a_decision_about_themselves(chief):
    second = UserFactory(username="second", is_staff=True, is_superuser=True)
    [action] = decide(second, [chief], Decision.WARN, reason="Stop", reported=False)
    with pytest.raises(DecisionRefused, match="yourself"):
        undo(chief, action)


def test_whether_it_is_too_late_is_decided_under_the_locks(mo, post, monkeypatch):
    [action] = decide(mo, [post], Decision.WARN, reason="Spam")
    lock, now = decisions._lock_people, timezone.now()

    def lock_slowly(*args):
        monkeypatch.setattr(timezone, "now", lambda: now + timedelta(minutes=5, seconds=1))
        return lock(*args)

    monkeypatch.setattr(decisions, "_lock_people", lock_slowly)
    with pytest.raises(DecisionRefused, match="too late"):
        undo(mo, action)


def test_a_decision_of_a_clock_that_was_ahead_cannot_be_undone_for_ever(mo, post, monkeypatch):
    now = timezone.now()
    with monkeypatch.context() as patch:
        patch.setattr(timezone, "now", lambda: now + timedelta(days=30))
        [action] = decide(mo, [post], Decision.WARN, reason="Spam")
    with pytest.raises(DecisionRefused, match="too late"):
        undo(mo, action)
