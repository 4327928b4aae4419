from django.apps import AppConfig


class SocializerConfig(AppConfig):
    """The site itself: an app so that its static files and translations are found."""

    name = "socializer"
