"""The emails about posts."""

from datetime import datetime, timedelta
from types import SimpleNamespace

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.common.links import absolute
from accounts.emails.samples import sample_people
from accounts.notifications.types import Digest, Frequency, register
from posts.conversations.replied_to import load_replied_to, replied_to_text
from posts.filters.models import Place
from posts.filters.reading import Filters, filtered_html, filtered_text
from posts.ids import first_id_at
from posts.models import Post
from posts.rendering.text import render_contents, render_text

# The number of posts that the email shows. Any other posts are only counted.
MAX_POSTS = 20


@register
class HomeDigest(Digest):
    """A digest of new posts by people whom the recipient follows."""

    name = "home_by_mail"
    label = gettext_lazy("Posts from people I follow")
    template = "posts/email/home_by_mail"
    frequencies = (Frequency.DAILY, Frequency.WEEKLY, Frequency.NEVER)
    default = Frequency.NEVER

    def content(self, recipient, since, until):
        posts = Post.objects.followed_by(recipient).between(
            first_id_at(datetime.fromisoformat(since)), first_id_at(datetime.fromisoformat(until))
        )
        shown = list(posts.for_display().newest_first()[:MAX_POSTS])
        load_replied_to(shown, recipient)
        return self._context(shown, posts.count(), Filters(recipient, Place.HOME))

    def _context(self, posts, count, filters=None):
        if not posts:
            return None
        return {
            "posts": [
                describe(post, replied_to_text(post), filters)
                for post in render_contents(posts, elsewhere=True)
            ],
            "count": count,
            "more": count - len(posts),
            "home_url": absolute(reverse("posts:home")),
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
        return self._context(posts, 24)


def describe(post, replied_to=None, filters=None):
    """Return the data about `post` that the templates show. Its content must already be rendered.

    `replied_to` is what they show about the post to which it replies. If one of the Filters `filters` matches, a line that says so
    takes the place of the text, which the link leads to.
    """
    if phrase := filters and filters.match(post):
        text, html = filtered_text(phrase), filtered_html(phrase)
    else:
        text, html = render_text(post.content), post.content_html
    return SimpleNamespace(
        author=post.author,
        created_on=post.created_on,
        url=absolute(post.get_absolute_url()),
        replied_to=replied_to,
        text=text,
        html=html,
    )
