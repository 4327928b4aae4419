import os
import time
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from django.contrib.staticfiles.management.commands import collectstatic
from django.contrib.staticfiles.storage import ManifestFilesMixin

# How long a page that was loaded before an update can still request its style sheets and scripts.
KEEP = timedelta(days=30)


class Command(collectstatic.Command):
    help = (
        "Collects static files in a single location, while the site is served from it: a file is there whole or not at all, "
        f"and what earlier releases named stays for {KEEP.days} days, also with --clear."
    )

    def collect(self):
        if self.dry_run or self.symlink or not isinstance(self.storage, ManifestFilesMixin):
            return super().collect()
        root, now = Path(self.storage.location), int(time.time())
        root.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=root.parent, prefix=".static-") as folder:
            self.storage = self.storage.__class__(location=folder)
            report = super().collect()
            publish(Path(folder), root, self.storage.manifest_name, now)
        return report


def publish(collected, root, manifest, now):
    """Move the collected files to `root`, the manifest last, and delete files that were replaced more than KEEP before `now`.

    The modification time of a file is when it was last needed. For the manifest, it is when files were last collected.
    """
    needed = sorted(
        (path.relative_to(collected) for path in collected.rglob("*") if path.is_file()),
        key=lambda name: name == Path(manifest),
    )
    current = set(needed)
    previous = (root / manifest).stat().st_mtime if (root / manifest).exists() else 0
    for path in root.rglob("*"):
        if path.is_dir() or path.relative_to(root) in current:
            continue
        if path.stat().st_mtime >= previous:
            os.utime(path, (now - 1, now - 1))
        elif path.stat().st_mtime < now - KEEP.total_seconds():
            path.unlink()
    for name in needed:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        os.utime(collected / name, (now, now))
        os.replace(collected / name, root / name)
