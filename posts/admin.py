from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, OuterRef, Subquery
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.admin.moderation import ReadOnlyAdmin, ReasonMixin
from accounts.admin.paginator import SetFilter
from accounts.models import ModerationAction, User
from accounts.moderation import lock, moderate, suspend
from accounts.text import truncate
from posts.models import Post, ReportedPost

# Of a wave of reports so many notes tell enough.
NOTES_SHOWN = 10


class ModeratedPostAdmin(ReasonMixin, ReadOnlyAdmin):
    """Posts, to be dealt with by actions and not changed in any other way."""

    list_select_related = ["author"]
    search_fields = ["content"]
    search_help_text = _(
        "@name finds the posts of one author at once; other words are looked for in all texts."
    )

    def get_search_results(self, request, queryset, search_term):
        if search_term.startswith("@"):
            name = search_term.removeprefix("@").strip().lower().replace("\0", "")
            return queryset.filter(author__in=User.objects.filter(username=name)), False
        return super().get_search_results(request, queryset, search_term)

    def view_on_site(self, post):
        # Not Django's redirect: it builds an address from the Host header.
        return post.get_absolute_url()

    def has_moderate_permission(self, request):
        return request.user.has_perm("posts.change_post")

    @admin.display(description=_("text"))
    def beginning(self, post):
        return truncate(post.content, 80)

    @admin.display(description=_("on the site"))
    def on_site(self, post):
        return format_html('<a href="{}">{}</a>', post.get_absolute_url(), _("Open"))

    @admin.display(description=_("edited"), ordering="edited_on", empty_value="")
    def edits(self, post):
        """When, as a link to the earlier texts."""
        if post.edited_on is None:
            return None
        url = reverse("posts:history", args=[post.pk])
        return format_html(
            '<a href="{}">{}</a>', url, date_format(localtime(post.edited_on), "DATETIME_FORMAT")
        )

    def moderate(self, request, queryset, verb, title):
        def act(reason):
            others = self.judged_by(request, queryset)
            changed = moderate(request.user, verb, others.select_related("author"), reason)
            return ngettext("%d post: done.", "%d posts: done.", changed) % changed

        return self.with_reason(request, queryset, title, act)

    def judged_by(self, request, queryset):
        """Those of the posts that whoever asks may judge: not their own, unless they are an administrator."""
        if request.user.is_superuser:
            return queryset
        if queryset.filter(author=request.user).exists():
            self.message_user(request, _("You can't judge your own posts."), messages.ERROR)
        others = Post.objects.exclude(author=request.user)
        return others.filter(pk__in=list(queryset.values_list("pk", flat=True)))

    @admin.action(description=_("Hide from everyone but the author"), permissions=["moderate"])
    def hide(self, request, queryset):
        return self.moderate(request, queryset, ModerationAction.Verb.HIDE, _("Hide posts"))

    @admin.action(description=_("Restore"), permissions=["moderate"])
    def restore(self, request, queryset):
        return self.moderate(request, queryset, ModerationAction.Verb.RESTORE, _("Restore posts"))


@admin.register(Post)
class PostAdmin(ModeratedPostAdmin):
    list_display = ["beginning", "author", "created_on", "edits", "hidden_on", "on_site"]
    list_filter = [("hidden_on", SetFilter)]
    ordering = ["-id"]
    actions = ["hide", "restore"]


@admin.register(ReportedPost)
class ReportedPostAdmin(ModeratedPostAdmin):
    """The queue: posts with open reports, a row each however many they are; the most reported first."""

    list_display = [
        "beginning",
        "author",
        "open_reports",
        "reasons",
        "notes",
        "history",
        "created_on",
        "edits",
        "on_site",
    ]
    actions = ["hide", "dismiss", "suspend_authors"]

    def get_queryset(self, request):
        before = (
            ModerationAction.objects.filter(target_person=OuterRef("author__username"))
            .values("target_person")
            .annotate(count=Count("pk"))
            .values("count")
        )
        reported = super().get_queryset(request).reported().annotate(history=Subquery(before))
        return reported.order_by("-report_count", "-id")

    @admin.display(description=_("the author's history"), empty_value="0")
    def history(self, post):
        return post.history

    @admin.display(description=_("reports"), ordering="report_count")
    def open_reports(self, post):
        return post.report_count

    @admin.display(description=_("reasons"))
    def reasons(self, post):
        said = {report.get_reason_display(): None for report in post.open_reports}
        return ", ".join(map(str, said))

    @admin.display(description=_("what reporters say"))
    def notes(self, post):
        said = [f"@{report.reporter.username}: {report.note}" for report in post.open_reports if report.note]
        return format_html_join(mark_safe("<br>"), "{}", ((note,) for note in said[:NOTES_SHOWN]))

    @admin.action(description=_("Dismiss the reports"), permissions=["moderate"])
    def dismiss(self, request, queryset):
        return self.moderate(request, queryset, ModerationAction.Verb.DISMISS, _("Dismiss reports"))

    @admin.action(description=_("Suspend the authors and hide the posts"), permissions=["moderate"])
    def suspend_authors(self, request, queryset):
        if not request.user.has_perm("accounts.change_user"):
            raise PermissionDenied

        def act(reason):
            authors = User.objects.filter(pk__in=list(queryset.values_list("author", flat=True)))
            lock(request.user, authors)  # Before their posts.
            hidden = self.judged_by(request, queryset).select_related("author")
            moderate(request.user, ModerationAction.Verb.HIDE, hidden, reason)
            changed = suspend(request.user, authors, reason)
            return ngettext("%d person suspended.", "%d people suspended.", changed) % changed

        return self.with_reason(request, queryset, _("Suspend authors"), act)
