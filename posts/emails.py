"""The mails about posts."""

from datetime import datetime, timedelta
from types import SimpleNamespace

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.emails.followers import sample_people
from accounts.emails.kinds import When, register
from accounts.emails.plans import CollectedKind
from accounts.links import absolute
from posts.ids import first_id_at
from posts.models import Post
from posts.rendering import render_contents, render_text

# So many are shown; the rest are counted.
SHOWN = 20


@register
class HomeByMail(CollectedKind):
    """The newest posts of those whom the recipient follows, since the last such mail."""

    name = "home_by_mail"
    label = gettext_lazy("What the people I follow have written")
    template = "posts/email/home_by_mail"
    choices = (When.DAILY, When.WEEKLY, When.NEVER)
    default = When.NEVER

    def content(self, recipient, since, until):
        posts = Post.objects.followed_by(recipient).between(
            first_id_at(datetime.fromisoformat(since)), first_id_at(datetime.fromisoformat(until))
        )
        return self.about(list(posts.for_display().newest_first()[:SHOWN]), posts.count())

    def about(self, posts, count):
        """Return what the templates need, or None if nobody has written anything."""
        if not posts:
            return None
        return {
            "posts": [shown(post) for post in render_contents(posts, elsewhere=True)],
            "count": count,
            "more": count - len(posts),
            "home_url": absolute("/"),
        }

    def sample(self, recipient):
        texts = [
            _("The lighthouse keeper waved back today. It took three years."),
            _("Bread, take four: it has risen."),
            _("Reading about tides. https://example.org/tides"),
        ]
        now = timezone.now()
        posts = [
            Post(id=number, author=author, content=text, created_on=now - timedelta(hours=number))
            for number, (author, text) in enumerate(zip(sample_people(), texts, strict=True))
        ]
        return self.about(posts, 24)


def shown(post):
    """What the mail says of `post`, whose content has been rendered."""
    return SimpleNamespace(
        author=post.author,
        moment=post.created_on,
        url=absolute(post.get_absolute_url()),
        text=render_text(post.content),
        html=post.content_html,
    )
