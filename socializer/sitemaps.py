"""What search engines may show: the pages about the site, and the profiles and posts of members who want it."""

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

from accounts.links import absolute
from accounts.models import User
from posts.models import Post


class SiteSitemap(Sitemap):
    """Under the address of SITE_URL, whatever name the request has used."""

    # The format allows 50,000, but then one answer holds a process for seconds. Parts are cut by number and not by key:
    # late ones cost a walk along the index, but each keeps its address, which search engines know it by.
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


class ProfileSitemap(SiteSitemap):
    def items(self):
        return User.objects.indexable().only("username").order_by("pk")


class PostSitemap(SiteSitemap):
    def items(self):
        # The oldest first: what stands on a page stays there as more is written.
        return Post.objects.indexable().only("created_on").order_by("pk")

    def lastmod(self, post):
        return post.created_on


SECTIONS = {"pages": PageSitemap, "people": ProfileSitemap, "posts": PostSitemap}


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
