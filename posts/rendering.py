"""A post's text as HTML: links, mentions of members, line breaks, and nothing else."""

import regex
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from linkify_it import LinkifyIt

from accounts.models import User

# Only what starts with http:// or https:// is a link: "e.g. this.and that" is not.
_links = LinkifyIt(options={"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
for _scheme in ("ftp:", "mailto:", "//"):
    _links.add(_scheme, None)

# Not in an address such as ada@example.com, nor of another server such as @ada@example.com.
# Scripts without spaces, as Chinese, may stand right beside it.
_mention = regex.compile(r"(?<![\p{Latin}\p{N}_@/.-])@([A-Za-z0-9_]{3,40})(?![\p{Latin}\p{N}_@]|\.\w)")


def render_contents(posts):
    """Set `content_html` on each of `posts`, with one query for all the people they mention."""
    posts = list(posts)
    names = {name for post in posts for name in mentioned_names(post.content)}
    authors = {post.author_id for post in posts}
    mentionable = User.objects.mentionable_by(authors, names) if names else {}
    for post in posts:
        urls = {
            name: user.get_absolute_url()
            for name, (user, parted) in mentionable.items()
            if post.author_id not in parted
        }
        post.content_html = render_content(post.content, urls)
    return posts


def mentioned_names(content):
    """The set of names in lower case that `content` mentions, whether or not there are such members."""
    return {
        match[1].lower()
        for text, url in _split_at_links(content)
        if url is None
        for match in _mention.finditer(text)
    }


def render_content(content, urls):
    """Return `content` as safe HTML. `urls` maps the lower-case names that are mentioned to profile addresses."""
    parts = [
        _render_link(text, url) if url else _render_text(text, urls) for text, url in _split_at_links(content)
    ]
    return format_html_join("", "{}", ((part,) for part in parts))


def _split_at_links(content):
    """Yield (text, url) for each stretch of `content`; url is None for what is no link."""
    position = 0
    # Looking for links is slow, and most posts have none.
    for link in ("://" in content and _links.match(content)) or []:
        yield content[position : link.index], None
        yield content[link.index : link.last_index], link.url
        position = link.last_index
    yield content[position:], None


def _render_link(text, url):
    # A long address would fill the post; what matters is where it leads, and that is at its beginning.
    shown = text.split("//", 1)[1].rstrip("/")
    shown = shown if len(shown) <= 40 else shown[:39] + "…"
    return format_html('<a href="{}" rel="nofollow ugc noopener">{}</a>', url, shown)


def _render_text(text, urls):
    parts = []
    position = 0
    for match in _mention.finditer(text):
        if url := urls.get(match[1].lower()):
            parts.append(_render_lines(text[position : match.start()]))
            parts.append(format_html('<a href="{}">{}</a>', url, match[0]))
            position = match.end()
    parts.append(_render_lines(text[position:]))
    return format_html_join("", "{}", ((part,) for part in parts))


def _render_lines(text):
    lines = regex.sub(r"\n{3,}", "\n\n", text).split("\n")
    return format_html_join(mark_safe("<br>"), "{}", ((line,) for line in lines))
