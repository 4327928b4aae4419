"""The buttons that stop notifications for a conversation, and turn them on again."""

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy
from django.views import View

from accounts.site_access import open_unless_members_only
from posts.conversations.models import ConversationMute
from posts.models import Post


@method_decorator(open_unless_members_only, name="dispatch")
class MuteConversationView(View):
    """Stops notifications for the conversation of a post, and redirects to the post."""

    http_method_names = ["post"]
    done_message = gettext_lazy("You won't get notifications for this conversation any more.")

    def post(self, request, pk):
        post = get_object_or_404(Post.objects.open_to(request.user), pk=pk)
        if not request.user.is_authenticated:
            # This URL only accepts POST, so the login leads to the post.
            return redirect_to_login(post.get_absolute_url())
        self.change(request.user, post)
        messages.success(request, self.done_message)
        return HttpResponseRedirect(post.get_absolute_url())

    def change(self, member, post):
        ConversationMute.objects.mute(member, post)


class UnmuteConversationView(MuteConversationView):
    """Turns notifications for the conversation of a post on again, and redirects to the post."""

    done_message = gettext_lazy("You get notifications for this conversation again.")

    def change(self, member, post):
        ConversationMute.objects.unmute(member, post)
