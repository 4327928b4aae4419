"""One post: written, read, edited, deleted."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.signing import Signer
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse, reverse_lazy
from django.utils.crypto import constant_time_compare
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import CreateView, DeleteView, DetailView, UpdateView

from accounts.pages import CursorListView
from posts.cards import render_cards
from posts.forms import PostEditForm, PostForm
from posts.models import Post
from posts.views.texts import TextViewMixin, closed_message


class PostCreateView(TextViewMixin, CreateView):
    """The compose page. The box on the home timeline posts to it, too: what was refused is shown here, kept."""

    form_class = PostForm
    template_name = "posts/post_form.html"
    done_message = gettext_lazy("Posted.")

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": Post(author=self.request.user)}

    def get_form(self):
        form = super().get_form()
        form.fields["content"].widget.attrs["autofocus"] = True
        return form

    def get_success_url(self):
        return reverse("posts:home") + f"#post-{self.object.pk}"


class PostEditView(TextViewMixin, UpdateView):
    """Changes the text of one's own post, for a while. Others' posts are not found here."""

    form_class = PostEditForm
    template_name = "posts/post_edit_form.html"
    done_message = gettext_lazy("Saved.")

    def get_queryset(self):
        return Post.objects.by(self.request.user).for_display()

    def get(self, request, pk):
        post = self.get_object()
        if post.is_editable:
            return super().get(request, pk=pk)
        messages.error(request, closed_message())
        return HttpResponseRedirect(post.get_absolute_url())


@method_decorator(login_not_required, name="dispatch")
class PostDetailView(DetailView):
    """A post by itself, under its permanent address."""

    template_name = "posts/post_detail.html"

    def get_queryset(self):
        return Post.objects.open_to(self.request.user).for_display()

    def get_object(self):
        post = super().get_object()
        render_cards([post])
        return post


@method_decorator(login_not_required, name="dispatch")
class PostHistoryView(CursorListView):
    """A post's earlier texts, for whoever may open the post."""

    fragment_name = "posts/_revisions.html"
    template_name = "posts/post_history.html"

    @cached_property
    def post_shown(self):
        open_posts = Post.objects.open_to(self.request.user).for_display()
        return get_object_or_404(open_posts, pk=self.kwargs["pk"])

    def get_queryset(self):
        return self.post_shown.revisions.newest_first()

    def get_context_data(self, **kwargs):
        context = super().get_context_data(post=self.post_shown, **kwargs)
        render_cards([self.post_shown])
        return context


class PostDeleteView(DeleteView):
    """Asks whether to delete one's own post, and does it. Others' posts are not found here.

    The form carries a proof that it was shown to the author of this post. So a second click is answered like the
    first, which has deleted the post, and nobody else can learn from an answer which posts there were.
    """

    http_method_names = ["get", "head", "post", "options"]
    template_name = "posts/post_confirm_delete.html"
    success_url = reverse_lazy("posts:home")

    def get_queryset(self):
        return Post.objects.by(self.request.user).for_display()

    def get_object(self):
        post = super().get_object()
        render_cards([post])
        return post

    def get_context_data(self, **kwargs):
        return super().get_context_data(proof=self.get_proof(), **kwargs)

    def get_proof(self):
        return Signer(salt="posts.delete").signature(f"{self.request.user.pk} {self.kwargs['pk']}")

    def post(self, request, pk):
        try:
            return super().post(request, pk=pk)
        except Http404:
            if not constant_time_compare(request.POST.get("proof", ""), self.get_proof()):
                raise
            return self.answer()

    def form_valid(self, form):
        self.object.delete()
        return self.answer()

    def answer(self):
        words, said = _("Post deleted."), messages.get_messages(self.request)
        if words not in map(str, said):
            messages.success(self.request, words)
        said.used = False
        return HttpResponseRedirect(self.success_url)
