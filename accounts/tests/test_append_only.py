"""Code can add to the record of moderation actions, but can't change or delete it."""

import pytest
from asgiref.sync import async_to_sync
from django.db import IntegrityError, transaction

from accounts.common.append_only import AppendOnlyError
from accounts.models import User
from accounts.moderation.models import ModerationAction
from accounts.tests.factories import UserFactory

Records = ModerationAction.objects


def new(**fields):
    facts = {
        "moderator_name": "mo",
        "action": "hide",
        "subject_model": "x",
        "subject_id": 1,
        "person_name": "bob",
    }
    return ModerationAction(**facts | {"reason": "Spam."} | fields)


@pytest.fixture
def moderator(db):
    return UserFactory(username="mo")


@pytest.fixture
def action(moderator):
    Records.bulk_create([new(moderator=moderator)])
    return Records.get()


ATTEMPTS = {
    "save": lambda action: action.save(),
    "save some fields": lambda action: action.save(update_fields=["reason"]),
    "save by force": lambda action: action.save(force_update=True),
    "delete": lambda action: action.delete(),
    "update": lambda action: Records.update(reason="x"),
    "update a filtered one": lambda action: Records.filter(pk=action.pk).update(reason="x"),
    "update to null": lambda action: Records.update(moderator=None),
    "delete all": lambda action: Records.all().delete(),
    "bulk update": lambda action: Records.bulk_update([action], ["reason"]),
    "update or create": lambda action: Records.update_or_create(pk=action.pk, defaults={"reason": "x"}),
    "upsert": lambda action: Records.bulk_create(
        [action], update_conflicts=True, unique_fields=["pk"], update_fields=["reason"]
    ),
    "related update": lambda action: action.moderator.moderation_actions.update(reason="x"),
    "related delete": lambda action: action.moderator.moderation_actions.all().delete(),
    "related clear": lambda action: action.moderator.moderation_actions.clear(),
    "related clear one by one": lambda action: action.moderator.moderation_actions.clear(bulk=False),
    "related remove": lambda action: action.moderator.moderation_actions.remove(action),
    "related add": lambda action: UserFactory().moderation_actions.add(action),
    "related set": lambda action: UserFactory().moderation_actions.set([action]),
    "related update or create": lambda action: action.moderator.moderation_actions.update_or_create(
        pk=action.pk, defaults={"reason": "x"}
    ),
    "update through the base manager": lambda action: ModerationAction._base_manager.update(reason="x"),
    "delete through the base manager": lambda action: ModerationAction._base_manager.all().delete(),
}
ASYNC_ATTEMPTS = {
    "asave": lambda action: action.asave(),
    "adelete": lambda action: action.adelete(),
    "aupdate": lambda action: Records.aupdate(reason="x"),
    "adelete all": lambda action: Records.all().adelete(),
    "abulk_update": lambda action: Records.abulk_update([action], ["reason"]),
    "aclear": lambda action: action.moderator.moderation_actions.aclear(),
}


@pytest.mark.parametrize("attempt", ATTEMPTS.values(), ids=ATTEMPTS)
def test_a_record_cannot_be_changed_or_deleted(action, attempt):
    before = Records.values().get()
    action.reason = "Nothing happened."

    with pytest.raises(AppendOnlyError, match="ModerationAction is append-only"), transaction.atomic():
        attempt(action)
    assert Records.values().get() == before


async def waiting_for(coroutine):
    return await coroutine


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", ASYNC_ATTEMPTS.values(), ids=ASYNC_ATTEMPTS)
def test_a_record_cannot_be_changed_or_deleted_asynchronously(action, attempt):
    before = Records.values().get()
    with pytest.raises(AppendOnlyError):
        async_to_sync(waiting_for)(attempt(action))
    assert Records.values().get() == before


def test_a_new_record_cannot_replace_another(action):
    with pytest.raises(IntegrityError), transaction.atomic():
        new(pk=action.pk, reason="Another.").save()
    assert Records.get().reason == "Spam."


def test_records_can_be_added_in_every_way(moderator):
    new().save()
    Records.create(
        **{field: value for field, value in vars(new()).items() if field in ("action", "reason")},
        subject_id=1,
    )
    Records.bulk_create([new(), new()])
    Records.get_or_create(pk=10**6, defaults={"subject_id": 1})
    Records.update_or_create(pk=10**6 + 1, defaults={"subject_id": 1})
    moderator.moderation_actions.create(subject_id=1)

    assert Records.count() == 7


@pytest.mark.parametrize(
    "delete",
    [lambda user: user.delete(), lambda user: User.objects.all().delete(), lambda user: user.leave()],
)
def test_the_record_keeps_the_name_of_a_deleted_moderator(moderator, action, delete):
    delete(moderator)

    record = Records.get()
    assert (record.moderator, record.moderator_name, record.reason) == (None, "mo", "Spam.")
