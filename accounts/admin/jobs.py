from django.contrib import admin
from django.db import transaction
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.admin.moderation import ReadOnlyAdmin
from accounts.models import Job
from accounts.text import truncate


class WithCauseFilter(admin.SimpleListFilter):
    """Failed ones first: whoever comes here looks for those."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request, model_admin):
        return [
            ("waiting", _("waiting")),
            ("unknown", _("waiting for an unknown task")),
            ("running", _("running")),
            ("done", _("done")),
            ("all", _("all")),
        ]

    def choices(self, changelist):
        failed = {"selected": self.value() is None, "query_string": "?", "display": _("failed")}
        return [failed, *list(super().choices(changelist))[1:]]

    def queryset(self, request, queryset):
        if self.value() == "unknown":
            return queryset.unknown()
        states = {"waiting": "READY", "running": "RUNNING", "done": "SUCCESSFUL", None: "FAILED"}
        return queryset.filter(status=states[self.value()]) if self.value() in states else queryset


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    """What the workers could not do, why, and a second chance. Arguments are not shown: a mail may be among them."""

    list_display = ["name_shown", "cause_shown", "tries_shown", "enqueued_at", "finished_at", "status"]
    list_filter = [WithCauseFilter]
    fields = readonly_fields = [
        "task_path",
        "status",
        "tries_shown",
        "enqueued_at",
        "started_at",
        "finished_at",
        "run_after",
        "whole_cause",
    ]
    # In an index; within one state the newest comes first.
    ordering = ["-status", "-enqueued_at"]
    list_per_page = 50
    actions = ["try_again"]

    @admin.display(description=_("job"), ordering="task_path")
    def name_shown(self, job):
        return job.task_name

    @admin.display(description=_("tries"))
    def tries_shown(self, job):
        return job.tries

    @admin.display(description=_("cause"))
    def cause_shown(self, job):
        return truncate(job.cause, 200)

    @admin.display(description=_("cause"))
    def whole_cause(self, job):
        return format_html("<pre>{}</pre>", job.traceback)

    def has_retry_permission(self, request):
        return request.user.has_perm("accounts.change_job")

    @admin.action(description=_("Try again"), permissions=["retry"])
    def try_again(self, request, queryset):
        with transaction.atomic():
            begun = sum(job.try_again() for job in queryset)
        self.message_user(request, ngettext("%d job waits again.", "%d jobs wait again.", begun) % begun)
