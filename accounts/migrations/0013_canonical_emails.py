import logging
from itertools import islice

from django.core.exceptions import ValidationError
from django.db import migrations

from accounts.common.addresses import canonical_email

logger = logging.getLogger(__name__)

BATCH = 500


def make_canonical(apps, schema_editor):
    """Store every address in its canonical form, unless that is another account's or there is none."""
    alias = schema_editor.connection.alias
    rewrite_users(apps, alias)
    rewrite_other_addresses(apps, alias)
    rewrite_refused_addresses(apps, alias)


def rewrite_users(apps, alias):
    """Rewrite the address of each account, the confirmed and then the older accounts first."""
    users = apps.get_model("accounts", "User").objects.using(alias)
    addresses = apps.get_model("account", "EmailAddress").objects.using(alias)
    confirmed = set()
    changes = []
    for batch in batches(changed(users.exclude(email=None))):
        found = addresses.filter(user__in=[pk for pk, _old, _new in batch], primary=True, verified=True)
        confirmed |= set(found.values_list("user", flat=True))
        changes += batch
    changes.sort(key=lambda change: (change[0] not in confirmed, change[0]))
    for pk, old, new in changes:
        others = addresses.filter(email=new, verified=True).exclude(user=pk)
        if new is None or users.filter(email=new).exists() or others.exists():
            logger.warning("Account %s keeps its address as it is: %s", pk, why_kept(new))
        else:
            rewrite_user(apps, alias, pk, old, new)


def rewrite_user(apps, alias, pk, old, new):
    apps.get_model("accounts", "User").objects.using(alias).filter(pk=pk).update(email=new)
    # What its owner was told: otherwise an email would tell them that somebody changed it.
    apps.get_model("accounts", "ToldState").objects.using(alias).filter(pk=pk, email=old).update(email=new)
    mine = apps.get_model("account", "EmailAddress").objects.using(alias).filter(user=pk)
    mine.filter(email=new).delete()
    mine.filter(email=old).update(email=new)
    if delivered_to(old) != new:
        # Earlier emails went to another domain, so it is that one that was confirmed.
        mine.filter(email=new).update(verified=False)
        logger.warning("Account %s has to confirm its address again.", pk)


def rewrite_other_addresses(apps, alias):
    """Rewrite what members asked to change to, and delete what can't be asked for any more."""
    model = apps.get_model("account", "EmailAddress")
    addresses = model.objects.using(alias)
    for pk, old, new in list(changed(addresses.filter(primary=False))):
        address = addresses.get(pk=pk)
        taken = new and (
            addresses.filter(user=address.user_id, email=new).exists()
            or (address.verified and addresses.filter(email=new, verified=True).exists())
        )
        if new and not taken:
            addresses.filter(pk=pk).update(email=new)
        elif not address.verified:
            address.delete()
        else:
            logger.warning("Account %s keeps a further address as it is: %s", address.user_id, why_kept(new))


def rewrite_refused_addresses(apps, alias):
    refused = apps.get_model("accounts", "RefusedAddress").objects.using(alias)
    for _pk, old, new in list(changed(refused.all(), "address")):
        if new and not refused.filter(address=new).exists():
            refused.filter(address=old).update(address=new)
        elif new:
            refused.filter(address=old).delete()


def changed(rows, field="email"):
    """Yield primary key, address and canonical form, or None for that, of the rows in which the two differ."""
    last = None
    while batch := list(after(rows, last).values_list("pk", field)[:BATCH]):
        last = batch[-1][0]
        for pk, address in batch:
            new = canonical_or_none(address)
            if address and new != address:
                yield pk, address, new


def after(rows, pk):
    rows = rows.order_by("pk")
    return rows if pk is None else rows.filter(pk__gt=pk)


def batches(rows):
    while batch := list(islice(rows, BATCH)):
        yield batch


def canonical_or_none(address):
    try:
        return canonical_email(address)
    except ValidationError:
        return None


def delivered_to(address):
    """Where Django has sent emails to `address`: it encodes hosts by IDNA 2003."""
    local_part, _at, host = address.rpartition("@")
    try:
        return canonical_or_none(f"{local_part}@{host.encode('idna').decode()}")
    except UnicodeError:
        return None


def why_kept(new):
    return "it has no canonical form." if new is None else "the canonical form belongs to another account."


class Migration(migrations.Migration):
    dependencies = [
        ("account", "0009_emailaddress_unique_primary_email"),
        ("accounts", "0012_append_only_moderation"),
    ]

    operations = [migrations.RunPython(make_canonical, migrations.RunPython.noop)]
