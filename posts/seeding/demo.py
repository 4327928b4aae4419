"""What the member of the demo network finds: answers to recent posts, notifications, and bookmarks."""

from datetime import datetime, timedelta
from typing import NamedTuple

from accounts.models import Follow, User
from accounts.notifications.digests import group_key
from accounts.notifications.followers import NewFollower
from accounts.notifications.models import Notification
from accounts.seeding.people import language_of
from posts.ids import RANDOM_BITS, first_id_at, time_of
from posts.models import Bookmark, Like, Mention, Post
from posts.notifications import Liked, Mentioned, Reply
from posts.seeding.phrases import answer
from posts.seeding.posts import store

TEXTS = [
    "Back from a week by the sea with no phone. What did I miss?",
    "The bakery on the corner closes on Friday. I wrote down what I will miss: the bell, the queue, the rye bread.",
    "Reading about lighthouses again. Which one should I see first?",
]
BOOKMARKS = 6
# Notifications older than this have been seen.
UNSEEN = timedelta(days=1)
# Older events have no notifications.
NOTIFIED = timedelta(days=30)


def furnish(member, rng, now):
    """Give `member` posts with replies, mentions and likes from the last day, notifications, and bookmarks."""
    add_recent_posts(member, rng, now)
    newest = list(Post.objects.followed_by(member).newest_first()[:50])
    Bookmark.objects.bulk_create(
        Bookmark(member=member, post=post, created_on=now) for post in rng.sample(newest, BOOKMARKS)
    )
    add_notifications(member, now)


def add_recent_posts(member, rng, now):
    """Store TEXTS as posts of `member`, with replies and likes, and a post that mentions them."""
    followers = list(User.objects.followers_of(member).order_by("pk"))
    english = [person for person in followers if language_of(person) == "en"]
    posts = []
    for hours, text in zip((15, 10, 5), TEXTS, strict=True):
        time = now - timedelta(hours=hours)
        post = make_post(rng, member, time, text)
        first, second = (
            make_post(
                rng, person, time + timedelta(minutes=minutes), answer(rng, "en", member.username), post
            )
            for minutes, person in zip((20, 40), rng.sample(english, 2), strict=True)
        )
        time += timedelta(minutes=60)
        last = make_post(rng, member, time, answer(rng, "en", second.author.username), second)
        posts += [post, first, second, last]
    thanks = f"Thank you, @{member.username}, for the tip. The walk along the canal was worth it."
    posts.append(make_post(rng, rng.choice(english), now - timedelta(hours=3), thanks))
    store(posts, {person.username: person.pk for person in [member, *english]})
    Like.objects.bulk_create(
        Like(post=post, member=person, created_on=post.created_on + timedelta(minutes=30))
        for post in posts
        if post.author == member
        for person in rng.sample(followers, rng.randint(1, 8))
    )


def make_post(rng, author, time, content, replied_to=None):
    """Return an unsaved post in English."""
    key = first_id_at(time) | rng.getrandbits(RANDOM_BITS)
    return Post(
        id=key,
        created_on=time_of(key),
        author=author,
        content=content,
        language="en",
        in_reply_to=replied_to,
    )


def add_notifications(member, now):
    """Store notifications about what others did, as the receivers of the events would have, but without emails."""
    events = [event for event in events_about(member) if event.created_on > now - NOTIFIED]
    stored = Notification.objects.bulk_create(
        Notification(
            recipient=member,
            type=event.type,
            actor_id=event.actor,
            subject=event.subject,
            group_key=group_key(event.type, event.group, event.created_on),
            created_on=event.created_on,
            emailed_in=Notification.NOT_WANTED,
        )
        for event in sorted(events)
    )
    seen = [row.pk for row in stored if row.created_on < now - UNSEEN]
    User.objects.filter(pk=member.pk).update(notifications_seen=max(seen, default=0))


class Event(NamedTuple):
    """What `digests.notify()` would have been told. People are primary keys."""

    created_on: datetime
    type: str
    actor: int
    subject: int
    group: int | str


def events_about(member):
    """Yield an Event for everything that others did and that concerns `member`."""
    replies = Post.objects.filter(in_reply_to_author=member).exclude(author=member)
    for time, author, key, above in replies.values_list("created_on", "author", "pk", "in_reply_to"):
        yield Event(time, Reply.name, author, key, above)
    mentions = Mention.objects.filter(person=member).exclude(post__author=member)
    # Someone to whom a post replies is notified of that only.
    mentions = mentions.exclude(post__in_reply_to_author=member)
    for time, author, key in mentions.values_list("post__created_on", "post__author", "post"):
        yield Event(time, Mentioned.name, author, key, key)
    likes = Like.objects.filter(post__author=member).exclude(member=member)
    for time, liker, key in likes.values_list("created_on", "member", "post"):
        yield Event(time, Liked.name, liker, key, key)
    follows = Follow.objects.filter(followed=member)
    for time, follower, key in follows.values_list("created_on", "follower", "pk"):
        yield Event(time, NewFollower.name, follower, key, "")
