import random
from datetime import timedelta

from django.core.management.base import CommandError
from django.db import transaction
from django.utils import timezone

from accounts.common.seeding import SeedCommand, positive
from accounts.seeding.people import seeded_people
from posts.ids import EPOCH
from posts.seeding.posts import (
    Acquaintances,
    make_likes,
    make_posts,
    store,
    store_likes,
    stored_submissions,
    submission_of,
)
from posts.timelines import home_timeline


class Command(SeedCommand):
    help = (
        "Makes posts by the people that seed_users has made, in their languages, with bursts and breaks, replies, mentions and "
        "likes. If it runs again with the same seed, it adds only what is missing. It sends no events."
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
        submissions = [submission_of(seed, number) for number in range(count)]
        missing = sum(submission not in stored for submission in submissions)
        acquaintances, rng = Acquaintances(), random.Random(f"likes {seed}")
        people = {author.username: author.pk for author in authors}
        posts = make_posts(seed, authors, acquaintances, submissions, start, end, stored)
        writers = set()
        for batch in self.in_batches(posts, missing, "Posts"):
            writers.update(post.author_id for post in batch)
            if not dry_run:
                store(batch, people)
                followers = acquaintances.followers
                store_likes(
                    like
                    for post in batch
                    for like in make_likes(rng, post, followers.get(post.author_id, []), end)
                )
        if not dry_run:
            # No events were sent, so the stored timelines don't have these posts.
            home_timeline().invalidate()
        self.say(f"{'Would make' if dry_run else 'Made'} {missing:,} posts by {len(writers):,} people.")
