from django.utils.translation import gettext as _

from posts.models.post import ReplyPolicy


def describe_restriction(post):
    """Return a sentence that says who may reply to the post, or "" if everyone may."""
    sentences = {
        ReplyPolicy.FOLLOWED: _("Only people whom @%(name)s follows can reply."),
        ReplyPolicy.MENTIONED: _("Only people whom this post mentions can reply."),
        ReplyPolicy.NOBODY: _("@%(name)s doesn't accept replies to this post."),
    }
    return sentences.get(post.reply_policy, "") % {"name": post.author.username}
