"""What pages have in common on which a text is written: it is never lost."""

import logging
from functools import partial

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.db import Error as DatabaseError
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _

from accounts import rate_limits
from accounts.database_errors import is_worth_another_attempt
from accounts.transactions import in_one_transaction
from posts import drafts
from posts.models.post import EditingClosed

logger = logging.getLogger(__name__)


@method_decorator(login_not_required, name="dispatch")
class TextViewMixin:
    """Show a refused text again, with the reason.

    A text that arrives after the session has ended waits until its writer logs in again. If the form doesn't say who
    that is, the answer gives the text back at once, and nothing is kept.
    """

    http_method_names = ["get", "head", "post", "options"]
    done_message = ""

    def dispatch(self, request, *args, **kwargs):
        if request.user.is_authenticated:
            return super().dispatch(request, *args, **kwargs)
        if text := request.POST.get("content"):
            writer = drafts.writer_of(request.POST)
            if writer is None:
                return render(request, "posts/not_logged_in.html", {"text": text}, status=403)
            drafts.keep(request, writer, text)
        return redirect_to_login(request.path)

    def get_initial(self):
        initial = super().get_initial()
        text = drafts.take(self.request) if self.request.method == "GET" else ""
        return initial | {"content": text} if text else initial

    def get_form(self):
        form = super().get_form()
        writer = drafts.writer_of(self.request.POST)
        if form.is_bound and writer not in (None, str(self.request.user.pk)):
            form.full_clean()
            form.add_error(None, self.anothers_message())
        return form

    def anothers_message(self):
        """What to say about a form that was shown to another member, whose window is still open in this browser."""
        words = _(
            "You wrote this while logged in to another account. Send it again to publish it as @%(name)s."
        )
        return words % {"name": self.request.user.username}

    def form_valid(self, form):
        try:
            # With the session, from which a kept text may have been taken.
            response = in_one_transaction(self.request, partial(super().form_valid, form))
        except rate_limits.RateLimitExceeded as error:
            rate_limits.refuse(self.request, error.wait)
            return self.refuse(form, str(error), 429)
        except EditingClosed:
            return self.refuse(form, closed_message(), 409)
        except DatabaseError as error:
            if is_worth_another_attempt(error):
                raise  # To be tried again.
            logger.exception("A post could not be stored")
            words = _("Your post could not be stored. Your text is still here: try again in a moment.")
            return self.refuse(form, words, 503)
        # The tag tells the browser that it need not keep the text any longer.
        messages.success(self.request, self.done_message, extra_tags="stored")
        return response

    def refuse(self, form, words, status):
        form.add_error(None, words)
        return self.render_to_response(self.get_context_data(form=form), status=status)


def closed_message():
    return _("This post can't be edited any more. You can delete it and write another.")
