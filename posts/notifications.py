"""Notifications about posts: replies, mentions and likes."""

from datetime import timedelta
from textwrap import indent

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.common.links import absolute
from accounts.emails.samples import sample_people
from accounts.notifications import digests
from accounts.notifications.models import Notification
from accounts.notifications.types import Frequency, NotificationType, by_visible_people, register
from accounts.querysets import without_muted
from posts import signals
from posts.conversations.models import ConversationMute
from posts.emails import describe
from posts.filters.models import Place
from posts.filters.reading import Filters
from posts.models import Like, Mention, Post
from posts.models.mention import NOTIFIED_PER_POST
from posts.rendering.text import mentioned_names, render_contents

# How many posts an email shows, or how many people it names. The others are only counted.
SHOWN = 10


def connect():
    """Connect the receivers of this module. Called by PostsConfig.ready()."""
    signals.post_published.connect(record_post)
    signals.post_edited.connect(record_edit)
    signals.post_liked.connect(record_like)
    signals.post_unliked.connect(record_unlike)


def audible_to(recipient):
    """Return the posts that `recipient` may see, without those in conversations about which they don't want notifications."""
    return Post.objects.visible_to(recipient).filter(~Exists(ConversationMute.objects.of_each(recipient)))


def load_posts(recipient, ids):
    """Return a dict of the posts with these ids that `recipient` may see."""
    return Post.objects.visible_to(recipient).in_bulk(ids)


class PostNotification(NotificationType):
    """Something about a post. The subject is its id."""

    frequencies = (Frequency.AT_ONCE, Frequency.DAILY, Frequency.WEEKLY, Frequency.NEVER)
    load_subjects = staticmethod(load_posts)

    def condition(self, recipient):
        return Q(Exists(audible_to(recipient).filter(pk=OuterRef("subject")))) & by_visible_people(recipient)


class WrittenNotification(PostNotification):
    """A post that concerns the recipient. Emails show its text and the post to which it replies, unless they muted its author."""

    def content_for(self, recipient, notifications):
        written = Post.objects.visible_to(recipient).filter(pk__in=notifications.values("subject"))
        newest = list(written.for_display().newest_first()[:SHOWN])
        quotable = without_muted(Post.objects.visible_to(recipient), "author", recipient)
        above = quotable.for_display().in_bulk({post.in_reply_to_id for post in newest})
        return self._context(newest, above, written.count(), Filters(recipient, Place.NOTIFICATIONS))

    def _context(self, written, above, count, filters=None):
        if not written:
            return None
        render_contents([*written, *above.values()], elsewhere=True)
        posts = [describe(post, filters=filters) for post in written]
        for post, described in zip(written, posts, strict=True):
            replied_to = above.get(post.in_reply_to_id)
            described.replied_to = replied_to and describe(replied_to, filters=filters)
            if replied_to:
                described.replied_to.quoted_text = quote(described.replied_to.text)
        return {"posts": posts, "first": posts[0], "count": count, "more": count - len(posts)}

    def _sample(self, text):
        grace, alan, _katherine = sample_people()
        now = timezone.now()
        above = Post(
            id=1,
            author=alan,
            content=_("The lighthouse keeper waved back today. It took three years."),
            created_on=now - timedelta(hours=2),
        )
        post = Post(id=2, author=grace, content=text, created_on=now, in_reply_to_id=1)
        return self._context([post], {1: above}, 1)


@register
class Reply(WrittenNotification):
    """Replies to the recipient's posts. The page groups them by the post to which they reply."""

    name = "reply"
    label = gettext_lazy("Someone replies to me")
    template = "posts/email/reply"
    item_template = "posts/notifications/_reply.html"

    def sample(self, recipient):
        return self._sample(_("Next time, wave with both hands."))


@register
class Mentioned(WrittenNotification):
    """Posts that mention the recipient and don't reply to them."""

    name = "mention"
    label = gettext_lazy("Someone mentions me")
    template = "posts/email/mention"
    item_template = "posts/notifications/_mention.html"

    def condition(self, recipient):
        # The mention may have been edited away.
        mentions = Mention.objects.filter(post=OuterRef("subject"), person=recipient.pk)
        return super().condition(recipient) & Q(Exists(mentions))

    def sample(self, recipient):
        return self._sample(_("You should meet @%(name)s.") % {"name": recipient.username})


@register
class Liked(PostNotification):
    """Likes of the recipient's posts."""

    name = "like"
    label = gettext_lazy("Someone likes my post")
    template = "posts/email/like"
    item_template = "posts/notifications/_like.html"
    default = Frequency.NEVER

    def condition(self, recipient):
        likes = Like.objects.filter(post=OuterRef("subject"), member=OuterRef("actor"))
        return super().condition(recipient) & Q(Exists(likes))

    def earlier_email(self, recipient, actor, subject):
        """Return the key of an email about this like that is about to be sent, or REPEATED if one was sent within a day."""
        likes = Notification.objects.filter(recipient=recipient, actor=actor, type=self.name, subject=subject)
        return digests.earlier_email(self, recipient, likes)

    def content_for(self, recipient, notifications):
        newest = notifications.select_related("actor").order_by("-pk")[:SHOWN]
        posts = load_posts(recipient, {row.subject for row in newest})
        likes = [(row.actor, posts[row.subject]) for row in newest if row.subject in posts]
        return self._context(likes, notifications.count())

    def sample(self, recipient):
        text = _("Bread, take four: it has risen.")
        post = Post(id=1, author=recipient, content=text, created_on=timezone.now())
        return self._context([(person, post) for person in sample_people()], 3)

    def _context(self, likes, count):
        if not likes:
            return None
        shown = [
            {"person": person, "text": str(post), "url": absolute(post.get_absolute_url())}
            for person, post in likes
        ]
        return {"likes": shown, "first": shown[0], "count": count, "more": count - len(shown)}


def quote(text):
    """Return a plain text as emails quote it."""
    return indent(text, "> ", lambda line: True)


def record_post(sender, post, mentioned, **kwargs):
    """Notify the person to whom a new post replies, and those whom it mentions."""
    if post.in_reply_to_author_id not in (None, post.author_id):
        digests.notify(
            Reply.name,
            post.in_reply_to_author,
            actor=post.author,
            subject=post.pk,
            group=post.in_reply_to_id,
        )
    notify_mentioned(post, mentioned, NOTIFIED_PER_POST)


def record_edit(sender, post, mentioned, **kwargs):
    """Notify those whom no earlier version of the post mentioned."""
    if mentioned:
        texts = post.revisions.values_list("content", flat=True)
        earlier = {name for text in texts for name in mentioned_names(text)}
        new = [person for person in mentioned if person.username not in earlier]
        notify_mentioned(post, new, max(NOTIFIED_PER_POST - len(earlier), 0))


def notify_mentioned(post, people, limit):
    """Notify the first `limit` of `people`. Someone to whom the post replies has been notified of that."""
    for person in people[:limit]:
        if person.pk != post.in_reply_to_author_id:
            digests.notify(Mentioned.name, person, actor=post.author, subject=post.pk)


def record_like(sender, like, **kwargs):
    """Notify the author, unless they like their own post."""
    if like.member_id != like.post.author_id:
        digests.notify(Liked.name, like.post.author, actor=like.member, subject=like.post_id)


def record_unlike(sender, post, member, **kwargs):
    """Delete the notification of the like, unless an email includes it."""
    likes = Notification.objects.filter(
        recipient=post.author_id, actor=member, type=Liked.name, subject=post.pk
    )
    likes.filter(emailed_in__in=Notification.NOT_IN_AN_EMAIL).delete()
