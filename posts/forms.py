from uuid import uuid4, uuid5

from django import forms
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts import rate_limits
from accounts.database_errors import AccountGone
from accounts.models import User
from accounts.text_fields import FreeTextFormField
from posts.models import Post, Report
from posts.validators import MAX_CHARACTERS, validate_content

POST_LIMIT = ("POST_LIMIT", (200, 600))


class PostContentField(FreeTextFormField):
    """A post's text, which must not be empty."""

    widget = forms.Textarea

    def __init__(self, **kwargs):
        super().__init__(characters=MAX_CHARACTERS, **kwargs)

    def run_validators(self, value):
        validate_content(value)  # Of an empty text, too, of which it says it better than `required`.


class ReportForm(forms.ModelForm):
    class Meta:
        model = Report
        fields = ["reason", "note"]
        widgets = {"reason": forms.RadioSelect, "note": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["reason"].choices = Report.Reason.choices

    def save(self):
        """Store the report, unless this reporter has one of this post already. Returns whether it is new.

        Raises Post.DoesNotExist if they no longer see the post, AccountGone if they have left or were suspended, and
        RateLimitExceeded if they have reported too much lately.
        """
        reporter, post = self.instance.reporter, self.instance.post
        with transaction.atomic():
            # So that no block comes between, and whoever hides the post closes this report, too.
            if not User.objects.lock(reporter.pk, post.author_id).get(reporter.pk):
                raise AccountGone
            post = Post.objects.visible_to(reporter).select_for_update(no_key=True).get(pk=post.pk)
            _report, created = Report.objects.get_or_create(
                reporter=reporter, post=post, defaults=self.cleaned_data
            )
            if created:
                rate_limits.hit("report", reporter.pk, rate_limits.limit("REPORT_LIMIT", (50, 86400)))
        return created


class ContentForm(forms.ModelForm):
    content = PostContentField(
        label=_("New post"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto", "required": True}),
    )

    class Meta:
        model = Post
        fields = ["content"]


class SubmissionField(forms.UUIDField):
    """The number of a form that was shown. One that was tampered with is as good as none."""

    def to_python(self, value):
        try:
            return super().to_python(value)
        except forms.ValidationError:
            return None


class PostForm(ContentForm):
    submission = SubmissionField(required=False, initial=uuid4, widget=forms.HiddenInput)

    @classmethod
    def empty(cls):
        """The form as everyone's home shows it: no text, no errors, nothing special. Pages keep how it looks."""
        form = cls()
        form.is_as_everyones = True
        return form

    def save(self):
        """Publish the post, unless this form was sent before with the same text. Returns the post.

        Raises RateLimitExceeded if its author has posted too much lately.
        """
        submission = self._submission()
        known = Post.objects.by(self.instance.author).submitted_as(submission)
        if before := known.first():
            return before
        try:
            self._publish(submission)
        except IntegrityError:
            # Both clicks came at once, and the other one was faster.
            if before := known.first():
                return before
            raise
        return self.instance

    def _publish(self, submission):
        with transaction.atomic():
            self.instance.submission = submission
            self.instance.publish()
            rate_limits.hit("post", self.instance.author.pk, rate_limits.limit(*POST_LIMIT))

    def _submission(self):
        # With the text in it: who goes back and sends another text with the old form means another post.
        form = self.cleaned_data["submission"]
        return uuid5(form, self.cleaned_data["content"]) if form else None


class PostEditForm(ContentForm):
    # Which text the editor has seen: the moment of its last edit.
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["content"].label = _("Your post")
        self.current = str(self.instance.edited_on or "never")
        self.initial["seen"] = self.current

    def clean_seen(self):
        """Refuse once to replace a text that the editor has not seen; whoever sends it again means it."""
        if self.cleaned_data["seen"] not in ("", self.current):
            self.data = self.data.copy()
            self.data["seen"] = self.current
            words = _(
                "You have edited this post in another window meanwhile. Save again to replace that text by this."
            )
            self.add_error(None, words)
        return self.current

    def save(self):
        """Give the post its new text. Returns it.

        Raises EditingClosed if it is too late, and RateLimitExceeded if they have edited too much lately.
        """
        post = self.instance
        with transaction.atomic():
            if post.edit(self.cleaned_data["content"]):
                rate_limits.hit("edit", post.author.pk, rate_limits.limit(*POST_LIMIT))
        return post
