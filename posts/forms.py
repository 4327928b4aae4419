from django import forms
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts import limits
from accounts.text import clean_text
from posts.models import Post, Report
from posts.validators import MAX_CHARACTERS, validate_content


class PostContentField(forms.CharField):
    """A post's text: cleaned, then judged as people see it."""

    widget = forms.Textarea

    def to_python(self, value):
        # Cleaning takes time for every character: what is hopelessly long is refused as it is.
        value = value or ""
        return clean_text(value) if len(value) <= 10_000 else value

    def run_validators(self, value):
        # Not Django's own, which would speak of NUL characters that are gone by now.
        validate_content(value)


class ReportForm(forms.ModelForm):
    class Meta:
        model = Report
        fields = ["reason", "note"]
        widgets = {"reason": forms.RadioSelect, "note": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["reason"].choices = Report.Reason.choices

    def clean_note(self):
        return clean_text(self.cleaned_data["note"])

    def save(self):
        """Store the report, unless this reporter has one of this post already. Returns whether it is new.

        Raises LimitReached if they have reported too much lately.
        """
        reporter, post = self.instance.reporter, self.instance.post
        with transaction.atomic():
            limits.claim(reporter, reporter.reports.all(), settings.REPORT_LIMIT)
            _report, created = Report.objects.get_or_create(
                reporter=reporter, post=post, defaults=self.cleaned_data
            )
        return created


class PostForm(forms.ModelForm):
    content = PostContentField(
        label=_("New post"),
        required=False,  # validate_content says it better.
        widget=forms.Textarea(
            attrs={"rows": 3, "dir": "auto", "data-max-characters": MAX_CHARACTERS, "required": True}
        ),
    )

    class Meta:
        model = Post
        fields = ["content"]

    def save(self):
        """Publish the post. Returns it. Raises LimitReached if its author has posted too much lately."""
        author = self.instance.author
        with transaction.atomic():
            limits.claim(author, Post.objects.by(author), settings.POST_LIMIT)
            self.instance.publish()
        return self.instance
