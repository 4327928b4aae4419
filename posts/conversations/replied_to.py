"""What a reply replies to, as far as its reader may see it."""

from django.utils.html import format_html
from django.utils.translation import gettext as _

from accounts.common.links import absolute
from accounts.models import User
from posts.models import Post


def load_replied_to(posts, viewer, known=None):
    """Set two attributes on each post that is a reply.

    `replied_to` is the post that it replies to, with its author, and `replied_to_name` the username of the person. Each is None
    if `viewer` may not see it, or if it is gone.

    Makes one query and, if any of the posts isn't there, a second one for the people. `known` is a dict with posts that were
    already looked for, and None for those that weren't found. Posts that already have a `replied_to_name` keep it.
    """
    replies = [post for post in posts if post.is_reply]
    found = _find({post.in_reply_to_id for post in replies}, viewer, known or {})
    for post in replies:
        post.replied_to = found.get(post.in_reply_to_id)
        if post.replied_to:
            post.replied_to_name = post.replied_to.author.username
    nameless = [post for post in replies if not hasattr(post, "replied_to_name")]
    names = _names({post.in_reply_to_author_id for post in nameless}, viewer)
    for post in nameless:
        post.replied_to_name = names.get(post.in_reply_to_author_id)


def forget_person(sender, instance, **kwargs):
    """Remove from replies of others the person who is about to be deleted, and their posts, in one update.

    Django would update such a row twice. PostgreSQL then checks all its references again at the commit, and waits for its author
    if they are leaving, too, who in turn waits for the row.
    """
    replies = Post.objects.filter(in_reply_to_author=instance.pk).exclude(author=instance.pk)
    replies.update(in_reply_to=None, in_reply_to_author=None)


def _find(keys, viewer, known):
    unknown = keys - known.keys() - {None}
    if not unknown:
        return known
    posts = (
        Post.objects.visible_to(viewer).with_is_muted(viewer).filter(pk__in=unknown).select_related("author")
    )
    return known | {post.pk: post for post in posts.only("content", "author__username")}


def _names(keys, viewer):
    # Most pages need no names, and building the queryset takes as long as a short query.
    if not (keys := keys - {None}):
        return {}
    return dict(User.objects.visible_to(viewer).filter(pk__in=keys).values_list("pk", "username"))


def replied_to_text(post):
    """Return a line of plain text, or "" if the post isn't a reply. `load_replied_to()` must have been called."""
    if not post.is_reply:
        return ""
    if post.replied_to_name is None:
        return _("Replying to a post that isn't available")
    return _("Replying to {name}").format(name=f"@{post.replied_to_name}")


def replied_to_html(post, *, with_excerpt=True, elsewhere=False):
    """Return the same line as safe HTML, with a link to the other post and its first words.

    Muted people are named, because their part in the conversation would be confusing without it, but not quoted.
    With `elsewhere`, the HTML is for emails and feed readers, and links are absolute.
    """
    if not post.is_reply or post.replied_to is None:
        return (
            format_html('<p class="post-replied-to">{}</p>', replied_to_text(post)) if post.is_reply else ""
        )
    url = post.replied_to.get_absolute_url()
    link = format_html('<a href="{}">@{}</a>', absolute(url) if elsewhere else url, post.replied_to_name)
    is_quoted = with_excerpt and not post.replied_to.is_muted
    excerpt = format_html(' <q dir="auto">{}</q>', post.replied_to.excerpt) if is_quoted else ""
    return format_html(
        '<p class="post-replied-to">{}{}</p>', format_html(_("Replying to {name}"), name=link), excerpt
    )
