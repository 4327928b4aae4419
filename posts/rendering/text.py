"""Converts a post's text to HTML with links, mentions of members, line breaks, and nothing else."""

import regex
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe

from accounts.common.links import absolute
from accounts.common.text import fold_blank_lines, is_partly_right_to_left, truncate
from accounts.models import User
from posts.rendering.links import find_links, may_have_links

# The text of a link contains the whole host, and as much of the path as fits into this many characters.
LINK_LENGTH = 40

# A mention can't be part of an address such as ada@example.com or @ada@example.com. Letters of scripts without spaces, such as
# Chinese, may be next to a mention.
_mention = regex.compile(
    r"(?<![\p{Latin}\p{N}_@/.-])@([A-Za-z0-9_]{3,40})(?![\p{Latin}\p{N}_@]|\.[\p{Latin}\p{N}_])"
)


def render_contents(posts, *, elsewhere=False):
    """Set `content_html` on each of `posts`, with one query for all the people they mention.

    With `elsewhere`, the HTML is for emails and feed readers: links to people are absolute, and white space is preserved without
    the site's style sheet.
    """
    posts = list(posts)
    names = {name for post in posts for name in mentioned_names(post.content)}
    authors = {post.author_id for post in posts}
    mentionable = User.objects.mentionable_by(authors, names) if names else {}
    for post in posts:
        urls = {
            name: absolute(user.get_absolute_url()) if elsewhere else user.get_absolute_url()
            for name, (user, blocked) in mentionable.items()
            if post.author_id not in blocked
        }
        post.content_html = render_content(post.content, urls, hard_spaces=elsewhere)
    return posts


def mentioned_names(content):
    """Return a list of the usernames that `content` mentions, in its order, each once and in lower case.

    These members may not exist.
    """
    names = (
        match[1].lower()
        for text, link in _split_at_links(content)
        if link is None
        for match in _mention.finditer(text)
    )
    return list(dict.fromkeys(names))


def render_content(content, urls, *, hard_spaces=False):
    """Return `content` as safe HTML. `urls` is a dict from lower-case usernames to the addresses of their profiles.

    With `hard_spaces`, indentation and runs of spaces become no-break spaces. Otherwise, a style sheet must preserve them.
    """
    content = fold_blank_lines(content)
    if hard_spaces:
        content = _harden_spaces(content)
    # In right-to-left text, a browser would put the @ of a mention at its end, and the host of a link after its path.
    direction = mark_safe(' dir="ltr"') if is_partly_right_to_left(content) else ""
    parts = [
        _render_link(link, direction) if link else _render_text(text, urls, direction)
        for text, link in _split_at_links(content)
    ]
    return format_html_join("", "{}", ((part,) for part in parts))


def render_text(content):
    """Return `content` as plain text, with blank lines collapsed and user information in links removed."""
    parts = _split_at_links(fold_blank_lines(content))
    return "".join(link.url if link else text for text, link in parts)


def _harden_spaces(content):
    """Return `content` without tabs, with no-break spaces at the start of lines and for all but the last space of a run."""
    lines = [line.expandtabs(4) for line in content.split("\n")]
    return regex.sub(r" (?= )|^ ", "\u00a0", "\n".join(lines), flags=regex.M)


def _split_at_links(content):
    """Yield (text, Link) for each part of `content`. The link is None if the part isn't a link."""
    position = 0
    # Searching for links is slow, and most posts have none.
    for link in find_links(content) if may_have_links(content) else ():
        yield content[position : link.start], None
        yield content[link.start : link.end], link
        position = link.end
    yield content[position:], None


def _render_link(link, direction):
    # The host is never truncated, because people must see where a link goes.
    rest = truncate(link.rest.rstrip("/"), max(LINK_LENGTH - len(link.host), 2))
    return format_html(
        '<a href="{}" rel="nofollow ugc noopener"{}>{}{}</a>', link.url, direction, link.host, rest
    )


def _render_text(text, urls, direction):
    parts = []
    position = 0
    for match in _mention.finditer(text):
        url = urls.get(match[1].lower())
        if not (url or direction):
            continue
        parts.append(_render_lines(text[position : match.start()]))
        if url:
            parts.append(format_html('<a href="{}"{}>{}</a>', url, direction, match[0]))
        else:
            parts.append(format_html("<bdi{}>{}</bdi>", direction, match[0]))
        position = match.end()
    parts.append(_render_lines(text[position:]))
    return format_html_join("", "{}", ((part,) for part in parts))


def _render_lines(text):
    return format_html_join(mark_safe("<br>"), "{}", ((line,) for line in text.split("\n")))
