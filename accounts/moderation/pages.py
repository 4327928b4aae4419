"""The pages for moderators in the admin: the queue, a person and the record. SecureAdminSite adds them to its addresses."""

from allauth.account.models import EmailAddress
from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import transaction
from django.db.models import F
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import TemplateView, View

from accounts.common import converters  # noqa: F401 (<username:...> comes from here)
from accounts.common.cursors import Cursor, read_position
from accounts.common.database_errors import AccountGone
from accounts.common.links import is_on_this_site
from accounts.common.lists import CursorListView
from accounts.common.text import fit
from accounts.joining.decisions import approve
from accounts.joining.decisions import refuse as refuse_application
from accounts.joining.models import Application, Invitation, InvitationUse
from accounts.models import User
from accounts.moderation import permissions, queue, subjects
from accounts.moderation.decisions import (
    Decision,
    DecisionRefused,
    answer_appeal,
    decide,
    undo,
    why_not,
)
from accounts.moderation.forms import DecisionForm, NoteForm, ReasonForm
from accounts.moderation.models import Appeal, ModerationAction, ModeratorNote, Report, Rule

# The search looks through this many of the newest actions.
SEARCHED = 10_000
MOST_SEARCHED = 100
# How many posts, reports and so on the page of a person shows.
SHOWN = 20
TOGETHER = "together"
UNDONE = gettext_lazy("Undone. It's as if nobody had decided.")


def urls(admin_site):
    """Return the URL patterns of these pages. `admin_site` restricts them to its users."""
    views = {
        "": QueueView,
        "undo/": UndoView,
        "record/": RecordView,
        "people/<username:username>/": PersonView,
    }
    names = {"": "moderation", "undo/": "moderation-undo", "record/": "moderation-record"}
    return [
        path(
            f"moderation/{route}",
            admin_site.admin_view(view.as_view()),
            name=names.get(route, "moderation-person"),
        )
        for route, view in views.items()
    ]


class ModeratorMixin:
    """A mixin for views of people with the permission `permission`."""

    permission = permissions.MODERATE

    def dispatch(self, request, *args, **kwargs):
        if not request.user.has_perm(self.permission):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    @cached_property
    def rules(self):
        return list(Rule.objects.filter(is_active=True))

    def read_decision(self):
        try:
            return Decision(self.request.POST.get("decision", ""))
        except ValueError as error:
            raise BadRequest("There is no such decision.") from error


