"""Pages for writing, reading, editing and deleting a post."""

import logging
from functools import partial

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.views import redirect_to_login
from django.core.signing import Signer
from django.db import Error as DatabaseError
from django.db.models import Exists
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse, reverse_lazy
from django.utils.crypto import constant_time_compare
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import CreateView, DeleteView, UpdateView
from django_htmx.http import HttpResponseClientRedirect

from accounts.common.database_errors import is_worth_another_attempt
from accounts.common.lists import CursorListView
from accounts.common.transactions import in_one_transaction
from accounts.moderation.models import ModerationAction
from accounts.security import rate_limits
from accounts.site_access import acceptance_response, must_accept_rules, open_unless_members_only
from posts import drafts
from posts.conversations.models import ConversationMute
from posts.conversations.restrictions import describe_restriction
from posts.conversations.threads import PathCursor, Thread
from posts.forms import PostEditForm, PostForm
from posts.models import Post
from posts.models.post import EditingClosed
from posts.reactions import COUNT_LIMIT, load_states
from posts.rendering.cards import render_cards

logger = logging.getLogger(__name__)

# How many other posts by the author the page of a post shows.
MOST_OTHERS = 3
# Editing and deleting say how many people have replied, or that it's more than one less than this.
MOST_REPLIERS = 100


@method_decorator(login_not_required, name="dispatch")
class PostFormMixin:
    """A page with a form for a text. If the text is refused, the page shows it again with the reason, so it is never lost.

    If a text arrives after the session has ended, it is saved until the writer logs in again. If the form doesn't identify the
    writer, the page shows the text at once and saves nothing. Likewise, it is saved until the writer accepts the new rules.
    """

    http_method_names = ["get", "head", "post", "options"]
    done_message = ""
    draft_restored = False

    def dispatch(self, request, *args, **kwargs):
        must_accept = must_accept_rules(request.user)
        if request.user.is_authenticated and not must_accept:
            return super().dispatch(request, *args, **kwargs)
        if text := request.POST.get("content"):
            writer = drafts.writer_of(request.POST)
            if writer is None:
                return render(request, "posts/not_logged_in.html", {"text": text}, status=403)
            drafts.save(request, writer, text, self.get_draft_path())
        if must_accept:
            return acceptance_response(request, self.get_draft_path())
        login = redirect_to_login(self.get_draft_path())
        return HttpResponseClientRedirect(login.url) if request.htmx else login

    def get_draft_path(self):
        """Return the path of the page that shows a saved draft."""
        return self.request.path

    def get_initial(self):
        initial = super().get_initial()
        text = drafts.pop(self.request) if self.request.method == "GET" else ""
        self.draft_restored = bool(text)
        return initial | {"content": text} if text else initial

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs)
        return context | {"draft_restored": self.draft_restored}

    def get_form(self):
        form = super().get_form()
        writer = drafts.writer_of(self.request.POST)
        if form.is_bound and writer not in (None, str(self.request.user.pk)):
            form.full_clean()
            form.add_error(None, self.other_account_message())
        return form

    def other_account_message(self):
        """Return the error for a form that was shown to another member in a window that is still open."""
        message = _(
            "You wrote this while logged in to another account. Send it again to post it as @%(name)s."
        )
        return message % {"name": self.request.user.username}

    def form_valid(self, form):
        try:
            # The session is saved in the same transaction, because a draft may have been removed from it.
            response = in_one_transaction(
                self.request, partial(super().form_valid, form), others=form.instance.people_to_lock()
            )
        except rate_limits.RateLimitExceeded as error:
            rate_limits.refuse(self.request, error.wait)
            return self.refuse(form, str(error), 429)
        except EditingClosed:
            return self.refuse(form, editing_closed_message(), 409)
        except DatabaseError as error:
            if is_worth_another_attempt(error):
                raise
            logger.exception("A post could not be stored")
            message = _("We couldn't save your post. Your text is still here. Try again in a moment.")
            return self.refuse(form, message, 503)
        return self.confirm(response)

    def confirm(self, response):
        """Return the response after the text was stored, which says so."""
        # Because of this tag, the script in the browser deletes its draft of the text.
        messages.success(self.request, self.done_message, extra_tags="stored")
        return response

    def refuse(self, form, message, status):
        form.add_error(None, message)
        return self.render_to_response(self.get_context_data(form=form), status=status)


