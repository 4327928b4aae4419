"""Redis, the mail server or the disk fails, or the operator or many members act while the site is under load."""

from _faults.catalogue.base import Fault
from _faults.processes import Skipped


class DiskFull(Fault):
    seconds = 8
    unavailable = True
    repeats_email = True

    def check(self):
        if not self.engine.disk.mounted:
            raise Skipped("only root can mount a small disk")

    def begin(self):
        self.engine.disk.fill()
        self.engine.need_room()

    def end(self):
        self.engine.disk.empty()
        self.engine.recover()


class CacheStopped(Fault):
    """Redis is stopped. Everything must work without it."""

    seconds = 8

    def begin(self):
        self.trial.redis.kill()

    def end(self):
        self.trial.redis.start()


class CacheFrozen(Fault):
    seconds = 8

    def begin(self):
        self.trial.redis.freeze()

    def end(self):
        self.trial.redis.thaw()


class CacheEmptied(Fault):
    seconds = 0

    def begin(self):
        self.trial.redis.client().flushall()


class CacheOutOfMemory(Fault):
    def begin(self):
        self.trial.redis.client().config_set("maxmemory", "1mb")
        self.trial.redis.client().config_set("maxmemory-policy", "noeviction")
        self.trial.redis.client().config_set("maxmemory", "1")

    def end(self):
        self.trial.redis.client().config_set("maxmemory", "0")


class MailServerGone(Fault):
    seconds = 10

    def begin(self):
        self.trial.mail.stop()

    def end(self):
        self.trial.mail.start()


class MailServerBusy(Fault):
    seconds = 10
    mood = "451 4.3.0 Later"

    def begin(self):
        self.trial.mail.inbox.mood = self.mood

    def end(self):
        self.trial.mail.inbox.mood = None


class MailServerHangs(MailServerBusy):
    mood = "hang"


class PicturesAway(Fault):
    """The folder of pictures is read-only. Uploads are rejected, and everything else must work."""

    unavailable = True

    def begin(self):
        self.site.media.mkdir(exist_ok=True)
        self.aside = self.site.media.with_name("media-aside")
        self.site.media.rename(self.aside)
        self.site.media.touch()

    def end(self):
        if self.aside.exists():
            self.site.media.unlink(missing_ok=True)
            self.aside.rename(self.site.media)


class BackupMade(Fault):
    """A backup is made under load. No request may fail. The judge restores the backup at the end."""

    seconds = 0

    def begin(self):
        self.trial.back_up()


class EverythingAtOnce(Fault):
    """Nothing fails, but members leave while others follow them, block them and post."""

    seconds = 0

    def begin(self):
        self.trial.race()
