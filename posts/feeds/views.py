"""Feeds of an author's posts, of everyone's posts, and of the member's own home timeline, which has a private link."""

import time
from functools import wraps
from hashlib import blake2s
from operator import attrgetter

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_cache_control, set_response_etag
from django.utils.decorators import method_decorator
from django.utils.http import http_date
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.generic import TemplateView

from accounts.common.app_settings import app_settings
from accounts.common.cursors import PAGE_SIZE, Cursor, fetch_from, paginate
from accounts.common.links import absolute
from accounts.models import User
from accounts.site_access import open_unless_members_only
from posts.feeds.atom import AtomFeed, FeedPage
from posts.feeds.models import HomeFeed
from posts.ids import MAX_ID
from posts.models import Post
from posts.rendering.cards import ask_cache
from posts.timelines import home_timeline

# How many seconds the time of a feed's last change stays in the cache.
CHANGE_LIFETIME = 30 * 24 * 3600


def page_of(posts, cursor):
    fetch = fetch_from(posts.newest_first().for_lists())
    return paginate(fetch, cursor, PAGE_SIZE, settled=attrgetter("settled"))


def find_author_feed(request, cursor, username):
    author = get_object_or_404(User.objects.visible(), username=username.lower())
    return FeedPage(
        id=author.get_absolute_url(),
        title=f"{author.full_name} · {app_settings.SITE_NAME}",
        subtitle=author.bio,
        path=reverse("posts:author-feed", args=[author.username]),
        link=author.get_absolute_url(),
        author=author,
        cursor=cursor,
        page=page_of(Post.objects.visible().by(author).without_replies(), cursor),
    )


def find_public_feed(request, cursor):
    explore = reverse("posts:explore")
    return FeedPage(
        id=explore,
        title=f"{_('Explore')} · {app_settings.SITE_NAME}",
        subtitle=_("Everyone's posts, newest first."),
        path=reverse("posts:public-feed"),
        link=explore,
        cursor=cursor,
        page=page_of(Post.objects.public(), cursor),
    )


def find_home_feed(request, cursor, token):
    reader = HomeFeed.reader_of(token)
    if reader is None:
        raise Http404("No such feed.")
    home = reverse("posts:home")
    return FeedPage(
        # This isn't the feed's own address, because that contains the token and changes with it.
        id=f"{home}#{reader.username}",
        title=_("Home timeline of @%(name)s") % {"name": reader.username} + f" · {app_settings.SITE_NAME}",
        path=reverse("posts:home-feed", args=[token]),
        link=home,
        cursor=cursor,
        reader=reader,
        page=home_timeline().page(reader, cursor),
    )


def feed_view(find, *, private=False):
    """Return a view that responds with the FeedPage returned by `find(request, cursor, ...)`."""

    @wraps(find)
    def view(request, **kwargs):
        request.feed_page = find(request, Cursor.from_query(request.GET, MAX_ID), **kwargs)
        response = AtomFeed()(request, **kwargs)
        response.headers["X-Robots-Tag"] = "noindex"
        if private:
            patch_cache_control(response, private=True)
        return conditional_response(request, response)

    # The address of a private feed says whose it is.
    is_open = login_not_required if private else open_unless_members_only
    return is_open(require_safe(view))


def conditional_response(request, response):
    """Return the response with an ETag and a Last-Modified header, or a 304 if the feed reader already has it."""
    set_response_etag(response)
    # Django's header is the date of the newest post. It doesn't change when another post is edited or deleted.
    del response.headers["Last-Modified"]
    since = unchanged_since(request.feed_page.own_address, response["ETag"])
    if since is not None:
        response.headers["Last-Modified"] = http_date(since)
    return get_conditional_response(request, response["ETag"], since, response)


def unchanged_since(address, etag):
    """Return the timestamp, in whole seconds, since when the feed at `address` has had this `etag`, or None if it is unknown.

    This is when this version was first sent. The time of the change isn't stored: a deleted post leaves no row, and names
    change elsewhere. HTTP dates have whole seconds. If a feed has two versions within a second, the later version has no time
    until the next second. While the cache is unavailable, there is no time either.
    """
    # The address is hashed because private feeds have secret addresses.
    name = f"feed:{blake2s(f'{get_language()} {address}'.encode(), digest_size=16).hexdigest()}"
    now = int(time.time())
    last, since = ask_cache("get", name) or ("", 0)
    if last == etag:
        return since
    if since >= now or not _is_first_version_of(f"{name}:{now}", etag):
        return None
    ask_cache("set", name, (etag, now), CHANGE_LIFETIME)
    return now


def _is_first_version_of(second, etag):
    """Return whether no process has sent a different version of the feed in this second."""
    return ask_cache("add", second, etag, 60) or ask_cache("get", second) == etag


author_feed = feed_view(find_author_feed)
public_feed = feed_view(find_public_feed)
home_feed = feed_view(find_home_feed, private=True)


@method_decorator(never_cache, name="dispatch")
class HomeFeedView(LoginRequiredMixin, TemplateView):
    """The settings page for the private feed: shows its link, creates a new one, or revokes it."""

    http_method_names = ["get", "head", "post", "options"]
    template_name = "posts/home_feed.html"

    def post(self, request):
        action = {"renew": self.renew, "revoke": self.revoke}.get(request.POST.get("do"))
        if action:
            action(request.user)
        return HttpResponseRedirect(reverse("posts:feeds"))

    def renew(self, user):
        if HomeFeed.renew(user, timezone.now()):
            message = _("Here is your new feed link. The old one no longer works.")
        else:
            message = _("Here is your feed link.")
        messages.success(self.request, message)

    def revoke(self, user):
        if HomeFeed.revoke(user):
            messages.success(self.request, _("Your feed link no longer works."))

    def get_context_data(self, **kwargs):
        feed = HomeFeed.objects.filter(user=self.request.user).first()
        address = feed and absolute(reverse("posts:home-feed", args=[feed.token]))
        return super().get_context_data(feed=feed, address=address, **kwargs)
