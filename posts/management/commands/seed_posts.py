from datetime import timedelta

from django.core.management.base import CommandError
from django.db import transaction
from django.utils import timezone

from accounts.common.seeding import SeedCommand, positive
from accounts.seeding.people import seeded_people
from posts.ids import EPOCH, time_of
from posts.models import Post
from posts.seeding.posts import make_posts, stored_submissions, submission_of
from posts.timelines import home_timeline


class Command(SeedCommand):
    help = (
        "Makes posts by the people that seed_users has made, in their languages, with bursts and breaks. "
        "If it runs again with the same seed, it adds only what is missing. It sends no events."
    )

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("--count", type=positive, default=20_000, help="How many posts (default: 20000).")
        parser.add_argument("--days", type=positive, default=90, help="Over how many days (default: 90).")

    @transaction.atomic
    def seed(self, *, seed, count, days, dry_run, **options):
        authors = list(seeded_people().visible())
        if not authors:
            raise CommandError("There are no made-up people. Run manage.py seed_users first.")
        # All posts are in the past, so that the next post by a member is the newest.
        end = timezone.now() - timedelta(minutes=1)
        if days > (end - EPOCH).days:
            raise CommandError("--days: posts can't be older than 2015.")
        start, stored = end - timedelta(days=days), stored_submissions()
        missing = sum(submission_of(seed, number) not in stored for number in range(count))
        posts = make_posts(seed, authors, count, start, end, stored)
        writers = set()
        for batch in self.in_batches(posts, missing, "Posts"):
            writers.update(post.author_id for post in batch)
            if not dry_run:
                Post.objects.bulk_create(self.without_conflicts(batch))
        if not dry_run:
            # No events were sent, so the stored timelines don't have these posts.
            home_timeline().invalidate()
        self.say(f"{'Would make' if dry_run else 'Made'} {missing:,} posts by {len(writers):,} people.")

    def without_conflicts(self, posts):
        """Return the posts. If a stored post already has the id of a new post, the new post gets the next free id."""
        between = Post.objects.filter(id__range=(posts[0].pk, posts[-1].pk + len(posts)))
        taken = set(between.values_list("pk", flat=True))
        for post in posts:
            while post.pk in taken:
                post.pk += 1
                post.created_on = time_of(post.pk)
            taken.add(post.pk)
        return posts