class QueueView(ModeratorMixin, TemplateView):
    """The cards that wait for a decision, and the forms to decide about one or several of them.

    htmx gets only the card that it replaces.
    """

    template_name = "accounts/moderation/queue.html"

    def post(self, request):
        if "appeal" in request.POST:
            return self.answer()
        if "application" in request.POST:
            return self.decide_application()
        values = request.POST.getlist("card")
        together = TOGETHER in request.POST
        key = TOGETHER if together else values[0].partition(":")[0] if values else ""
        decision = self.read_decision()
        form = DecisionForm(request.POST, rules=self.rules, key=key)
        if form.is_valid():
            try:
                rows = self.read_cards(values, decision)
                if not rows:
                    raise DecisionRefused(_("Select at least one report."))
                actions = decide(
                    request.user,
                    list(rows),
                    decision,
                    reason=form.cleaned_data["reason"],
                    rule=form.cleaned_data.get("rule"),
                    days=form.cleaned_data["days"],
                    seen=rows,
                )
            except DecisionRefused as refusal:
                form.add_error(refusal.field, str(refusal))
            else:
                return self.decided(actions, key)
        return self.refused(form, key, values)

    def read_cards(self, values, decision):
        """Return a dict of the objects that the cards are about, with the version that the moderator saw."""
        rows = {}
        for value in dict.fromkeys(values[: queue.CARDS]):
            try:
                subject_type, pk, version = queue.read_key(value)
            except queue.UnknownCard as error:
                raise BadRequest("There is no such card.") from error
            if decision == Decision.HIDE and not self.request.user.has_perm(subject_type.hide_permission):
                raise PermissionDenied
            row = subject_type.with_people([pk]).first()
            if row is None:
                raise DecisionRefused(str(subject_type.deleted_message))
            rows[row] = version
        return rows

    def answer(self):
        """Grant or reject an appeal."""
        pk = read_position(self.request.POST["appeal"])
        appeal = Appeal.objects.select_related("action", "person").filter(pk=pk).first()
        key = f"appeal-{pk}"
        form = ReasonForm(self.request.POST, key=key)
        if appeal is None:
            messages.error(self.request, _("This appeal is gone: the member has left."))
            return HttpResponseRedirect(self.url_of_page())
        if form.is_valid():
            try:
                grant, reason = "grant" in self.request.POST, form.cleaned_data["reason"]
                answer_appeal(self.request.user, appeal, grant=grant, reason=reason)
            except DecisionRefused as refusal:
                form.add_error(refusal.field, str(refusal))
            else:
                return HttpResponseRedirect(f"{self.url_of_page()}#decided")
        return self.refused(form, key, [])

    def decide_application(self):
        """Approve or refuse an application."""
        pk = read_position(self.request.POST["application"])
        key = f"application-{pk}"
        form, _action = decide_application(self.request, pk)
        return self.refused(form, key, []) if form else HttpResponseRedirect(self.url_of_page())

    def decided(self, actions, key):
        if self.request.htmx:
            settled = queue.settled_keys(actions) - {key}
            context = {"decided": queue.with_messages(actions), "key": key, "settled": sorted(settled)}
            return render(self.request, "accounts/moderation/_decided.html", context)
        # The next card takes the place of this one, below what was decided.
        return HttpResponseRedirect(f"{self.url_of_page(self.request.POST.get('following'))}#decided")

    def url_of_page(self, following=None):
        """Return the URL of this page of the queue. It shows what was decided above the card with the key `following`."""
        query = self.request.GET.copy()
        query.pop("next", None)
        if following:
            query["next"] = following
        return f"{self.request.path}?{query.urlencode()}" if query else self.request.path

    def refused(self, form, key, values):
        if self.request.htmx and key != TOGETHER:
            return self.refused_in_place(form, key, values)
        context = self.get_context_data(forms={key: form}, selected=values)
        if key not in context["shown"]:
            # The card is gone, so there is no place for the form.
            for error in form.errors.values():
                messages.error(self.request, " ".join(error))
            return HttpResponseRedirect(self.url_of_page())
        return self.render_to_response(context)

    def refused_in_place(self, form, key, values):
        card = load_card(self.request.user, values[0])
        if card is None:
            return render_gone(self.request, key, [each for error in form.errors.values() for each in error])
        card.form, card.is_open = form, True
        return render(self.request, "accounts/moderation/_card.html", {"card": card})

    def get_context_data(self, forms=None, selected=(), **kwargs):
        forms, viewer = forms or {}, self.request.user
        page, appeals, cards, applications = queue.load_page(viewer, Cursor.from_query(self.request.GET))
        refused_appeals = [appeal for appeal in appeals if appeal.refusal]
        appeals = [appeal for appeal in appeals if not appeal.refusal]
        decidable = [card for card in cards if not card.refusal]
        following = self.request.GET.get("next")
        in_turn = next(
            (card for card in decidable if card.key == following), decidable[0] if decidable else None
        )
        for number, card in enumerate(cards):
            card.form = forms.get(card.key) or DecisionForm(rules=self.rules, key=card.key)
            card.following = cards[number + 1].key if number + 1 < len(cards) else ""
            card.selected = card.value in selected
            card.is_open = card is in_turn or card.form.is_bound
        for appeal in appeals:
            key = f"appeal-{appeal.pk}"
            appeal.form = forms.get(key) or ReasonForm(key=key)
        for application in applications:
            application.form = application_form(application, forms)
        shown = {
            TOGETHER,
            *(f"application-{each.pk}" for each in applications),
            *(card.key for card in cards),
            *(f"appeal-{appeal.pk}" for appeal in appeals),
        }
        return super().get_context_data(
            page=page,
            cards=cards,
            appeals=appeals,
            applications=applications,
            refused_appeals=refused_appeals,
            shown=shown,
            decided=queue.recent_decisions(viewer),
            decided_before=following if following in shown else None,
            together=(forms.get(TOGETHER) or DecisionForm(rules=self.rules, key=TOGETHER))
            if len(decidable) > 1
            else None,
            together_buttons=together_buttons(decidable),
            **kwargs,
        )


def application_form(application, forms):
    key = f"application-{application.pk}"
    return forms.get(key) or ReasonForm(key=key)


def decide_application(request, pk):
    """Approve or refuse the application that a form names, and say so in a message.

    Returns the form with its errors and None, or None and the ModerationAction. Both are None if the application is gone.
    """
    application = Application.objects.filter(pk=pk).select_related("person").first()
    if application is None:
        messages.error(request, _("This application is gone: the person has left."))
        return None, None
    form = ReasonForm(request.POST, key=f"application-{pk}")
    if form.is_valid():
        try:
            if "approve" in request.POST:
                action = approve(request.user, application)
            else:
                action = refuse_application(request.user, application, form.cleaned_data["reason"])
        except DecisionRefused as refusal:
            form.add_error(refusal.field, str(refusal))
        else:
            messages.success(request, queue.announce(action))
            return None, action
    return form, None


