"""What search engines may show: the pages about the site, and the profiles and posts of members who want it."""

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

from accounts.jobs.registry import task
from accounts.links import absolute
from accounts.models import ListPart, User
from posts.models import Post


class SiteSitemap(Sitemap):
    """Under the address of SITE_URL, whatever name the request has used."""

    # The format allows 50,000, but then one answer holds a process for seconds.
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
    """Cuts a queryset into parts by primary keys that are stored: no part, nor their list, takes longer on a larger site.

    The oldest rows come first: what is in a part stays there as more is written.
    """

    def __init__(self, name, rows, per_page):
        self.name, self.rows, self.per_page = name, rows, per_page

    @property
    def count(self):
        return len(self.rows.values_list("pk")[:1])  # Only whether there are any matters.

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
    """Of the rows of a model."""

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


# So many parts more than are stored are looked for, one after another, in a request or by the periodic task.
NEW_PARTS = 10

SECTIONS = {"pages": PageSitemap, "people": ProfileSitemap, "posts": PostSitemap}


@task("sitemap.store_parts", formerly=["socializer.sitemaps.store_parts"])
def store_parts():
    """Store where new parts of the sitemap begin, so that no request has to look for them."""
    for section in (ProfileSitemap, PostSitemap):
        section().paginator.store()


def answer(request, template, context):
    return TemplateResponse(
        request, template, context, content_type="application/xml", headers={"X-Robots-Tag": "noindex"}
    )


@login_not_required
@require_safe
def index(request):
    """The list of all parts. Their addresses have no query: robots.txt closes those."""
    parts = [
        SitemapIndexItem(absolute(reverse("sitemap-part", args=[name, number])))
        for name, section in SECTIONS.items()
        if section().paginator.count
        for number in section().paginator.page_range
    ]
    return answer(request, "sitemap_index.xml", {"sitemaps": parts})


@login_not_required
@require_safe
def part(request, section, number):
    try:
        urls = SECTIONS[section]().get_urls(number)
    except (KeyError, EmptyPage) as error:
        raise Http404("No such part.") from error
    return answer(request, "sitemap.xml", {"urlset": urls})
