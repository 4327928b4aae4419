from django.contrib import admin, messages
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from accounts.common.admin import ReadOnlyAdmin, SetFilter
from accounts.common.text import truncate
from accounts.models import User
from accounts.moderation.actions import may_be_moderated_by, moderate
from accounts.moderation.admin import ReasonMixin
from posts.models import Post


@admin.register(Post)
class PostAdmin(ReasonMixin, ReadOnlyAdmin):
    """The admin of posts. They can only be changed by actions. Reported posts are in the queue for moderators."""

    list_display = ["beginning", "author", "created_on", "edits", "hidden_on", "replied_to", "on_site"]
    list_filter = [("hidden_on", SetFilter)]
    ordering = ["-id"]
    actions = ["hide", "restore"]
    list_select_related = ["author"]
    search_fields = ["content"]
    search_help_text = _("Type @name for one author's posts, or words to search every post.")

    def get_search_results(self, request, queryset, search_term):
        if search_term.startswith("@"):
            name = search_term.removeprefix("@").strip().lower().replace("\0", "")
            return queryset.filter(author__in=User.objects.filter(username=name)), False
        return super().get_search_results(request, queryset, search_term)

    def view_on_site(self, post):
        # Django's redirect would build the URL from the Host header.
        return post.get_absolute_url()

    def has_moderate_permission(self, request):
        return request.user.has_perm("posts.change_post")

    @admin.display(description=_("text"))
    def beginning(self, post):
        return truncate(post.content, 80)

    @admin.display(description=_("on the site"))
    def on_site(self, post):
        return format_html('<a href="{}">{}</a>', post.get_absolute_url(), _("Open"))

    @admin.display(description=_("in reply to"), empty_value="")
    def replied_to(self, post):
        """Return a link to the post to which this replies, without loading that post."""
        if post.in_reply_to_id is None:
            return None
        url = reverse("posts:detail", args=[post.in_reply_to_id])
        return format_html('<a href="{}">{}</a>', url, post.in_reply_to_id)

    @admin.display(description=_("edited"), ordering="edited_on", empty_value="")
    def edits(self, post):
        """Return the time of the last edit, as a link to the earlier texts."""
        if post.edited_on is None:
            return None
        url = reverse("posts:history", args=[post.pk])
        return format_html(
            '<a href="{}">{}</a>', url, date_format(localtime(post.edited_on), "DATETIME_FORMAT")
        )

    def moderate(self, request, queryset, action, question, button, done):
        def act(reason):
            posts = self.allowed_to_moderate(request, queryset).select_related("author")
            return done % {"count": moderate(request.user, action, posts, reason)}

        return self.with_reason(request, queryset, question, button, act)

    def allowed_to_moderate(self, request, queryset):
        """Return the posts that this moderator may moderate: all but those of moderators and administrators.

        Administrators may moderate all posts.
        """
        allowed = may_be_moderated_by(request.user, "author")
        if queryset.exclude(allowed).exists():
            message = _("Only administrators can decide about the posts of moderators and administrators.")
            self.message_user(request, message, messages.ERROR)
        return Post.objects.filter(allowed, pk__in=list(queryset.values_list("pk", flat=True)))

    @admin.action(description=_("Hide from everyone but the author"), permissions=["moderate"])
    def hide(self, request, queryset):
        return self.moderate(
            request,
            queryset,
            Post.hide,
            question=ngettext_lazy("Hide this post?", "Hide these %(count)d posts?", "count"),
            button=ngettext_lazy("Hide post", "Hide posts", "count"),
            done=ngettext_lazy("%(count)d post hidden.", "%(count)d posts hidden.", "count"),
        )

    @admin.action(description=_("Restore"), permissions=["moderate"])
    def restore(self, request, queryset):
        return self.moderate(
            request,
            queryset,
            Post.restore,
            question=ngettext_lazy("Restore this post?", "Restore these %(count)d posts?", "count"),
            button=ngettext_lazy("Restore post", "Restore posts", "count"),
            done=ngettext_lazy("%(count)d post restored.", "%(count)d posts restored.", "count"),
        )
