"""A page with all tokens and components of the style sheet, for designers. It exists only if DEBUG is on."""

import re
from types import SimpleNamespace

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.staticfiles import finders
from django.http import Http404
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.generic import TemplateView

from accounts.models import User
from posts.forms import PostForm
from posts.models import Post
from posts.rendering.text import render_content


class ExampleForm(forms.Form):
    """A form with one field of each kind."""

    text = forms.CharField(label="Text", help_text="Help is shown below the field.")
    long = forms.CharField(label="Long text", widget=forms.Textarea(attrs={"rows": 3}))
    choice = forms.ChoiceField(label="Choice", choices=[("a", "One"), ("b", "Another")])
    box = forms.BooleanField(label="A box to tick")


# Extremely long or unusual names and texts that lists and cards must handle.
PEOPLE = [
    User(pk=1, username="ada", display_name="Ada Lovelace", bio="Numbers and what they mean."),
    User(pk=2, username="q" * 40, display_name="Zo\u00eb von und zu Donaudampfschifffahrtsgesellschaft"),
    User(pk=3, username="salma", display_name="\u0633\u0644\u0645\u0649"),
]
TEXTS = [
    "A short post with https://example.org/a/long/address/that/goes/on/and/on in it.",
    "w" * 200,
    "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645\u060c \u0647\u0630\u0627 \u0646\u0635 \u0645\u0646 \u0627\u0644\u064a\u0645\u064a\u0646.",
]


def tokens():
    """Return a dict from each kind of token in the style sheet to a list of names, in order."""
    with open(finders.find("accounts/site.css")) as file:
        sheet = file.read()
    block = sheet[sheet.index("@layer tokens {") : sheet.index("@layer base {")]
    names = re.findall(r"^ +--([\w-]+):", block, re.MULTILINE)
    kinds = ("space", "size")
    return {kind: [name for name in names if name.partition("-")[0] == kind] for kind in kinds} | {
        "colour": re.findall(r"^ +--([\w-]+): light-dark", block, re.MULTILINE)
    }


def example_posts():
    now = timezone.now()
    for person, text in zip(PEOPLE, TEXTS, strict=True):
        post = Post(pk=person.pk, author=person, content=text, created_on=now)
        post.content_html = render_content(text, {})
        yield post


@method_decorator(login_not_required, name="dispatch")
class StyleView(TemplateView):
    """Shows the page if DEBUG is on, and otherwise responds with a 404."""

    template_name = "socializer/style.html"

    def dispatch(self, request):
        if not settings.DEBUG:
            raise Http404("Only in development.")
        return super().dispatch(request)

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            tokens=tokens(),
            form=PostForm(),
            example=ExampleForm(),
            refused=ExampleForm({}),
            posts=list(example_posts()),
            page=SimpleNamespace(newer=1, older=1),
            people=PEOPLE,
            **kwargs,
        )
