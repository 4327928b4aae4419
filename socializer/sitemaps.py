"""The sitemap: the pages about the site, and the profiles and posts of members who allow search engines."""

from types import SimpleNamespace
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.sitemaps import Sitemap
from django.contrib.sitemaps.views import SitemapIndexItem
from django.core.paginator import EmptyPage
from django.http import Http404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.common.links import absolute
from accounts.common.models import ListPart
from accounts.jobs.registry import task
from accounts.models import SiteSettings, User
from posts.models import Post


class SiteSitemap(Sitemap):
    """A section of the sitemap. Its URLs always start with SITE_URL, regardless of the host in the request."""

    # The format allows 50,000 URLs, but such a page would take seconds.
    limit = 5000

    def get_protocol(self, protocol=None):
        return urlsplit(settings.SITE_URL).scheme

    def get_domain(self, site=None):
        return urlsplit(settings.SITE_URL).netloc


class PageSitemap(SiteSitemap):
    def items(self):
        return ["posts:home", "about", "rules", "privacy"]

    def location(self, item):
        return reverse(item)


class KeyPaginator:
    """Divides a queryset into parts by stored primary keys, so that loading a part doesn't take longer on a larger site.

    The oldest rows come first, so rows stay in their part when new ones are added.
    """

    def __init__(self, name, rows, per_page):
        self.name, self.rows, self.per_page = name, rows, per_page

    @property
    def count(self):
        return len(self.rows.values_list("pk")[:1])  # All that matters is whether there are any rows.

    @property
    def page_range(self):
        return range(1, len(self.first_keys()) + 1)

    def page(self, number):
        keys = ListPart.stored_keys(self.name)
        if number > len(keys):
            keys = self.first_keys()
        if not 1 <= number <= len(keys):
            raise EmptyPage
        rows = self.rows.filter(pk__gte=keys[number - 1])
        rows = rows.filter(pk__lt=keys[number]) if number < len(keys) else rows[: self.per_page]
        return SimpleNamespace(object_list=rows)

    def first_keys(self):
        return ListPart.first_keys(self.name, self.rows, self.per_page, at_most=NEW_PARTS)

    def store(self):
        ListPart.store(self.name, self.rows, self.per_page, at_most=NEW_PARTS)


class KeySitemap(SiteSitemap):
    """A section with the rows of a model."""

    name = ""

    @property
    def paginator(self):
        return KeyPaginator(self.name, self.items().order_by("pk"), self.limit)


class ProfileSitemap(KeySitemap):
    name = "sitemap-people"

    def items(self):
        return User.objects.indexable().only("username")


class PostSitemap(KeySitemap):
    name = "sitemap-posts"

    def items(self):
        return Post.objects.indexable().only("created_on")

    def lastmod(self, post):
        return post.created_on


# A request or a run of the periodic task finds at most this many parts that aren't stored yet.
NEW_PARTS = 10

SECTIONS = {"pages": PageSitemap, "people": ProfileSitemap, "posts": PostSitemap}


def sections_for(request):
    """Return the sections that the sitemap has now. That of a site for members only has no people and no posts."""
    return {"pages": PageSitemap} if SiteSettings.of(request).members_only else SECTIONS


@task("sitemap.store_parts", formerly=["socializer.sitemaps.store_parts"])
def store_parts():
    """Store the first keys of new parts of the sitemap, so that requests don't have to find them."""
    for section in (ProfileSitemap, PostSitemap):
        section().paginator.store()


def xml_response(request, template, context):
    return TemplateResponse(
        request, template, context, content_type="application/xml", headers={"X-Robots-Tag": "noindex"}
    )


@login_not_required
@require_safe
def index(request):
    """List all parts. Their URLs have no query string, because robots.txt excludes URLs with query strings."""
    parts = [
        SitemapIndexItem(absolute(reverse("sitemap-part", args=[name, number])))
        for name, section in sections_for(request).items()
        if section().paginator.count
        for number in section().paginator.page_range
    ]
    return xml_response(request, "sitemap_index.xml", {"sitemaps": parts})


@login_not_required
@require_safe
def part(request, section, number):
    try:
        urls = sections_for(request)[section]().get_urls(number)
    except (KeyError, EmptyPage) as error:
        raise Http404("No such part.") from error
    return xml_response(request, "sitemap.xml", {"urlset": urls})
