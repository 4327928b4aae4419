from django import template
from django.urls import NoReverseMatch, reverse

from accounts.moderation import subjects
from accounts.moderation.permissions import may_moderate
from accounts.moderation.queue import capped, open_card_count

register = template.Library()


@register.simple_tag(takes_context=True)
def moderation_link(context):
    """Return `url` and `count`, a text, for people who may moderate, or None. The count takes one query per page."""
    request, user = context.get("request"), context.get("user")
    if user is None or not getattr(user, "is_staff", False) or not may_moderate(user):
        return None
    try:
        url = reverse("admin:moderation")
    except NoReverseMatch:  # The admin of this site isn't ours.
        return None
    if not hasattr(request, "open_card_count"):
        request.open_card_count = open_card_count()
    return {"url": url, "count": capped(request.open_card_count)}


@register.simple_tag(takes_context=True)
def subject_tabs(context):
    """Return dicts with `url` and `label` for the lists in the admin of what can be reported, if the viewer may open them."""
    found = []
    for subject_type in subjects.all_subjects():
        app, model = subject_type.model._meta.app_label, subject_type.model._meta.model_name
        if subject_type.tab and context["user"].has_perm(f"{app}.view_{model}"):
            found.append({"url": reverse(f"admin:{app}_{model}_changelist"), "label": subject_type.tab})
    return found
