"""What a site needs beside its database fails: Redis, the mail server, disks. And what operators and crowds do."""

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
    """Everything works without Redis."""

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
        self.trial.mail.letters.mood = self.mood

    def end(self):
        self.trial.mail.letters.mood = None


class MailServerHangs(MailServerBusy):
    mood = "hang"


class PicturesAway(Fault):
    """The folder of pictures cannot be written: uploads are refused, everything else works."""

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
    """A backup under load disturbs nobody. The trial restores it at its end."""

    seconds = 0

    def begin(self):
        self.trial.back_up()


class EverythingAtOnce(Fault):
    """Not a fault but a crowd: people leave while others follow, block and post to them."""

    seconds = 0

    def begin(self):
        self.trial.race()
