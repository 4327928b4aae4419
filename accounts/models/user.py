from allauth.account import app_settings as account_settings
from allauth.account.app_settings import EmailVerificationMethod
from allauth.account.models import EmailAddress
from asgiref.sync import sync_to_async
from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import connection, models, transaction
from django.db.models import F
from django.db.models.functions import Greatest, Lower
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import pictures, signals
from accounts.common import deadlines
from accounts.common.addresses import canonical_email
from accounts.common.database_errors import AccountGone
from accounts.common.fields import CountField, FreeTextField
from accounts.common.installed import HAS_USER_SESSIONS
from accounts.common.text import is_visible
from accounts.managers import UserManager
from accounts.models.block import Block
from accounts.models.follow import Follow
from accounts.models.mute import Mute
from accounts.models.name import NameWord
from accounts.models.picture import HasPicture
from accounts.models.retired import RetiredUsername
from accounts.passwords import prepared
from accounts.validators import username_validators

if HAS_USER_SESSIONS:
    from allauth.usersessions.models import UserSession

FIRST_MILESTONE = 10
# Up to this threshold, each follow counts the followers.
ALWAYS_COUNTED = 1_000


def must_confirm_email():
    """Return whether people must confirm their email address before they can log in."""
    return account_settings.EMAIL_VERIFICATION == EmailVerificationMethod.MANDATORY


def _owners():
    """Return a dict of the models whose rows are deleted with a person: model to names of lookups for that person."""
    owners = {}
    relations = _references_to(User)
    for relation in relations:
        if relation.on_delete is models.CASCADE:
            owners.setdefault(relation.related_model, []).append(relation.field.name)
    # Rows of others that lose their reference to this person, such as replies, may be deleted by their owner at once.
    for relation in relations:
        if relation.on_delete is models.SET_NULL and relation.related_model in owners:
            owners[relation.related_model].append(relation.field.name)
    # Some rows are also deleted with what someone else owns, such as a like with the post.
    for model, names in list(owners.items()):
        for relation in _references_to(model):
            if relation.on_delete is models.CASCADE and relation.related_model in owners:
                owners[relation.related_model] += [f"{relation.field.name}__{name}" for name in names]
    return owners


def _references_to(model):
    """Return the foreign keys and one-to-one fields that refer to `model`, as Django's relation objects."""
    fields = model._meta.get_fields(include_hidden=True)
    return [field for field in fields if field.auto_created and (field.one_to_many or field.one_to_one)]


