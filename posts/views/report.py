"""A member asks the moderators to look at a post."""

from django.contrib import messages
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.views.generic import CreateView

from accounts import rate_limits
from posts.cards import render_cards
from posts.forms import ReportForm
from posts.models import Post, Report


class ReportView(CreateView):
    """Asks why, and tells the moderators. Once for each member and post; of one's own there is nothing to tell."""

    form_class = ReportForm
    http_method_names = ["get", "head", "post", "options"]
    template_name = "posts/report_form.html"

    @cached_property
    def reported(self):
        others = Post.objects.visible_to(self.request.user).exclude(author=self.request.user)
        post = get_object_or_404(others.for_display(), pk=self.kwargs["pk"])
        render_cards([post])
        return post

    def get_form_kwargs(self):
        report = Report(reporter=self.request.user, post=self.reported)
        return super().get_form_kwargs() | {"instance": report}

    def get_context_data(self, **kwargs):
        return super().get_context_data(post=self.reported, **kwargs)

    def form_valid(self, form):
        try:
            new = form.save()
        except Post.DoesNotExist as error:
            raise Http404 from error
        except rate_limits.RateLimitExceeded as error:
            form.add_error(None, str(error))
            rate_limits.refuse(self.request, error.wait)
            return self.render_to_response(self.get_context_data(form=form))
        thanks, known = _("Thank you. A moderator will look at it."), _("You have reported this post before.")
        messages.success(self.request, thanks if new else known)
        return HttpResponseRedirect(self.reported.get_absolute_url())
