"""Other projects that install the wheel. `startproject` makes them in a folder of the test, with the code in docs/reuse.md.

A host sees the standard library, the wheel and the packages that the wheel requires, but nothing else in this environment.
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```\w+ (?P<name>[^\n]+)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)
OWN_BASE = """<!doctype html>
<html lang="en">
<head><title>{% block page_title %}Book Club{% endblock %}</title>{% block head %}{% endblock %}</head>
<body><p>The club's own header</p><main>{% block body %}{% endblock %}</main></body>
</html>
"""


def documented():
    """Return a dict from the name of each code block in docs/reuse.md to its code."""
    return {block["name"]: block["code"] for block in BLOCK.finditer((ROOT / "docs/reuse.md").read_text())}


def build_wheel(folder):
    """Build the wheel in `folder`, as script/build does, and return its path."""
    _run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], ROOT)
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(wheel, folder, extras=(), also=()):
    """Install the wheel in `folder` without a network. Its requirements are links to the packages in this environment."""
    quiet = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-index", "--target"]
    _run([sys.executable, "-m", "pip", "install", *quiet, folder, wheel], ROOT)
    for name in required_packages(folder, extras, also):
        installed = distribution(name)
        for top in {file.parts[0] for file in installed.files} - {"..", "__pycache__"}:
            target = folder / top
            if not target.exists():
                target.symlink_to(installed.locate_file(top))


def required_packages(folder, extras=(), also=()):
    """Return the sorted names of the packages that the wheel in `folder` requires, directly and indirectly."""
    (metadata,) = folder.glob("socializer-*.dist-info/METADATA")
    found = re.findall(r"^Requires-Dist: (.+)$", metadata.read_text(), re.MULTILINE)
    waiting = [(Requirement(each), tuple(extras)) for each in found]
    waiting += [(Requirement(each), ()) for each in also]
    names, seen = set(), set()
    while waiting:
        requirement, wanted = waiting.pop()
        marker = requirement.marker
        if (str(requirement), wanted) in seen or (
            marker and not any(marker.evaluate({"extra": extra}) for extra in ("", *wanted))
        ):
            continue
        seen.add((str(requirement), wanted))
        names.add(canonicalize_name(requirement.name))
        inner = distribution(requirement.name).requires or []
        waiting += [(Requirement(each), tuple(requirement.extras)) for each in inner]
    return sorted(names)


@dataclass
class Host:
    """A project in `folder` that uses the packages in `packages`."""

    folder: Path
    packages: Path

    @classmethod
    def start(cls, folder, packages, *, with_posts, after="", top=""):
        """Make a project named `club`. `top` and `after` are put before and after the documented settings."""
        folder.mkdir()
        host = cls(folder, packages)
        host.python("-m", "django", "startproject", "club", ".")
        code = documented()
        settings = folder / "club/settings.py"
        lines = [top, code["settings.py top"], settings.read_text(), code["settings.py"], after, ""]
        text, urls = "\n".join(lines), code["urls.py"]
        if with_posts:
            text = text.replace("accounts.defaults", "posts.defaults").replace("ACCOUNTS_APPS", "POSTS_APPS")
        else:
            urls = re.sub(r".*posts\.urls.*\n", "", urls)
        settings.write_text(text)
        (folder / "club/urls.py").write_text(urls)
        return host

    def leave_out(self, *optional):
        """Take optional apps out of the settings, and the admin also out of the URLs."""
        for app in optional:
            self.append("club/settings.py", f"INSTALLED_APPS.remove({app!r})\n")
            if "Admin" in app:
                urls = self.folder / "club/urls.py"
                urls.write_text(re.sub(r".*admin.*\n", "", urls.read_text()))

    def add_app(self):
        """Add the app in the documentation, with a notification type and a report subject."""
        for name, code in documented().items():
            if name.startswith(("club/", "templates/club/email", "templates/club/_reported")):
                self.write(
                    name.replace("club/urls.py", "club/books.py").replace("templates/", "club/templates/"),
                    code,
                )
        self.append("club/settings.py", 'INSTALLED_APPS += ["club.apps.ClubConfig"]\n')
        self.append("club/urls.py", 'urlpatterns += [path("", include("club.books"))]\n')
        self.manage("makemigrations", "club")

    def use_own_design(self):
        """Use the host's own base template, which has other block names, for the pages of accounts and posts."""
        code = documented()
        self.write("club/templates/club/base.html", OWN_BASE)
        self.write("club/templates/club/members.html", code["templates/club/members.html"])
        self.append("club/settings.py", code["own design"])

    def write(self, path, text):
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def append(self, path, text):
        with open(self.folder / path, "a") as file:
            file.write(text)

    def manage(self, *arguments, check=True, **environment):
        return self.python("manage.py", *arguments, check=check, **environment)

    def python(self, *arguments, check=True, **environment):
        """Run Python in the host. Returns the CompletedProcess. With `check`, asserts that it succeeded."""
        environment |= {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{self.folder}:{self.packages}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        # -S leaves out this environment's packages.
        return _run([sys.executable, "-S", *arguments], self.folder, check, environment)


def _run(command, folder, check=True, environment=None):
    done = subprocess.run(  # noqa: S603
        list(map(str, command)), cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert not check or done.returncode == 0, done.stdout[-3000:] + done.stderr[-5000:]
    return done