def repliers_to(post):
    """Return how many other people have replied to a post, as its author sees them, and at most MOST_REPLIERS."""
    replies = post.replies.visible_to(post.author).exclude(author=post.author)
    return replies.order_by().values("author").distinct()[:MOST_REPLIERS].count()


def editing_closed_message():
    return _("You can't edit this post any more. You can delete it and write a new one.")


class PostCreateView(PostFormMixin, CreateView):
    """The page for a new post."""

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


class HomePostView(PostCreateView):
    """Publishes the text of the form on the home page. `home` is the view of the page, which shows a refused text.

    Scripts get only what changes: the form and, after success, the card of the post. They send other responses again as an
    ordinary form. So a page that belongs to another member gets an error without content.
    """

    home = None

    def dispatch(self, request, *args, **kwargs):
        viewer = str(request.user.pk or "")
        if (
            request.user.is_authenticated
            and request.htmx
            and request.headers.get("X-Viewer", viewer) != viewer
        ):
            return HttpResponse(status=409)
        return super().dispatch(request, *args, **kwargs)

    def get_draft_path(self):
        return reverse("posts:add")

    def get_form(self):
        form = super().get_form()
        if self.request.htmx:
            # The script moves the focus.
            del form.fields["content"].widget.attrs["autofocus"]
        return form

    def confirm(self, response):
        if not self.request.htmx:
            return super().confirm(response)
        render_cards([self.object])
        context = {"post": self.object, "in_place": True, "message": self.done_message}
        part = self.render_part("posts/_posted.html", context, status=201)
        part.headers["Location"] = response.url
        return part

    def render_to_response(self, context, **kwargs):
        """Show the form with its errors and, without scripts, the page around it."""
        if self.request.htmx:
            return self.render_part("posts/_home_compose.html", context | {"in_place": True}, **kwargs)
        return self.home.render_to_response(self.home.get_context_data(form=context["form"]), **kwargs)

    def render_part(self, template, context, **kwargs):
        response = render(self.request, template, context, **kwargs)
        # The script shows errors only if they have this header. Other error pages aren't parts of this page.
        response.headers["HX-Reswap"] = "outerHTML"
        return response


class PostEditView(PostFormMixin, UpdateView):
    """Lets members edit their own posts for a few minutes. Responds with a 404 for other members' posts."""

    form_class = PostEditForm
    template_name = "posts/post_edit_form.html"
    done_message = gettext_lazy("Post saved.")

    def get_queryset(self):
        return Post.objects.by(self.request.user).for_display()

    def get_context_data(self, **kwargs):
        return super().get_context_data(repliers=repliers_to(self.object), **kwargs)

    def get(self, request, pk):
        post = self.get_object()
        if post.is_editable:
            return super().get(request, pk=pk)
        messages.error(request, editing_closed_message())
        return HttpResponseRedirect(post.get_absolute_url())


