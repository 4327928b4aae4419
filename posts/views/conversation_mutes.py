"""The buttons that stop notifications for a conversation, and turn them on again."""

from django.shortcuts import get_object_or_404
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy

from accounts.views.actions import ActionView
from posts.app_settings import app_settings
from posts.conversations.models import ConversationMute
from posts.models import Post


class MuteConversationView(ActionView):
    """Stops notifications for the conversation of a post, and redirects to the post."""

    app_settings = app_settings
    action = "conversation"
    limit = "BOOKMARK_LIMIT"
    done_message = gettext_lazy("You won't get notifications for this conversation any more.")

    @cached_property
    def subject(self):
        return get_object_or_404(Post.objects.open_to(self.request.user), pk=self.kwargs["pk"])

    def change(self, member, post):
        return ConversationMute.objects.mute(member, post)


class UnmuteConversationView(MuteConversationView):
    """Turns notifications for the conversation of a post on again, and redirects to the post."""

    done_message = gettext_lazy("You get notifications for this conversation again.")

    def change(self, member, post):
        return ConversationMute.objects.unmute(member, post)
