from accounts.models.append_only import AppendOnly, AppendOnlyError
from accounts.models.block import Block
from accounts.models.follow import Follow
from accounts.models.job import Job
from accounts.models.mail import Delivery, MailPlan, MailPreference, OutboxHold, RefusedAddress
from accounts.models.moderation import ModerationAction
from accounts.models.name import NameWord
from accounts.models.news import FollowerChange, FollowNotice, Milestone
from accounts.models.rate_limit import RateLimitCounter
from accounts.models.retired import RetiredUsername
from accounts.models.scan import ListPart, ScanPosition
from accounts.models.schedule import ClockReading, Turn
from accounts.models.security import ToldState
from accounts.models.user import User

__all__ = [
    "AppendOnly",
    "AppendOnlyError",
    "Block",
    "Delivery",
    "Follow",
    "FollowNotice",
    "FollowerChange",
    "Job",
    "ListPart",
    "MailPlan",
    "MailPreference",
    "Milestone",
    "ModerationAction",
    "NameWord",
    "OutboxHold",
    "RateLimitCounter",
    "RefusedAddress",
    "RetiredUsername",
    "ScanPosition",
    "ToldState",
    "ClockReading",
    "Turn",
    "User",
]