class User(HasPicture, AbstractUser):
    """A member. Usernames are stored in lower case and email addresses in canonical form, so plain unique columns are enough.

    `get_absolute_url()` returns the URL of the follower list. A project with profile pages sets ABSOLUTE_URL_OVERRIDES.
    """

    first_name = last_name = None

    username = models.CharField(
        _("username"),
        max_length=40,
        unique=True,
        validators=username_validators,
        help_text=_("3 to 40 characters: letters a to z, digits and underscores. You can't change it later."),
        error_messages={"unique": _("That name is taken. Try another.")},
    )
    email = models.EmailField(
        _("email"),
        unique=True,
        null=True,
        blank=True,
        error_messages={"unique": _("That email already belongs to an account.")},
    )
    display_name = FreeTextField(_("display name"), characters=50, one_line=True, blank=True)
    bio = FreeTextField(_("about you"), characters=300, blank=True)
    noindex = models.BooleanField(
        _("Keep my profile and posts out of search engines"),
        default=False,
        help_text=_("Most search engines respect this, some only after a few weeks."),
    )
    follows = models.ManyToManyField(
        "self",
        through=Follow,
        through_fields=("follower", "followed"),
        symmetrical=False,
        related_name="followers",
    )
    time_zone = models.CharField(_("time zone"), max_length=50, blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    suspended_on = models.DateTimeField(_("suspended since"), null=True, blank=True, editable=False)
    # A periodic task ends the suspension. Queries read only `suspended_on`.
    suspended_until = models.DateTimeField(_("suspended until"), null=True, blank=True, editable=False)
    # Set while the person's application isn't approved: nobody sees them, and they can open only their application.
    pending_since = models.DateTimeField(
        _("waiting for approval since"), null=True, blank=True, editable=False
    )
    # Counts of visible people, only for display and sorting. A periodic task corrects them: see `UserQuerySet.recount()`.
    follower_count = CountField(_("followers"))
    following_count = CountField(_("following"))
    # The highest of 10, 100, 1,000 and so on that the number of followers has ever reached, or 0.
    milestone = CountField()
    # The member has seen the notifications up to this id.
    notifications_seen = models.BigIntegerField(default=0, db_default=0, editable=False)
    # The member has read the announcements that start up to then.
    announcements_read = models.DateTimeField(null=True, editable=False)
    # When the member last accepted the rules, on signing up or after new ones were announced.
    rules_accepted_on = models.DateTimeField(_("accepted the rules"), null=True, editable=False)
    # The id of the oldest moderators' decision about this person that they haven't opened: see `moderation.unseen`.
    unseen_decision = models.BigIntegerField(null=True, editable=False)
    # The position in the directory: most followers first, then oldest account. Fits 2**31 followers and 2**32 people.
    rank = models.GeneratedField(
        expression=(F("follower_count") + 1) * models.Value(2**32, models.BigIntegerField()) - F("id"),
        output_field=models.BigIntegerField(),
        db_persist=True,
    )

    objects = UserManager()

    class Meta(AbstractUser.Meta):
        constraints = [
            models.CheckConstraint(
                name="user_suspended_is_inactive",
                condition=models.Q(suspended_on=None) | models.Q(is_active=False),
            ),
            models.CheckConstraint(
                name="user_suspended_until_is_suspended",
                condition=models.Q(suspended_until=None) | models.Q(suspended_on__isnull=False),
            ),
            models.CheckConstraint(
                name="user_username_lower", condition=models.Q(username=Lower("username"))
            ),
            models.CheckConstraint(
                name="user_email_lower",
                condition=models.Q(email=None) | (models.Q(email=Lower("email")) & ~models.Q(email="")),
            ),
        ]
        indexes = [
            # Every list leaves out suspended people. There are few of them, and this index contains only those.
            models.Index("id", name="user_suspended", condition=models.Q(suspended_on__isnull=False)),
            # There are few people who wait for approval.
            models.Index(
                fields=["pending_since"], name="user_pending", condition=models.Q(pending_since__isnull=False)
            ),
            # For the task that ends timed suspensions.
            models.Index(
                fields=["suspended_until"],
                name="user_suspended_until",
                condition=models.Q(suspended_until__isnull=False),
            ),
            # Pages for search engines also leave these people out.
            models.Index("id", name="user_noindex", condition=models.Q(noindex=True)),
            # For filters in the admin.
            models.Index("id", name="user_staff", condition=models.Q(is_staff=True)),
            models.Index("id", name="user_superuser", condition=models.Q(is_superuser=True)),
            models.Index(fields=["rank"], name="user_rank"),
        ]

    def __str__(self):
        return f"@{self.username}"

    def save(self, *args, **kwargs):
        self.username = self.normalize_username(self.username)
        adding = self._state.adding

        def saves(*names):
            return kwargs.get("update_fields") is None or not {*names}.isdisjoint(kwargs["update_fields"])

        if saves("email"):
            self.email = self._canonical_email()
        with transaction.atomic():
            if not adding:
                # Locks the person before their rows. Raises AccountGone, so that saving doesn't recreate a deleted account.
                self.lock()
                credentials = [name for name in ("password", "email") if saves(name)]
                previous = self._stored_credentials() if credentials else {}
            super().save(*args, **kwargs)
            if adding:
                signals.user_created.send(sender=User, user=self)
            elif any(previous[name] != getattr(self, name) for name in credentials):
                signals.credentials_changed.send(
                    sender=User,
                    user=self,
                    previous_password=previous["password"],
                    previous_email=previous["email"],
                )
            if saves("display_name"):
                NameWord.store([self])

    def _stored_credentials(self):
        return User.objects.filter(pk=self.pk).values("password", "email").get()

    def set_password(self, raw_password):
        super().set_password(prepared(raw_password))

    def check_password(self, raw_password):
        """Return whether this is the password, in any Unicode spelling. Replaces an outdated hash.

        Always computes one hash, or two if the text isn't in its prepared form, whatever is stored and whether or not it
        matches.
        """
        password = prepared(raw_password)
        # Older releases hashed passwords as they were typed.
        if password != raw_password and check_password(raw_password, self.password):
            self._replace_hash(password)
            return True
        return check_password(password, self.password, self._replace_hash)

    async def acheck_password(self, raw_password):
        return await sync_to_async(self.check_password)(raw_password)

    def _replace_hash(self, password):
        """Store a new hash of the same password, unless the password was changed after this row was read."""
        previous = self.password
        self.set_password(password)
        self._password = None
        with transaction.atomic():
            if User.objects.filter(pk=self.pk, password=previous).update(password=self.password):
                signals.password_rehashed.send(sender=User, user=self, previous_password=previous)

    def _canonical_email(self):
        """Return the email address in canonical form, or None if there is none. Raises ValidationError if it isn't valid.

        An address that an older release stored in another form is returned as it is, because the canonical one may belong to
        another member.
        """
        try:
            email = canonical_email(self.email) if self.email else None
        except ValidationError as error:
            if self._is_stored_address():
                return self.email
            raise ValidationError({"email": error.error_list}) from error
        return self.email if email != self.email and self._is_stored_address() else email

    def _is_stored_address(self):
        return bool(self.pk and self.email) and User.objects.filter(pk=self.pk, email=self.email).exists()

    def clean(self):
        # This skips AbstractUser.clean(), which would normalize an address that must stay as it is.
        super(AbstractUser, self).clean()
        self.email = self._canonical_email()
        if self.display_name and not is_visible(self.display_name):
            message = _("That name would be invisible. Use letters, or leave it empty.")
            raise ValidationError({"display_name": message})

    @classmethod
    def normalize_username(cls, username):
        return super().normalize_username(username).lower()

    def get_absolute_url(self):
        return reverse("accounts:followers", args=[self.username])

    @property
    def name(self):
        """The display name, or the username of a member without one."""
        return self.display_name or self.username

    @property
    def full_name(self):
        """Display name and username, such as "Ada Lovelace (@ada)", or "@ada" for a member without a display name."""
        return f"{self.display_name} ({self})" if self.display_name else str(self)

    get_full_name = get_short_name = lambda self: self.name

    @property
    def is_pending(self):
        """Whether their application isn't approved, so that they can't use the site."""
        return self.pending_since is not None

    @property
    def takes_part(self):
        """Whether others see this person: they aren't suspended, and don't wait for approval."""
        return self.suspended_on is None and not self.is_pending

    def follow(self, other):
        """Follow `other` and send `user_followed`, and `follower_milestone_reached` if they have reached one.

        Returns whether anything changed. Nothing changes if `other` is this person, suspended, or already followed, if either
        has blocked the other, or if either account no longer exists.
        """
        if other == self:
            return False
        with transaction.atomic():
            visible = self._lock_with(other)
            if self.pk not in visible or not visible.get(other.pk) or Block.exists_between(self, other):
                return False
            follow, created = Follow.objects.get_or_create(follower=self, followed=other)
            if created:
                self._count_follow_of(other, 1, visible)
                signals.user_followed.send(sender=User, follow=follow)
                other.update_milestone()
        return created

    def unfollow(self, other):
        """Stop following `other` and send `user_unfollowed`. Returns whether anything changed."""
        with transaction.atomic():
            visible = self._lock_with(other)
            deleted, _by_model = Follow.objects.filter(follower=self, followed=other).delete()
            if deleted:
                self._count_follow_of(other, -1, visible)
                signals.user_unfollowed.send(sender=User, follower=self, followed=other)
        return bool(deleted)

    def _lock_with(self, other):
        """Lock both people until the transaction ends, so that only one follow or block between them is written at a time.

        Returns what `UserQuerySet.lock()` returns: which of the two still exist, and whether they are visible.
        """
        return User.objects.lock(self.pk, other.pk)

    def _count_follow_of(self, other, change, visible):
        """Add `change` to the stored counts of both people. Suspended people don't count."""
        if visible.get(other.pk):
            User.objects.filter(pk=self.pk).update(following_count=Greatest(F("following_count") + change, 0))
        if visible.get(self.pk):
            User.objects.filter(pk=other.pk).update(follower_count=Greatest(F("follower_count") + change, 0))

    def update_milestone(self):
        """Store the milestone that this person has reached, and send `follower_milestone_reached` if it is new.

        Call it with this person locked. Of several new milestones, only the highest is sent. Only visible followers count.
        """
        stored = User.objects.filter(pk=self.pk).values_list("milestone", "follower_count").first()
        milestone, follower_count = stored
        threshold = max(milestone * 10, FIRST_MILESTONE)
        # The stored count may be wrong. Its only use is to avoid counting all rows of someone with many followers at each follow.
        if threshold > ALWAYS_COUNTED and follower_count < threshold:
            return
        # Counting all followers is faster than counting visible ones, and the result is never lower.
        if Follow.objects.filter(followed=self.pk).count() < threshold:
            return
        count = User.objects.followers_of(self).count()
        if count >= threshold:
            self.milestone = 10 ** (len(str(count)) - 1)
            User.objects.filter(pk=self.pk).update(milestone=self.milestone)
            signals.follower_milestone_reached.send(sender=User, user=self, threshold=self.milestone)

    def is_following(self, other):
        """Return whether this person follows `other`."""
        return Follow.objects.filter(follower=self, followed=other).exists()

    def block(self, other):
        """Block `other`: end both follows, hide each from the other and send `user_blocked`. Returns whether anything changed.

        Nothing changes if `other` is this person or already blocked, or if either account no longer exists.
        """
        if other == self:
            return False
        with transaction.atomic():
            if len(self._lock_with(other)) < 2:
                return False
            block, created = Block.objects.get_or_create(blocker=self, blocked=other)
            if created:
                self._end_follows_with(other)
                signals.user_blocked.send(sender=User, block=block)
        return created

    def unblock(self, other):
        """Undo `block()`, except for the follows, and send `user_unblocked`. Returns whether anything changed."""
        with transaction.atomic():
            self._lock_with(other)
            deleted, _by_model = Block.objects.filter(blocker=self, blocked=other).delete()
            if deleted:
                # Older releases could store a follow across a block. It must not appear now.
                self._end_follows_with(other)
                signals.user_unblocked.send(sender=User, blocker=self, blocked=other)
        return bool(deleted)

    def mute(self, other, until=None):
        """Mute `other` until the datetime `until` or, with None, until it is undone. Returns whether anything changed.

        Muting again replaces the time. Nothing changes if `other` is this person, or if either account no longer exists.
        """
        if other == self:
            return False
        with transaction.atomic():
            if len(self._lock_with(other)) < 2:
                return False
            mute, created = Mute.objects.get_or_create(muter=self, muted=other, defaults={"until": until})
            if created or mute.until == until:
                return created
            mute.until = until
            mute.save(update_fields=["until"])
        return True

    def unmute(self, other):
        """Undo `mute()`. Returns whether anything changed."""
        with transaction.atomic():
            self._lock_with(other)
            deleted, _by_model = Mute.objects.filter(muter=self, muted=other).delete()
        return bool(deleted)

    def _end_follows_with(self, other):
        self.unfollow(other)
        other.unfollow(self)

    def suspend(self, *, by=None, reason="", until=None, **details):
        """Suspend this person: they can't log in, and their profile, posts and follows are hidden. Sends `user_suspended`.

        `until` is the time at which a task ends the suspension, or None for a suspension without end. `by` is the moderator,
        whose action is recorded with the `details` that `ModerationAction.record()` takes, or None. Returns whether anything
        changed.
        """
        with transaction.atomic():
            if not self._set_suspended(timezone.now(), until):
                return False
            self.end_sessions()
            self._record_and_send("suspend", signals.user_suspended, by, reason, until=until, **details)
        return True

    def reinstate(self, *, by=None, reason="", action="reinstate", **details):
        """Undo `suspend()` and send `user_reinstated`. Arguments and return value are those of `suspend()`.

        The `action` "end_suspension" is recorded without a moderator.
        """
        with transaction.atomic():
            if not self._set_suspended(None, None):
                return False
            self._record_and_send(action, signals.user_reinstated, by, reason, **details)
        return True

    def end_suspension(self):
        """Reinstate this person if the end of their suspension has passed. Returns whether anything changed."""
        with transaction.atomic():
            User.objects.lock(self.pk)
            # A moderator may have changed the suspension since this row was read.
            if not User.objects.suspended_until(timezone.now()).filter(pk=self.pk).exists():
                return False
            return self.reinstate(action="end_suspension")

    def _record_and_send(self, action, event, by, reason, **details):
        """Record the action unless other code did it, and then send `event`."""
        arguments = {"sender": User, "user": self, "by": by, "reason": reason}
        signals.moderation_action_taken.send(action=action, details=details, **arguments)
        event.send(**arguments)

    def _set_suspended(self, suspended_on, until):
        """Store when this person was suspended and until when, or None. Returns whether that changed anything."""
        to_change = User.objects.filter(pk=self.pk, suspended_on__isnull=suspended_on is not None)
        changed = to_change.update(
            suspended_on=suspended_on, suspended_until=until, is_active=suspended_on is None
        )
        if changed:
            self.suspended_on, self.suspended_until = suspended_on, until
            self.is_active = suspended_on is None
        return bool(changed)

    def lock(self, *others, visible=False):
        """Lock this person's row until the transaction ends. Call it before any of their other rows is written.

        `others` are the primary keys of people to lock with them. Raises AccountGone if this person has left or, with
        `visible`, if they are suspended.
        """
        people = User.objects.filter(pk__in={self.pk, *others}).in_locking_order()
        # People who wait for approval can still log in and leave.
        suspended = dict(people.values_list("pk", "suspended_on"))
        if self.pk not in suspended or (visible and suspended[self.pk]):
            raise AccountGone

    def leave(self):
        """Delete this account and everything in it, retire the username and send `user_left`.

        A username that nobody has seen yet, because its owner waits for approval, becomes available again. Returns whether anything changed. Nothing changes if the account no longer exists.
        """
        with transaction.atomic():
            # A transaction that wants to store a row for this person waits for this lock, and then finds no account.
            locked = User.objects.select_for_update().filter(pk=self.pk)
            stored = locked.values_list("picture", "pending_since").first()
            if stored is None:
                return False
            self.picture, pending_since = stored
            if pending_since is None:
                RetiredUsername.objects.get_or_create(username=self.username)
            self._remove()
        return True

    def discard_unconfirmed(self, before):
        """Delete this account if it was created before the datetime `before` and its address was never confirmed.

        Frees the username and sends `user_left`. Returns whether the account was deleted.
        """
        with transaction.atomic():
            waiting = User.objects.never_confirmed(before).select_for_update(of=["self"])
            user = waiting.filter(pk=self.pk).first()
            if user:
                user._remove()
        return user is not None

    def _remove(self):
        self._lock_belongings()
        # All locks are held. With the usual deadline, someone with 100,000 posts could never leave.
        deadlines.extend()
        self.end_sessions()
        pictures.discard_on_commit(self.picture)
        neighbours = Follow.objects.neighbours_of(self.pk)
        self.delete()
        signals.user_left.send(sender=User, username=self.username, neighbours=neighbours)

    def _lock_belongings(self):
        """Lock the rows that another transaction may also delete or refer to: model by model, and in each by primary key.

        Some rows are deleted with either of two people, such as a follow or a report. If both left at once and deleted these
        rows in different orders, each would wait for the other. Models that other rows refer to come first.
        """
        if not connection.features.has_select_for_update:
            return  # SQLite locks the whole database.
        owners = _owners()

        def owned(model, column):
            rows = model._base_manager.order_by()
            return [rows.filter(**{owner: self}).values_list(column) for owner in owners.get(model, [])]

        for model in sorted(owners, key=lambda model: not _references_to(model)):
            references = _references_to(model)
            if references or len(owners[model]) > 1:
                keys, *others = owned(model, "pk")
                for reference in references:
                    others += owned(reference.related_model, reference.field.attname)
                rows = model._base_manager.filter(pk__in=keys.union(*others))
                list(rows.order_by("pk").select_for_update().values_list("pk"))

    def audit_subject(self):
        """Return this person, and their name and bio, for reports and the record of moderation actions."""
        return self, "\n\n".join(filter(None, [self.display_name, self.bio]))

    def end_sessions(self):
        """Log this person out everywhere.

        Does nothing without allauth.usersessions, because then there is no record of whose sessions exist. The authentication
        backend refuses suspended people anyway, but their sessions work again if they are reinstated.
        """
        if not HAS_USER_SESSIONS:
            return
        for session in UserSession.objects.filter(user=self):
            session.end()

    def can_be_mailed(self):
        """Return whether emails about others may be sent to this person.

        They take part and have an address, confirmed if required.
        """
        return self.takes_part and self.has_confirmed_address()

    def has_confirmed_address(self):
        """Return whether this person has an address, confirmed if required."""
        if not self.email:
            return False
        if not must_confirm_email():
            return True
        return EmailAddress.objects.filter(user=self, email=self.email, verified=True).exists()

    def pending_addresses(self):
        """Return allauth's rows for the addresses that this person wants to change to and hasn't confirmed yet."""
        unconfirmed = EmailAddress.objects.filter(user=self, verified=False, primary=False)
        # allauth adds such a row for the current address if that has none.
        return unconfirmed.exclude(email=self.email).order_by("pk")

    def add_email_address(self, *, verified):
        """Store allauth's row for the address of an account that wasn't created on the sign-up page."""
        if self.email:
            EmailAddress.objects.update_or_create(
                user=self, email=self.email, defaults={"verified": verified, "primary": True}
            )
