# The library registers its own admin on import, so it must be imported before it is unregistered.
import django_tasks_db.admin  # noqa: F401
from django.contrib import admin
from django.db import transaction
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.common.admin import ReadOnlyAdmin
from accounts.common.text import truncate
from accounts.jobs.library import DBTaskResult
from accounts.jobs.models import Job

# It shows the arguments of jobs, which may contain emails with password reset links.
admin.site.unregister(DBTaskResult)


class StateFilter(admin.SimpleListFilter):
    """Filters by state. Without a choice it shows failed jobs, because those are what moderators look for."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request, model_admin):
        return [
            ("waiting", _("waiting")),
            ("unknown", _("waiting: unknown task")),
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
    """Shows failed and waiting jobs, and retries failed ones. Arguments are not shown, because they may contain an email."""

    list_display = ["job_name", "short_error", "attempt_count", "enqueued_at", "finished_at", "status"]
    list_filter = [StateFilter]
    fields = readonly_fields = [
        "task_path",
        "status",
        "attempt_count",
        "enqueued_at",
        "started_at",
        "finished_at",
        "run_after",
        "full_error",
    ]
    # There is an index for this order. Within a state, the newest job comes first.
    ordering = ["-status", "-enqueued_at"]
    list_per_page = 50
    actions = ["retry"]

    @admin.display(description=_("job"), ordering="task_path")
    def job_name(self, job):
        return job.task_name

    @admin.display(description=_("attempts"))
    def attempt_count(self, job):
        return job.attempts

    @admin.display(description=_("error"))
    def short_error(self, job):
        return truncate(job.last_error, 200)

    @admin.display(description=_("error"))
    def full_error(self, job):
        return format_html("<pre>{}</pre>", job.traceback)

    def has_retry_permission(self, request):
        return request.user.has_perm("accounts.change_job")

    @admin.action(description=_("Try again"), permissions=["retry"])
    def retry(self, request, queryset):
        with transaction.atomic():
            count = sum(job.retry() for job in queryset)
        self.message_user(
            request,
            ngettext("%d job is waiting to run again.", "%d jobs are waiting to run again.", count) % count,
        )