@method_decorator(open_unless_members_only, name="dispatch")
class PostDetailView(CursorListView):
    """The page of a single post, at its permalink, with the posts it replies to and a page of the replies below it."""

    template_name = "posts/post_detail.html"
    fragment_name = "posts/_thread.html"

    @cached_property
    def shown_post(self):
        viewer = self.request.user
        posts = Post.objects.open_to(viewer).with_replied_to_name(viewer).for_display()
        posts = posts.with_like_count(viewer, limit=COUNT_LIMIT + 1)
        posts = posts.annotate(conversation_is_muted=Exists(ConversationMute.objects.of_each(viewer)))
        return get_object_or_404(posts, pk=self.kwargs["pk"])

    @cached_property
    def thread(self):
        return Thread(self.shown_post, self.request.user)

    def get_page(self):
        return self.thread.page(PathCursor.from_query(self.request.GET), self.page_size)

    def get_other_posts(self):
        """Return the newest posts by the author that aren't replies, with one more than the page shows."""
        posts = Post.objects.visible_to(self.request.user).by(self.shown_post.author)
        return posts.filter(thread=None).newest_first()[: MOST_OTHERS + 1]

    def get_context_data(self, **kwargs):
        """Add the conversation, other posts by the author and, for the author of a hidden post, the decision to hide it."""
        post, viewer = self.shown_post, self.request.user
        context = super().get_context_data(post=post, **kwargs)
        ancestors, others = self.thread.load(context["page"], self.get_other_posts())
        above = [entry.post for entry in ancestors if entry.post]
        others = [other for other in others if other not in (post, *above)][:MOST_OTHERS]
        shown = [post, *others, *above, *context["page"].posts]
        load_states(render_cards(shown), viewer)
        # A page has whole posts of several people, and each of them may keep theirs out of search engines.
        context["noindex"] = any(each.hidden_on or each.author.noindex for each in shown)
        context["like_limit"] = COUNT_LIMIT
        context |= {"ancestors": ancestors, "others": others, "restriction": describe_restriction(post)}
        context["may_reply"] = (
            viewer.is_authenticated and not post.hidden_on and post.accepts_reply_from(viewer)
        )
        if post.hidden_on and post.author_id == viewer.pk:
            context["decision"] = self.get_decision()
        return context

    def get_decision(self):
        decisions = ModerationAction.objects.shown_to(self.request.user).filter(
            subject_model=Post._meta.label, subject_id=self.shown_post.pk, action="hide"
        )
        return decisions.order_by("-pk").first()


@method_decorator(open_unless_members_only, name="dispatch")
class PostHistoryView(CursorListView):
    """The earlier versions of a post. Everyone who may open the post can see them."""

    fragment_name = "posts/_revisions.html"
    template_name = "posts/post_history.html"

    @cached_property
    def edited_post(self):
        posts = Post.objects.open_to(self.request.user).for_display()
        return get_object_or_404(posts, pk=self.kwargs["pk"])

    def get_queryset(self):
        return self.edited_post.revisions.newest_first()

    def get_context_data(self, **kwargs):
        context = super().get_context_data(post=self.edited_post, **kwargs)
        render_cards([self.edited_post])
        return context


class PostDeleteView(LoginRequiredMixin, DeleteView):
    """Shows a confirmation page, and deletes the member's own post. Responds with a 404 for other members' posts.

    The form contains a signed proof that it was shown to the author of this post. With the proof, a second click gets the
    same response as the first click, which deleted the post. Without the proof, the response doesn't reveal whether the post
    existed.
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
        return super().get_context_data(proof=self.get_proof(), repliers=repliers_to(self.object), **kwargs)

    def get_proof(self):
        return Signer(salt="posts.delete").signature(f"{self.request.user.pk} {self.kwargs['pk']}")

    def post(self, request, pk):
        try:
            return super().post(request, pk=pk)
        except Http404:
            if not constant_time_compare(request.POST.get("proof", ""), self.get_proof()):
                raise
            return self.redirect_home()

    def form_valid(self, form):
        self.object.delete()
        return self.redirect_home()

    def redirect_home(self):
        """Redirect with a message that the post was deleted. After two clicks, the message is shown only once."""
        message, queued = _("Post deleted."), messages.get_messages(self.request)
        if message not in map(str, queued):
            messages.success(self.request, message)
        queued.used = False
        return HttpResponseRedirect(self.success_url)
