"""The timelines that can be read as a feed: of one author, of everyone, and, by a token, one's own home."""

from functools import wraps
from operator import attrgetter

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.cache import get_conditional_response, patch_cache_control, set_response_etag
from django.utils.http import http_date
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.paging import Cursor, fetch_from, paginate
from posts.feeds.atom import AtomFeed, FeedPage
from posts.feeds.changes import unchanged_since
from posts.ids import MAX_ID
from posts.models import HomeFeed, Post
from posts.timelines import home_timeline

PAGE_SIZE = 20


def page_of(posts, cursor):
    fetch = fetch_from(posts.newest_first().for_lists())
    return paginate(fetch, cursor, PAGE_SIZE, settled=attrgetter("settled"))


def find_author_feed(request, cursor, username):
    author = get_object_or_404(User.objects.visible(), username=username.lower())
    return FeedPage(
        id=author.get_absolute_url(),
        title=f"{author.full_name} · {settings.SITE_NAME}",
        subtitle=author.bio,
        path=reverse("posts:author-feed", args=[author.username]),
        link=author.get_absolute_url(),
        author=author,
        cursor=cursor,
        page=page_of(Post.objects.visible().by(author), cursor),
    )


def find_public_feed(request, cursor):
    explore = reverse("posts:explore")
    return FeedPage(
        id=explore,
        title=f"{_('Explore')} · {settings.SITE_NAME}",
        subtitle=_("What everyone here writes, newest first."),
        path=reverse("posts:public-feed"),
        link=explore,
        cursor=cursor,
        page=page_of(Post.objects.visible(), cursor),
    )


def find_home_feed(request, cursor, token):
    reader = HomeFeed.reader_of(token)
    if reader is None:
        raise Http404("No such feed.")
    home = reverse("posts:home")
    return FeedPage(
        # Not the address: that has the token in it, and another after a renewal.
        id=f"{home}#{reader.username}",
        title=_("Home of @%(name)s") % {"name": reader.username} + f" · {settings.SITE_NAME}",
        path=reverse("posts:home-feed", args=[token]),
        link=home,
        cursor=cursor,
        page=home_timeline().page(reader, cursor),
    )


def feed_view(find, *, private=False):
    """Return the view of the feed whose page `find(request, cursor, ...)` returns. Sent again only when it changed."""

    @wraps(find)
    def view(request, **kwargs):
        request.feed_page = find(request, Cursor.from_query(request.GET, MAX_ID), **kwargs)
        response = AtomFeed()(request, **kwargs)
        response.headers["X-Robots-Tag"] = "noindex"
        if private:
            patch_cache_control(response, private=True)
        return sent_again_if_changed(request, response)

    return login_not_required(require_safe(view))


def sent_again_if_changed(request, response):
    """Return the response with an ETag and a Last-Modified, or 304 if it is the one that the reader has."""
    set_response_etag(response)
    # Not Django's, the date of the newest post: it stays when another is edited or deleted.
    del response.headers["Last-Modified"]
    since = unchanged_since(request.feed_page.own_address, response["ETag"])
    if since is not None:
        response.headers["Last-Modified"] = http_date(since)
    return get_conditional_response(request, response["ETag"], since, response)


author_feed = feed_view(find_author_feed)
public_feed = feed_view(find_public_feed)
home_feed = feed_view(find_home_feed, private=True)
