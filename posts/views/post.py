"""One post: written, read, deleted."""

import logging

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.db import DatabaseError
from django.urls import reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.generic import CreateView, DeleteView, DetailView

from accounts.limits import LimitReached
from posts.forms import PostForm
from posts.models import Post
from posts.rendering import render_contents
from posts.validators import MAX_CODE_POINTS

logger = logging.getLogger(__name__)


@method_decorator(login_not_required, name="dispatch")
class PostCreateView(CreateView):
    """The compose page. The box on the home timeline posts to it, too: what was refused is shown here, kept.

    So is what somebody sends whose session has ended meanwhile: it waits here until they have logged in again.
    """

    form_class = PostForm
    http_method_names = ["get", "head", "post", "options"]
    template_name = "posts/post_form.html"

    def dispatch(self, request, *args, **kwargs):
        if request.user.is_authenticated:
            return super().dispatch(request, *args, **kwargs)
        if draft := request.POST.get("content"):
            request.session["draft"] = draft[:MAX_CODE_POINTS]
        return redirect_to_login(request.path)

    def get_initial(self):
        return {"content": self.request.session.pop("draft", "")}

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": Post(author=self.request.user)}

    def form_valid(self, form):
        try:
            response = super().form_valid(form)
        except LimitReached as limit:
            return self.refuse(form, str(limit), 429)
        except DatabaseError:
            logger.exception("A post could not be stored")
            words = _("Your post could not be stored. Your text is still here: try again in a moment.")
            return self.refuse(form, words, 503)
        messages.success(self.request, _("Posted."))
        return response

    def refuse(self, form, words, status):
        form.add_error(None, words)
        return self.render_to_response(self.get_context_data(form=form), status=status)

    def get_success_url(self):
        return reverse("posts:home") + f"#post-{self.object.pk}"


@method_decorator(login_not_required, name="dispatch")
class PostDetailView(DetailView):
    """A post by itself, under its permanent address."""

    template_name = "posts/post_detail.html"

    def get_queryset(self):
        return Post.objects.open_to(self.request.user).for_display()

    def get_object(self):
        post = super().get_object()
        render_contents([post])
        return post


class PostDeleteView(DeleteView):
    """Asks whether to delete one's own post, and does it. Others' posts are not found here."""

    http_method_names = ["get", "head", "post", "options"]
    template_name = "posts/post_confirm_delete.html"
    success_url = reverse_lazy("posts:home")

    def get_queryset(self):
        return Post.objects.by(self.request.user).for_display()

    def get_object(self):
        post = super().get_object()
        render_contents([post])
        return post

    def form_valid(self, form):
        messages.success(self.request, _("Post deleted."))
        return super().form_valid(form)