def load_card(viewer, value):
    """Return the Card that a form names by its key or value, or None if there is no such card any more."""
    try:
        subject_type, pk, _version = queue.read_key(value)
    except queue.UnknownCard as error:
        raise BadRequest("There is no such card.") from error
    return queue.load_card(viewer, subject_type, pk)


def render_gone(request, key, texts):
    """Return what htmx shows in place of a card that is gone: why it is."""
    return render(request, "accounts/moderation/_gone.html", {"key": key, "texts": texts})


def together_buttons(cards):
    """Return the decisions about several cards at once, in the form of `queue.buttons_for`."""
    buttons = [(Decision.DISMISS, _("Dismiss selected"))]
    if any(card.subject_type.can_be_hidden for card in cards):
        buttons.append((Decision.HIDE, _("Hide selected")))
    buttons += [
        (Decision.WARN, _("Warn these people")),
        (Decision.SUSPEND, queue.suspend_labels(_("these people"))),
    ]
    return [queue.button(*each) for each in buttons]


class UndoView(ModeratorMixin, View):
    """Takes back decisions, and redirects to the page with the button. htmx gets the card that was decided."""

    http_method_names = ["post"]

    def post(self, request):
        chosen = [read_position(value) for value in request.POST.getlist("action")[: queue.CARDS]]
        actions = list(ModerationAction.objects.filter(pk__in=chosen).order_by("pk"))
        refusal, keys = None, queue.settled_keys(actions)
        try:
            if actions:
                undo(request.user, *actions)
        except DecisionRefused as error:
            refusal = str(error)
        if request.htmx:
            return self.show_cards(refusal, keys)
        if refusal:
            messages.error(request, refusal)
        elif actions:
            messages.success(request, UNDONE)
        url = request.POST.get("next", "")
        return HttpResponseRedirect(url if is_on_this_site(url) else reverse("admin:moderation"))

    def show_cards(self, refusal, keys):
        """Show the card that was decided, and below it the others that are open again."""
        key = self.request.POST.get("card", "")
        card = None if refusal else load_card(self.request.user, key)
        if card is None:
            return render_gone(self.request, key, [refusal or UNDONE])
        cards = [card, *queue.load_open_cards(self.request.user, keys - {key})]
        for each in cards:
            each.form, each.is_open = DecisionForm(rules=self.rules, key=each.key), each is card
        context = {"cards": cards, "message": UNDONE}
        return render(self.request, "accounts/moderation/_undone.html", context)


