from datetime import UTC, datetime, timedelta

import factory

from accounts.tests.factories import UserFactory
from posts.ids import first_id_at, moment_of
from posts.models import Post

LONG_AGO = datetime(2024, 5, 1, 12, tzinfo=UTC)


class PostFactory(factory.django.DjangoModelFactory):
    """Posts of long ago, a minute apart, in the order in which they are made."""

    class Meta:
        model = Post

    id = factory.Sequence(lambda n: first_id_at(LONG_AGO + timedelta(minutes=n)))
    created_on = factory.LazyAttribute(lambda post: moment_of(post.id))
    author = factory.SubFactory(UserFactory)
    content = factory.Sequence(lambda n: f"Post number {n}")

    @classmethod
    def _create(cls, model_class, *args, **kwargs):
        post = model_class(*args, **kwargs)
        # As it is: save() would give it the id of this moment.
        model_class.objects.bulk_create([post])
        return post
