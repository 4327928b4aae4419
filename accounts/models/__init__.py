"""The models for people.

The models of the rooms are imported at the end so that Django finds them. Other code imports them from their rooms.
"""

from accounts.models.block import Block
from accounts.models.follow import Follow
from accounts.models.mute import Mute
from accounts.models.name import NameWord
from accounts.models.retired import RetiredUsername
from accounts.models.site_settings import SignupMode, SiteSettings
from accounts.models.user import User

import accounts.announcements.models  # noqa: F401 isort: skip
import accounts.common.models  # noqa: F401 isort: skip
import accounts.emails.models  # noqa: F401 isort: skip
import accounts.jobs.models  # noqa: F401 isort: skip
import accounts.joining.models  # noqa: F401 isort: skip
import accounts.moderation.models  # noqa: F401 isort: skip
import accounts.notifications.models  # noqa: F401 isort: skip
import accounts.security.models  # noqa: F401 isort: skip

__all__ = ["Block", "Follow", "Mute", "NameWord", "RetiredUsername", "SignupMode", "SiteSettings", "User"]
