"""What pages have in common on which a text is written: it is never lost."""

import logging
from functools import partial

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.db import DatabaseError
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _

from accounts.limits import LimitReached
from accounts.transactions import in_one_transaction
from posts.models.post import EditingClosed
from posts.validators import MAX_CODE_POINTS

logger = logging.getLogger(__name__)


@method_decorator(login_not_required, name="dispatch")
class TextViewMixin:
    """What was refused is shown again, with the reason.

    What somebody sends whose session has ended meanwhile waits here until they have logged in again.
    """

    http_method_names = ["get", "head", "post", "options"]
    done_message = ""

    def dispatch(self, request, *args, **kwargs):
        if request.user.is_authenticated:
            return super().dispatch(request, *args, **kwargs)
        if draft := request.POST.get("content"):
            request.session["draft"] = [request.path, draft[:MAX_CODE_POINTS]]
        return redirect_to_login(request.path)

    def get_initial(self):
        path, draft = self.request.session.get("draft", ("", ""))
        if path != self.request.path:
            return super().get_initial()
        del self.request.session["draft"]
        return super().get_initial() | {"content": draft}

    def form_valid(self, form):
        try:
            # With the session, from which a kept text may have been taken.
            response = in_one_transaction(self.request, partial(super().form_valid, form))
        except LimitReached as limit:
            return self.refuse(form, str(limit), 429)
        except EditingClosed:
            return self.refuse(form, closed_message(), 409)
        except DatabaseError:
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
