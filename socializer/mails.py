"""Previews of all emails with sample data, for development. They exist only if DEBUG is on."""

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponse
from django.shortcuts import render

from accounts.emails.samples import all_samples


@login_not_required
def mails(request):
    return render(request, "socializer/mails.html", {"samples": all_samples().values()})


@login_not_required
def mail(request, name, form):
    sample = all_samples().get(name)
    if sample is None:
        raise Http404
    if form == "text":
        message = sample.message("ada@example.org")
        return HttpResponse(f"{message.subject}\n\n{message.body}", content_type="text/plain; charset=utf-8")
    return HttpResponse(sample.page())