class PersonView(ModeratorMixin, TemplateView):
    """What moderators know about a person, and the decisions about them."""

    template_name = "accounts/moderation/person.html"

    @cached_property
    def person(self):
        return get_object_or_404(User, username=self.kwargs["username"].lower())

    @cached_property
    def card(self):
        """The Card of what the address names, such as a post of this person, whether it is reported or not, or None."""
        try:
            subject_type, pk, _version = queue.read_key(self.request.GET.get("about", ""))
        except queue.UnknownCard:
            return None
        card = queue.load_card(self.request.user, subject_type, pk, reported=False)
        return card if card and card.person == self.person else None

    def post(self, request, username):
        if "text" in request.POST:
            return self.add_note()
        if "application" in request.POST:
            return self.decide_application()
        decision = self.read_decision()
        if decision == Decision.DISMISS:
            raise BadRequest("This decision isn't about a person.")
        card = self.card if decision == Decision.HIDE else None
        if decision == Decision.HIDE and card is None:
            messages.error(request, subjects.ReportSubject.deleted_message)
            return HttpResponseRedirect(request.path)
        if (
            card
            and card.subject_type.can_be_hidden
            and not request.user.has_perm(card.subject_type.hide_permission)
        ):
            raise PermissionDenied
        form = DecisionForm(request.POST, rules=self.rules, key="person")
        if form.is_valid():
            try:
                decide(
                    request.user,
                    [card.subject if card else self.person],
                    decision,
                    reason=form.cleaned_data["reason"],
                    rule=form.cleaned_data.get("rule"),
                    days=form.cleaned_data["days"],
                    reported=False,
                    seen={card.subject: request.POST.get("version")} if card else None,
                    after=read_position(request.POST.get("after") or "0"),
                )
            except DecisionRefused as refusal:
                form.add_error(refusal.field, str(refusal))
            else:
                return HttpResponseRedirect(f"{request.path}#decided")
        for name in ("person", "card"):  # Both may have changed.
            vars(self).pop(name, None)
        return self.render_to_response(self.get_context_data(form=form))

    def decide_application(self):
        form, _action = decide_application(self.request, read_position(self.request.POST["application"]))
        if form is None:
            return HttpResponseRedirect(self.request.path)
        vars(self).pop("person", None)  # It may have changed.
        return self.render_to_response(self.get_context_data(application_form=form))

    def add_note(self):
        author = self.request.user
        if self.person == author:
            raise PermissionDenied
        note = ModeratorNote(person=self.person, author=author, author_name=author.username)
        form = NoteForm(self.request.POST, instance=note)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(note_form=form))
        with transaction.atomic():
            if len(User.objects.lock(self.person.pk, author.pk)) < 2:
                raise AccountGone
            form.save()
        messages.success(self.request, _("Note added."))
        return HttpResponseRedirect(f"{self.request.path}#notes")

    def get_context_data(self, form=None, note_form=None, application_form=None, **kwargs):
        person, viewer = self.person, self.request.user
        application = Application.objects.filter(person=person).first()
        if application:
            application.form = application_form or ReasonForm(key=f"application-{application.pk}")
            application.person = person
        guests = InvitationUse.objects.filter(invitation__creator=person, person__isnull=False)
        reports = Report.objects.select_related("reporter", "person", "closed_by").order_by("-pk")
        actions = (
            ModerationAction.objects.filter(person_name=person.username)
            .select_related("undone_by")
            .order_by("-pk")[:SHOWN]
        )
        # People don't learn who reported them or what moderators noted about them, even if they are moderators.
        is_viewer = person == viewer
        buttons = queue.buttons_for(viewer, person)
        if self.card:
            hide = [button for button in self.card.buttons if button["value"] == Decision.HIDE]
            buttons = hide + buttons
        about = self.card and self.card.subject
        parts = [
            (subject_type.person_template_name, subject_type.newest_of(person, SHOWN))
            for subject_type in subjects.all_subjects()
            if subject_type.person_template_name
        ]
        if about:
            # It's shown above, with the buttons.
            parts = [(name, [row for row in rows if row != about]) for name, rows in parts if rows != [about]]
        return super().get_context_data(
            person=person,
            card=self.card,
            facts=queue.load_facts([person])[person.pk],
            is_confirmed=EmailAddress.objects.filter(user=person, verified=True).exists(),
            parts=parts,
            application=application,
            invitation=Invitation.objects.filter(uses__person=person).first(),
            guests=guests.select_related("person").order_by("-pk")[:SHOWN],
            is_viewer=is_viewer,
            reports_about=[] if is_viewer else reports.filter(person=person)[:SHOWN],
            reports_by=reports.filter(reporter=person)[:SHOWN],
            actions=list(actions),
            notes=[] if is_viewer else person.moderator_notes.order_by("-pk")[:SHOWN],
            note_form=note_form or NoteForm(),
            form=form or DecisionForm(rules=self.rules, key="person"),
            buttons=buttons,
            refusal=None if buttons else why_not(viewer, person, Decision.WARN),
            after=actions[0].pk if actions else 0,
            decided=queue.recent_decisions(viewer),
            **kwargs,
        )


class RecordView(ModeratorMixin, CursorListView):
    """The moderation actions, newest first, with filters and a search."""

    permission = "accounts.view_moderationaction"
    template_name = "accounts/moderation/record.html"
    fragment_name = "accounts/moderation/_record.html"

    def asked(self, name):
        return fit(self.request.GET.get(name, "").replace("\0", "").strip(), MOST_SEARCHED)

    def get_queryset(self):
        actions = (
            ModerationAction.objects.select_related("undone_by").annotate(position=F("id")).order_by("-id")
        )
        if (action := self.asked("action")) in ModerationAction.Action:
            actions = actions.filter(action=action)
        for name, field in (("moderator", "moderator_name"), ("person", "person_name")):
            if value := self.asked(name):
                actions = actions.filter(**{field: value.removeprefix("@").lower()})
        if words := self.asked("q"):
            newest = ModerationAction.objects.order_by("-id").values_list("pk", flat=True).first() or 0
            actions = actions.filter(reason__icontains=words, pk__gt=newest - SEARCHED)
        return actions

    def get_context_data(self, **kwargs):
        asked = {name: self.asked(name) for name in ("action", "moderator", "person", "q")}
        choices = ModerationAction.Action.choices
        return super().get_context_data(
            asked=asked, choices=choices, is_filtered=any(asked.values()), **kwargs
        )
