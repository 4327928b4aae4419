from uuid import uuid4, uuid5

from django import forms
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.text import format_lazy
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.common.fields import FreeTextFormField
from accounts.security import rate_limits
from posts.app_settings import app_settings
from posts.models import Post
from posts.models.mention import NOTIFIED_PER_POST
from posts.models.post import ReplyPolicy
from posts.validators import MAX_CHARACTERS, validate_content


class PostContentField(FreeTextFormField):
    """A post's text, which must not be empty."""

    widget = forms.Textarea

    def __init__(self, **kwargs):
        super().__init__(characters=MAX_CHARACTERS, **kwargs)

    def run_validators(self, value):
        # Django skips validators for an empty text, but this validator has a message for it.
        validate_content(value)


class ContentForm(forms.ModelForm):
    content = PostContentField(
        label=_("New post"),
        help_text=format_lazy(
            _("If you mention more than {number} people, we notify the first {number}."),
            number=NOTIFIED_PER_POST,
        ),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto", "required": True}),
    )

    class Meta:
        model = Post
        fields = ["content"]


class SubmissionField(forms.UUIDField):
    """The UUID of a form that was shown. An invalid UUID is treated as missing."""

    def to_python(self, value):
        try:
            return super().to_python(value)
        except forms.ValidationError:
            return None


def language_choices():
    return [*settings.LANGUAGES, ("", _("Another language"))]


def site_language():
    """Return the code of the page's language, which is the one that the writer prefers, or "" if posts can't have it."""
    code = get_language()
    return code if code in dict(settings.LANGUAGES) else ""


class WritingForm(ContentForm):
    """A form that publishes a text. The request may leave out everything else, as other clients do."""

    submission = SubmissionField(required=False, initial=uuid4, widget=forms.HiddenInput)
    language = forms.ChoiceField(label=_("Language"), required=False, choices=language_choices)

    class Meta(ContentForm.Meta):
        fields = ["content", "language"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        # Instead of the language of the instance, which nobody has chosen yet.
        self.initial["language"] = site_language()

    def clean_language(self):
        sent = self.add_prefix("language") in self.data
        return self.cleaned_data["language"] if sent else site_language()

    def save(self):
        """Publish the post, unless this form was already submitted with the same text. Returns the post.

        Raises RateLimitExceeded if the author has posted too much recently.
        """
        submission = self._submission()
        known = Post.objects.by(self.instance.author).submitted_as(submission)
        if earlier := known.first():
            return earlier
        try:
            self._publish(submission)
        except IntegrityError:
            # The form was submitted twice at the same time, and the other request was faster.
            if earlier := known.first():
                return earlier
            raise
        return self.instance

    def _publish(self, submission):
        with transaction.atomic():
            self.instance.submission = submission
            self.instance.publish()
            rate_limits.hit("post", self.instance.author.pk, app_settings.POST_LIMIT)

    def _submission(self):
        # The id also depends on the text. If someone goes back and submits another text with the old form, that is another post.
        form = self.cleaned_data["submission"]
        return uuid5(form, self.cleaned_data["content"]) if form else None


class PostForm(WritingForm):
    reply_policy = forms.ChoiceField(label=_("Who may reply"), required=False, choices=ReplyPolicy)

    class Meta(WritingForm.Meta):
        fields = ["content", "reply_policy", "language"]

    def clean_reply_policy(self):
        return self.cleaned_data["reply_policy"] or ReplyPolicy.EVERYONE


class ReplyForm(WritingForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["content"].label = _("Reply")


class ReplyPolicyForm(forms.ModelForm):
    class Meta:
        model = Post
        fields = ["reply_policy"]

    def save(self):
        """Store who may reply to the post. Returns the post."""
        Post.objects.filter(pk=self.instance.pk).update(reply_policy=self.cleaned_data["reply_policy"])
        return self.instance


class PostEditForm(ContentForm):
    # The version that the author has seen, identified by the time of its last edit.
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["content"].label = _("Your post")
        self.current = str(self.instance.edited_on or "never")
        self.initial["seen"] = self.current

    def clean_seen(self):
        """Refuse to replace a version that the author hasn't seen, but accept it if they submit the form again."""
        if self.cleaned_data["seen"] not in ("", self.current):
            self.data = self.data.copy()
            self.data["seen"] = self.current
            message = _(
                "You edited this post in another window. Save again to replace that version with this one."
            )
            self.add_error(None, message)
        return self.current

    def save(self):
        """Store the new text of the post. Returns the post.

        Raises EditingClosed if the post is no longer editable, and RateLimitExceeded if the author has edited too much recently.
        """
        post = self.instance
        with transaction.atomic():
            if post.edit(self.cleaned_data["content"]):
                rate_limits.hit("edit", post.author.pk, app_settings.POST_LIMIT)
        return post
