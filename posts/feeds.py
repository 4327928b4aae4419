from hashlib import blake2s

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.syndication.views import Feed
from django.shortcuts import get_object_or_404
from django.utils.feedgenerator import Atom1Feed
from django.utils.text import Truncator
from django.views.decorators.http import condition, require_safe

from accounts.links import absolute
from accounts.models import User
from posts.models import Post
from posts.rendering import render_contents


def feed_posts(username):
    """The newest 20 visible posts by the visible person of that name."""
    author = get_object_or_404(User.objects.visible(), username=username.lower())
    return author, list(Post.objects.visible().by(author).newest_first().for_display()[:20])


def feed_etag(request, username):
    """Changes with what the feed shows: the posts and the author's name."""
    author, posts = feed_posts(username)
    request.feed_posts = author, posts
    state = "".join([author.name, author.bio, *(f"{post.pk}{post.content}" for post in posts)])
    return f'"{blake2s(state.encode(), digest_size=12).hexdigest()}"'


class AuthorFeed(Feed):
    """Somebody's newest posts as Atom, open to everyone."""

    feed_type = Atom1Feed

    def get_object(self, request, username):
        author, posts = request.feed_posts
        author.feed_posts = render_contents(posts)
        return author

    def title(self, author):
        return f"{author.name} (@{author.username}) · {settings.SITE_NAME}"

    def link(self, author):
        return absolute(author.get_absolute_url())

    feed_guid = link

    def subtitle(self, author):
        return author.bio

    def author_name(self, author):
        return author.name

    def author_link(self, author):
        return absolute(author.get_absolute_url())

    def items(self, author):
        return author.feed_posts

    def item_title(self, post):
        return Truncator(" ".join(post.content.split())).chars(80)

    def item_description(self, post):
        # The only addresses without a host are ours, of people mentioned; readers know no host to add.
        return post.content_html.replace('href="/', f'href="{settings.SITE_URL}/')

    def item_link(self, post):
        return absolute(post.get_absolute_url())

    item_guid = item_link

    def item_pubdate(self, post):
        return post.created_on

    item_updateddate = item_pubdate


# On a Feed, which is no class-based view, decorators go around the instance.
author_feed = login_not_required(require_safe(condition(etag_func=feed_etag)(AuthorFeed())))
