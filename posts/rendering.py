"""A post's text as HTML: links, mentions of members, line breaks, and nothing else."""

import regex
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe

from accounts.links import absolute
from accounts.models import User
from accounts.text import fold_blank_lines, truncate
from posts.links import find_links

# An address is displayed with its whole host, and with so many characters unless the host alone has as many.
SHOWN = 40

# Not in an address such as ada@example.com, nor of another server such as @ada@example.com.
# Scripts without spaces, as Chinese, may stand right beside it.
_mention = regex.compile(
    r"(?<![\p{Latin}\p{N}_@/.-])@([A-Za-z0-9_]{3,40})(?![\p{Latin}\p{N}_@]|\.[\p{Latin}\p{N}_])"
)


def render_contents(posts, *, elsewhere=False):
    """Set `content_html` on each of `posts`, with one query for all the people they mention.

    With `elsewhere` it is for mail programs and feed readers: links to people are absolute, and the text keeps its white
    space without our style sheet.
    """
    posts = list(posts)
    names = {name for post in posts for name in mentioned_names(post.content)}
    authors = {post.author_id for post in posts}
    mentionable = User.objects.mentionable_by(authors, names) if names else {}
    for post in posts:
        urls = {
            name: absolute(user.get_absolute_url()) if elsewhere else user.get_absolute_url()
            for name, (user, parted) in mentionable.items()
            if post.author_id not in parted
        }
        post.content_html = render_content(post.content, urls, hard_spaces=elsewhere)
    return posts


def mentioned_names(content):
    """The set of names in lower case that `content` mentions, whether or not there are such members."""
    return {
        match[1].lower()
        for text, link in _split_at_links(content)
        if link is None
        for match in _mention.finditer(text)
    }


def render_content(content, urls, *, hard_spaces=False):
    """Return `content` as safe HTML. `urls` maps the lower-case names that are mentioned to profile addresses.

    Indentation and runs of spaces are for a style sheet to keep, unless `hard_spaces` make them no-break spaces.
    """
    content = fold_blank_lines(content)
    if hard_spaces:
        content = _harden_spaces(content)
    parts = [
        _render_link(link) if link else _render_text(text, urls) for text, link in _split_at_links(content)
    ]
    return format_html_join("", "{}", ((part,) for part in parts))


def render_text(content):
    """Return `content` for plain text, where others find links: blank lines folded, addresses without user information."""
    parts = _split_at_links(fold_blank_lines(content))
    return "".join(link.url if link else text for text, link in parts)


def _harden_spaces(content):
    """Return `content` without tabs, and with spaces that HTML shows: all but the last of a run, and all at a line's start."""
    lines = [line.expandtabs(4) for line in content.split("\n")]
    return regex.sub(r" (?= )|^ ", "\u00a0", "\n".join(lines), flags=regex.M)


def _split_at_links(content):
    """Yield (text, Link) for each stretch of `content`; the link is None for what is none."""
    position = 0
    # Looking for links is slow, and most posts have none.
    for link in find_links(content) if "://" in content else ():
        yield content[position : link.start], None
        yield content[link.start : link.end], link
        position = link.end
    yield content[position:], None


def _render_link(link):
    # Only what follows the host is cut: where a link leads must be seen.
    rest = truncate(link.rest.rstrip("/"), max(SHOWN - len(link.host), 2))
    return format_html('<a href="{}" rel="nofollow ugc noopener">{}{}</a>', link.url, link.host, rest)


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
    return format_html_join(mark_safe("<br>"), "{}", ((line,) for line in text.split("\n")))
