from django import template

from posts.conversations.models import ConversationMute

register = template.Library()


@register.simple_tag
def has_muted_conversation(member, post):
    """Return whether `member` gets no notifications for the conversation of `post`. Makes one query."""
    return ConversationMute.objects.of(member, post).exists()
