from allauth.account import app_settings as account_settings
from allauth.account.app_settings import EmailVerificationMethod
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
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

from accounts import deadlines, pictures, signals
from accounts.addresses import canonical_email
from accounts.database_errors import AccountGone
from accounts.fields import CountField
from accounts.managers import UserManager
from accounts.models.block import Block
from accounts.models.follow import Follow
from accounts.models.name import NameWord
from accounts.models.picture import HasPicture
from accounts.models.retired import RetiredUsername
from accounts.models.security import ToldState
from accounts.passwords import prepared
from accounts.text import is_visible
from accounts.text_fields import FreeTextField
from accounts.validators import username_validators


def must_confirm_email():
    """Whether people have to confirm their address before they can log in."""
    return account_settings.EMAIL_VERIFICATION == EmailVerificationMethod.MANDATORY


def _references_to(model):
    """The foreign keys and one-to-one fields that refer to `model`, as Django's relation objects."""
    fields = model._meta.get_fields(include_hidden=True)
    return [field for field in fields if field.auto_created and (field.one_to_many or field.one_to_one)]


class User(HasPicture, AbstractUser):
    """A member. Usernames are stored in lower case and addresses in canonical form, so that plain unique columns serve.

    `get_absolute_url()` leads to the follower list; a project that has profile pages points it there with
    ABSOLUTE_URL_OVERRIDES.
    """

    first_name = last_name = None

    username = models.CharField(
        _("username"),
        max_length=40,
        unique=True,
        validators=username_validators,
        help_text=_("3 to 40 letters a to z, digits and underscores. It cannot be changed later."),
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
        help_text=_("Well-behaved ones follow this wish, some after a few weeks."),
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
    # Of visible people. Only to be displayed and sorted by: `UserQuerySet.recount()` corrects what is wrong sooner or later.
    follower_count = CountField(_("followers"))
    following_count = CountField(_("following"))
    # The place in the directory: the most followed first, then the longest here. There is room for 2**31 followers of 2**32
    # people.
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
                name="user_username_lower", condition=models.Q(username=Lower("username"))
            ),
            models.CheckConstraint(
                name="user_email_lower",
                condition=models.Q(email=None) | (models.Q(email=Lower("email")) & ~models.Q(email="")),
            ),
        ]
        indexes = [
            # Every list leaves suspended people out; there are few, and this finds them all at once.
            models.Index("id", name="user_suspended", condition=models.Q(suspended_on__isnull=False)),
            # Those who keep out of search engines are left out of what these see in the same way.
            models.Index("id", name="user_noindex", condition=models.Q(noindex=True)),
            # The admin lists them.
            models.Index("id", name="user_staff", condition=models.Q(is_staff=True)),
            models.Index("id", name="user_superuser", condition=models.Q(is_superuser=True)),
            # The directory is read from here.
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
                # Before what belongs to them; and whoever has left is not stored anew.
                self.lock()
                if saves("password", "email"):
                    ToldState.remember(self)
            super().save(*args, **kwargs)
            if adding:
                ToldState.now_of(self).save(force_insert=True)
            elif saves("password", "email"):
                ToldState.mark_if_changed(self)
            if saves("display_name"):
                NameWord.store([self])

    def set_password(self, raw_password):
        super().set_password(prepared(raw_password))

    def check_password(self, raw_password):
        """Whether that is the password, in any spelling. A hash made in an older way is replaced, which is no change of it.

        Computes one hash, or two for a text that isn't in its prepared form, whatever is stored and whether it is right.
        """
        password = prepared(raw_password)
        # Passwords used to be hashed as they were typed.
        if password != raw_password and check_password(raw_password, self.password):
            self._replace_hash(password)
            return True
        return check_password(password, self.password, self._replace_hash)

    async def acheck_password(self, raw_password):
        return await sync_to_async(self.check_password)(raw_password)

    def _replace_hash(self, password):
        self.set_password(password)
        self._password = None
        with transaction.atomic():
            self.save(update_fields=["password"])
            ToldState.objects.filter(pk=self.pk).update(password=self.password)

    def _canonical_email(self):
        """Return the address in canonical form, or None without one. Raises ValidationError if it has none.

        One that was stored before there was that form stays as it is: the canonical one may belong to another member.
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
        # Not AbstractUser's: it would make an address canonical that has to stay as it is.
        super(AbstractUser, self).clean()
        self.email = self._canonical_email()
        if self.display_name and not is_visible(self.display_name):
            words = _("That name cannot be seen. Use letters, or leave it empty.")
            raise ValidationError({"display_name": words})

    @classmethod
    def normalize_username(cls, username):
        return super().normalize_username(username).lower()

    def get_absolute_url(self):
        return reverse("accounts:followers", args=[self.username])

    @property
    def name(self):
        """What to call this person: their display name, or else their username."""
        return self.display_name or self.username

    @property
    def full_name(self):
        """Who exactly this is, on a line of text: "Ada Lovelace (@ada)", or "@ada" without a display name."""
        return f"{self.display_name} ({self})" if self.display_name else str(self)

    get_full_name = get_short_name = lambda self: self.name

    def follow(self, other):
        """Follow `other` and publish `user_followed`.

        Returns whether anything changed: not for oneself, somebody suspended, already followed, or where either is gone or has
        blocked the other.
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
        return created

    def unfollow(self, other):
        """Stop following `other` and publish `user_unfollowed`. Returns whether anything changed."""
        with transaction.atomic():
            visible = self._lock_with(other)
            deleted, _by_model = Follow.objects.filter(follower=self, followed=other).delete()
            if deleted:
                self._count_follow_of(other, -1, visible)
                signals.user_unfollowed.send(sender=User, follower=self, followed=other)
        return bool(deleted)

    def _lock_with(self, other):
        """Lock both people until the transaction ends, so that follows and blocks between them happen one after another.

        Returns what `UserQuerySet.lock()` does: who of the two is still there, and visible.
        """
        return User.objects.lock(self.pk, other.pk)

    def _count_follow_of(self, other, change, visible):
        """Change the stored counts of both. Suspended people are not counted."""
        if visible.get(other.pk):
            User.objects.filter(pk=self.pk).update(following_count=Greatest(F("following_count") + change, 0))
        if visible.get(self.pk):
            User.objects.filter(pk=other.pk).update(follower_count=Greatest(F("follower_count") + change, 0))

    def is_following(self, other):
        """Whether this person follows `other` now."""
        return Follow.objects.filter(follower=self, followed=other).exists()

    def block(self, other):
        """Part for good: end both follows, let neither see the other, and publish `user_blocked`.

        Returns whether anything changed: not for oneself, or where either is gone.
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
        """Undo `block()` but for the follows, and publish `user_unblocked`. Returns whether anything changed."""
        with transaction.atomic():
            self._lock_with(other)
            deleted, _by_model = Block.objects.filter(blocker=self, blocked=other).delete()
            if deleted:
                # Releases before this lock could store a follow across a block. It must stay hidden.
                self._end_follows_with(other)
                signals.user_unblocked.send(sender=User, blocker=self, blocked=other)
        return bool(deleted)

    def _end_follows_with(self, other):
        self.unfollow(other)
        other.unfollow(self)

    def suspend(self):
        """Bar this person from the site and hide them everywhere: no log-in, no profile, no posts, no follows.

        Ends all their sessions and publishes `user_suspended`. Returns whether anything changed.
        """
        with transaction.atomic():
            suspended = self._set_suspended(timezone.now())
            if suspended:
                self.end_sessions()
                signals.user_suspended.send(sender=User, user=self)
        return suspended

    def reinstate(self):
        """Undo `suspend()` and publish `user_reinstated`. Returns whether anything changed."""
        with transaction.atomic():
            reinstated = self._set_suspended(None)
            if reinstated:
                signals.user_reinstated.send(sender=User, user=self)
        return reinstated

    def _set_suspended(self, suspended_on):
        """Store since when this person is suspended, or None. Returns whether that is a change: not if they are gone."""
        unlike = User.objects.filter(pk=self.pk, suspended_on__isnull=suspended_on is not None)
        changed = unlike.update(suspended_on=suspended_on, is_active=suspended_on is None)
        if changed:
            self.suspended_on, self.is_active = suspended_on, suspended_on is None
        return bool(changed)

    def lock(self, *, visible=False):
        """Lock this person's row until the transaction ends. To be done before any row that belongs to them is written.

        Raises AccountGone if they have left or, with `visible`, are suspended.
        """
        people = User.objects.lock(self.pk)
        if self.pk not in people or (visible and not people[self.pk]):
            raise AccountGone

    def leave(self):
        """Delete this account and all that belongs to it, keep its name from others, and publish `user_left`.

        Returns whether anything changed: not if the account is gone already.
        """
        with transaction.atomic():
            # Whoever is about to store a row that refers to this person waits, and then finds nobody.
            locked = User.objects.select_for_update().filter(pk=self.pk)
            picture = locked.values_list("picture", flat=True).first()
            if picture is None:
                return False
            self.picture = picture
            RetiredUsername.objects.get_or_create(username=self.username)
            self._remove()
        return True

    def discard_unconfirmed(self, before):
        """Delete this account if it was made before the datetime `before` and its address was never confirmed.

        Its name is free again. Publishes `user_left`, and returns whether it was deleted.
        """
        with transaction.atomic():
            waiting = User.objects.never_confirmed(before).select_for_update(of=["self"])
            user = waiting.filter(pk=self.pk).first()
            if user:
                user._remove()
        return user is not None

    def _remove(self):
        self._lock_belongings()
        # Nothing holds this up any more, and somebody with 100,000 posts could otherwise never leave.
        deadlines.extend()
        self.end_sessions()
        pictures.discard_on_commit(self.picture)
        neighbours = Follow.objects.neighbours_of(self.pk)
        self.delete()
        signals.user_left.send(sender=User, username=self.username, neighbours=neighbours)

    def _lock_belongings(self):
        """Lock the rows that others could be about to delete, too, or to refer to: model by model, in the order of their keys.

        Two people who leave at once would otherwise delete what they share, such as follows of each other, in different orders,
        and each would wait for the other. A report that one made of another's post goes with both; it is shared through the
        post, so posts that this person reported are locked with their own. Rows that others refer to come first.
        """
        if not connection.features.has_select_for_update:
            return  # The whole database is locked.
        owners = {}
        for relation in _references_to(User):
            if relation.on_delete is models.CASCADE:
                owners.setdefault(relation.related_model, []).append(relation.field)

        def owned(model, column):
            rows = model._base_manager.order_by()
            return [rows.filter(**{owner.name: self}).values_list(column) for owner in owners.get(model, [])]

        for model in sorted(owners, key=lambda model: not _references_to(model)):
            references = _references_to(model)
            if references or len(owners[model]) > 1:
                keys, *others = owned(model, "pk")
                for reference in references:
                    others += owned(reference.related_model, reference.field.attname)
                rows = model._base_manager.filter(pk__in=keys.union(*others))
                list(rows.order_by("pk").select_for_update().values_list("pk"))

    def moderation_facts(self):
        """Whom and what a moderator's action on this concerns: for the record."""
        return self, ""

    def end_sessions(self):
        """Log this person out everywhere."""
        for session in UserSession.objects.filter(user=self):
            session.end()

    def can_be_mailed(self):
        """Whether mail may go to this person's address: not if suspended, nor unconfirmed where it must be."""
        if not self.email or self.suspended_on:
            return False
        if not must_confirm_email():
            return True
        return EmailAddress.objects.filter(user=self, email=self.email, verified=True).exists()

    def pending_addresses(self):
        """allauth's rows of the addresses that this person asked to change to, and has yet to confirm."""
        asked_for = EmailAddress.objects.filter(user=self, verified=False, primary=False)
        # allauth adds a row like theirs for an address that was stored without one.
        return asked_for.exclude(email=self.email).order_by("pk")

    def add_email_address(self, *, verified):
        """Record the address of an account that was not made by the sign-up page, as allauth needs it."""
        if self.email:
            EmailAddress.objects.update_or_create(
                user=self, email=self.email, defaults={"verified": verified, "primary": True}
            )
