"""Atom (RFC 4287) with links between pages (RFC 5005)."""

from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser
from django.contrib.syndication.views import Feed
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed

from accounts.common.app_settings import app_settings
from accounts.common.cursors import Cursor, Page
from accounts.common.links import absolute
from accounts.models import User
from posts import ids
from posts.conversations.replied_to import load_replied_to, replied_to_html
from posts.filters.models import Place
from posts.filters.reading import Filters, filtered_html, filtered_text
from posts.rendering.text import render_contents


@dataclass(frozen=True)
class FeedPage:
    """A page of a feed. `path` is the path of the feed, and `link` is the web page with the same posts."""

    id: str
    title: str
    path: str
    link: str
    cursor: Cursor
    page: Page
    subtitle: str = ""
    author: User | None = None
    # For whom the page was read.
    reader: User | AnonymousUser = AnonymousUser()

    def address(self, name=None, position=None):
        """Return the absolute address of the page of this feed at a cursor, or of its first page if there is no cursor."""
        return absolute(self.path) + (f"?{name}={position}" if position is not None else "")

    @property
    def own_address(self):
        name = "before" if self.cursor.before is not None else "after"
        return self.address(name, getattr(self.cursor, name))

    @property
    def links(self):
        """Yield (rel, address) for the adjacent pages of the feed. "next" is the older page."""
        yield "first", self.address()
        if self.page.newer is not None:
            yield "previous", self.address("after", self.page.newer)
        if self.page.older is not None:
            yield "next", self.address("before", self.page.older)


class PagedAtom(Atom1Feed):
    def latest_post_date(self):
        """Return when the newest post was written or edited. For an empty feed, Django would return the current time."""
        return super().latest_post_date() if self.items else ids.EPOCH

    def add_root_elements(self, handler):
        super().add_root_elements(handler)
        for rel, href in self.feed["links"]:
            handler.addQuickElement("link", "", {"rel": rel, "href": href})

    def add_item_elements(self, handler, item):
        super().add_item_elements(handler, item)
        handler.addQuickElement("content", item["content"], {"type": "html"})


class AtomFeed(Feed):
    """The Atom document for the FeedPage that the view has set on the request."""

    feed_type = PagedAtom

    def get_object(self, request, **kwargs):
        return request.feed_page

    def title(self, feed):
        return feed.title

    def subtitle(self, feed):
        return feed.subtitle

    def link(self, feed):
        return absolute(feed.link)

    def feed_guid(self, feed):
        return absolute(feed.id)

    def feed_url(self, feed):
        return feed.own_address

    def feed_extra_kwargs(self, feed):
        return {"links": feed.links}

    def author_name(self, feed):
        return feed.author.name if feed.author else app_settings.SITE_NAME

    def author_link(self, feed):
        return absolute(feed.author.get_absolute_url() if feed.author else reverse("posts:home"))

    def items(self, feed):
        load_replied_to(feed.page, feed.reader)
        filters = Filters(feed.reader, Place.HOME)
        posts = render_contents(feed.page, elsewhere=True)
        for post in posts:
            post.filtered_by = filters.match(post)
            post.quotes_filtered = bool(post.is_reply and post.replied_to and filters.match(post.replied_to))
        return posts

    def item_title(self, post):
        return filtered_text(post.filtered_by) if post.filtered_by else post.excerpt

    def item_description(self, post):
        return None  # The content has the full text, so there is no summary.

    def item_extra_kwargs(self, post):
        content = filtered_html(post.filtered_by) if post.filtered_by else post.content_html
        return {
            "content": replied_to_html(post, with_excerpt=not post.quotes_filtered, elsewhere=True) + content
        }

    def item_link(self, post):
        return absolute(post.get_absolute_url())

    item_guid = item_link

    def item_author_name(self, post):
        return post.author.name

    def item_author_link(self, post):
        return absolute(post.author.get_absolute_url())

    def item_pubdate(self, post):
        return post.created_on

    def item_updateddate(self, post):
        return post.edited_on or post.created_on
