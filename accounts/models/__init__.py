from accounts.models.follow import Follow
from accounts.models.mail import Delivery, MailKind, MailPreference
from accounts.models.user import User

__all__ = ["Delivery", "Follow", "MailKind", "MailPreference", "User"]
