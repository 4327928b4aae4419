import logging

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.db import DatabaseError
from django.http import FileResponse, Http404, HttpResponsePermanentRedirect, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.views import View
from django.views.generic import CreateView, DeleteView, DetailView

from accounts.limits import LimitReached
from accounts.models import User
from accounts.pages import CursorListView
from accounts.paging import fetch_from, paginate
from posts.export import export_data
from posts.forms import PostForm, ReportForm
from posts.ids import MAX_ID, settled_id
from posts.models import Post, Report
from posts.rendering import render_contents
from posts.timelines import home_timeline
from posts.validators import MAX_CODE_POINTS

logger = logging.getLogger(__name__)


class TimelineView(CursorListView):
    """A page of posts, ready to be shown."""

    fragment_name = "posts/_timeline.html"
    max_position = MAX_ID

    def get_page(self):
        cursor = self.get_cursor()
        return paginate(
            fetch_from(self.get_queryset().newest_first().for_display()),
            cursor,
            self.page_size,
            settled=settled_id(),
        )

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs)
        render_contents(context["page"])
        return context


@method_decorator(login_not_required, name="dispatch")
class HomeView(TimelineView):
    """The home timeline; to a visitor, what this place is."""

    def get_template_names(self):
        member = self.request.user.is_authenticated
        self.template_name = "posts/home_timeline.html" if member else "posts/landing.html"
        return super().get_template_names()

    def get_page(self):
        if self.request.user.is_authenticated:
            return home_timeline().page(self.request.user, self.get_cursor())
        return super().get_page()

    def get_queryset(self):
        return Post.objects.visible()  # Of a visitor, who has no blocks.

    def get_context_data(self, **kwargs):
        return super().get_context_data(form=PostForm(), **kwargs)


@method_decorator(login_not_required, name="dispatch")
class ExploreView(TimelineView):
    """The public timeline: everyone's posts."""

    template_name = "posts/public_timeline.html"

    def get_queryset(self):
        return Post.objects.visible_to(self.request.user)


@method_decorator(login_not_required, name="dispatch")
class ProfileView(TimelineView):
    """Somebody's profile: who they are, and their author timeline."""

    template_name = "posts/author_timeline.html"

    def get(self, request, username):
        if username != username.lower():
            path = reverse("posts:profile", args=[username.lower()])
            query = request.META["QUERY_STRING"]
            return HttpResponsePermanentRedirect(f"{path}?{query}" if query else path)
        people = User.objects.visible().with_counts().with_followed_by(request.user)
        self.person = get_object_or_404(people.with_blocks_of(request.user), username=username)
        if self.person.blocks_viewer:
            raise Http404("Blocked.")
        return super().get(request, username=username)

    def get_template_names(self):
        """Of somebody whom the viewer has blocked nothing shows but how to undo that."""
        return ["accounts/blocked.html"] if self.person.is_blocked else super().get_template_names()

    def get_queryset(self):
        return Post.objects.visible_to(self.request.user).by(self.person)

    def get_context_data(self, **kwargs):
        return super().get_context_data(person=self.person, **kwargs)


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


class ReportView(CreateView):
    """Asks why, and tells the moderators. Once for each member and post; of one's own there is nothing to tell."""

    form_class = ReportForm
    http_method_names = ["get", "head", "post", "options"]
    template_name = "posts/report_form.html"

    @cached_property
    def reported(self):
        others = Post.objects.visible_to(self.request.user).exclude(author=self.request.user)
        post = get_object_or_404(others.for_display(), pk=self.kwargs["pk"])
        render_contents([post])
        return post

    def get_form_kwargs(self):
        report = Report(reporter=self.request.user, post=self.reported)
        return super().get_form_kwargs() | {"instance": report}

    def get_context_data(self, **kwargs):
        return super().get_context_data(post=self.reported, **kwargs)

    def form_valid(self, form):
        try:
            new = form.save()
        except LimitReached as limit:
            form.add_error(None, str(limit))
            return self.render_to_response(self.get_context_data(form=form), status=429)
        thanks, known = _("Thank you. A moderator will look at it."), _("You have reported this post before.")
        messages.success(self.request, thanks if new else known)
        return HttpResponseRedirect(self.reported.get_absolute_url())


class ExportView(View):
    """The member's data, to take home."""

    def get(self, request):
        name = f"{request.user.username}-{timezone.localdate()}.zip"
        return FileResponse(export_data(request.user), as_attachment=True, filename=name)


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
