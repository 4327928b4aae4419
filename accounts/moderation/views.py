from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpResponseRedirect
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.views.generic import CreateView

from accounts.common.links import rules_path
from accounts.models import User
from accounts.moderation import subjects
from accounts.moderation.forms import ReportForm
from accounts.moderation.models import Report
from accounts.security import rate_limits


class ReportView(LoginRequiredMixin, CreateView):
    """The page to report a subject. `subject_name` is the name of its ReportSubject, and the URL has its `pk`."""

    subject_name = None
    form_class = ReportForm
    http_method_names = ["get", "head", "post", "options"]
    template_name = "accounts/report_form.html"

    @cached_property
    def subject_type(self):
        return subjects.get(self.subject_name)

    @cached_property
    def subject(self):
        return self.subject_type.get_or_404(self.request.user, self.get_pk())

    def get_pk(self):
        """Return the primary key of the subject, or None if there is no such subject."""
        return self.kwargs["pk"]

    def get_form_kwargs(self):
        report = Report.new(self.subject, reporter=self.request.user)
        return super().get_form_kwargs() | {"instance": report}

    def get_context_data(self, **kwargs):
        earlier = self.request.user.reports.filter(
            subject_type=self.subject_name, subject_id=self.subject.pk
        ).first()
        return super().get_context_data(
            earlier=earlier,
            subject=self.subject,
            subject_type=self.subject_type,
            rules_url=rules_path(),
            **kwargs,
        )

    def form_valid(self, form):
        try:
            is_new = form.save()
        except ObjectDoesNotExist as error:
            raise Http404 from error
        except rate_limits.RateLimitExceeded as error:
            form.add_error(None, str(error))
            rate_limits.refuse(self.request, error.wait)
            return self.render_to_response(self.get_context_data(form=form))
        thanks = _("Thank you. A moderator will look into it.")
        messages.success(self.request, thanks if is_new else self.subject_type.already_reported)
        return HttpResponseRedirect(self.subject.get_absolute_url())


class PersonReportView(ReportView):
    """The page to report the person whose username is in the URL."""

    subject_name = "person"

    def get_pk(self):
        people = User.objects.filter(username=self.kwargs["username"].lower())
        return people.values_list("pk", flat=True).first()
