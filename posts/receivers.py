"""What follows from an event: the home timeline is told of what it may have to store."""

from posts.timelines import home_timeline


def tell_timeline_of_post(sender, post, **kwargs):
    home_timeline().post_appeared(post)


def tell_timeline_of_follow(sender, follow, **kwargs):
    home_timeline().follows_changed(follow.follower)


def tell_timeline_of_unfollow(sender, follower, **kwargs):
    home_timeline().follows_changed(follower)


def forget_timelines(sender, **kwargs):
    home_timeline().forget()
