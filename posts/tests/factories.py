from datetime import UTC, datetime, timedelta

import factory

from accounts.moderation.models import Report
from accounts.tests.factories import UserFactory
from posts.filters.matching import normalize
from posts.filters.models import Filter
from posts.ids import first_id_at, time_of
from posts.models import Post
from posts.paths import path_below

LONG_AGO = datetime(2024, 5, 1, 12, tzinfo=UTC)


class PostFactory(factory.django.DjangoModelFactory):
    """Old posts, a minute apart, in the order in which they are made. With `in_reply_to`, they are replies."""

    class Meta:
        model = Post

    id = factory.Sequence(lambda n: first_id_at(LONG_AGO + timedelta(minutes=n)))
    created_on = factory.LazyAttribute(lambda post: time_of(post.id))
    author = factory.SubFactory(UserFactory)
    content = factory.Sequence(lambda n: f"Post number {n}")

    @classmethod
    def _create(cls, model_class, *args, **kwargs):
        post = model_class(*args, **kwargs)
        if replied_to := post.in_reply_to:
            post.in_reply_to_author_id = replied_to.author_id
            post.thread = replied_to.conversation
            post.path = path_below(replied_to.path or b"", post.pk)
        # Not save(), which would give the post the id of the present time.
        model_class.objects.bulk_create([post])
        return post


class FilterFactory(factory.django.DjangoModelFactory):
    """Filters of `member` that apply everywhere."""

    class Meta:
        model = Filter

    member = factory.SubFactory(UserFactory)
    phrase = "spoilers"
    key = factory.LazyAttribute(lambda filter: normalize(filter.phrase))
    in_home = in_explore = in_notifications = True


class ReportFactory(factory.django.DjangoModelFactory):
    """Reports about `post`."""

    class Meta:
        model = Report

    reporter = factory.SubFactory(UserFactory)
    post = factory.SubFactory(PostFactory)
    reason = "spam"

    @classmethod
    def _create(cls, model_class, *, post, **fields):
        report = model_class.new(post, **fields)
        report.save()
        return report
