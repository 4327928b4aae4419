"""Pages for replying, and for choosing who may reply."""

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import Http404
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import UpdateView

from posts.conversations.restrictions import describe_restriction
from posts.conversations.threads import Thread, encode_path
from posts.forms import ReplyForm, ReplyPolicyForm
from posts.models import Post
from posts.models.post import RepliedToGone, RepliesRestricted
from posts.paths import end_of
from posts.rendering.cards import render_cards
from posts.views.post import PostCreateView


class ReplyView(PostCreateView):
    """The page for a reply. The form on the page of the post submits to it, too.

    A text for a post that isn't available any more is shown again. Without a text, the response is a 404.
    """

    form_class = ReplyForm
    template_name = "posts/reply_form.html"
    done_message = gettext_lazy("Replied.")

    @cached_property
    def replied_to(self):
        """The post to reply to, or None if the member can't see it."""
        posts = Post.objects.visible_to(self.request.user).for_display()
        return posts.filter(pk=self.kwargs["pk"]).first()

    def get_form_kwargs(self):
        reply = Post(author=self.request.user, in_reply_to=self.replied_to)
        return super().get_form_kwargs() | {"instance": reply}

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs)
        if post := self.replied_to:
            render_cards([post])
            context |= {
                "post": post,
                "restriction": describe_restriction(post),
                "may_reply": post.accepts_reply_from(self.request.user),
            }
        elif not (context["draft_restored"] or context["form"].is_bound):
            raise Http404("There is no such post.")
        return context

    def post(self, request, pk):
        if self.replied_to:
            return super().post(request, pk=pk)
        if not request.POST.get("content"):
            raise Http404("There is no such post.")
        self.object = None
        form = self.get_form()
        form.full_clean()
        return self.refuse(form, gone_message(), 409)

    def form_valid(self, form):
        try:
            return super().form_valid(form)
        except RepliedToGone:
            self.replied_to = None
            return self.refuse(form, gone_message(), 409)
        except RepliesRestricted:
            return self.refuse(form, _("You can't reply to this post. Your text is still here."), 409)

    def get_success_url(self):
        """Return the address of the reply on the page of the post: on the first page, or on the one that ends with the reply."""
        reply, post = self.object, self.object.in_reply_to
        if post is None:  # A repeated request, and the post is gone by now.
            return f"{reply.get_absolute_url()}#post-{reply.pk}"
        query = ""
        if not Thread(post, self.request.user).is_on_first_page(reply):
            query = f"?before={encode_path(end_of(bytes(reply.path)))}"
        return f"{post.get_absolute_url()}{query}#post-{reply.pk}"


def gone_message():
    return _("This post isn't available any more. Your text is still here.")


class ReplyPolicyView(LoginRequiredMixin, UpdateView):
    """Lets members choose who may reply to a post of theirs, at any time. Responds with a 404 for other members' posts."""

    http_method_names = ["get", "head", "post", "options"]
    form_class = ReplyPolicyForm
    template_name = "posts/reply_policy_form.html"

    def get_queryset(self):
        return Post.objects.by(self.request.user).for_display()

    def get_context_data(self, **kwargs):
        render_cards([self.object])
        return super().get_context_data(**kwargs)

    def get_success_url(self):
        messages.success(self.request, _("Saved."))
        return reverse("posts:detail", args=[self.object.pk])
