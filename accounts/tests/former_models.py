"""For tests of old migrations, which ask for models by the names of their time."""

from django.apps import apps as current_apps

# A renamed model whose old name a tested migration uses.
RENAMED = {
    "RefusedAddress": "SuppressedAddress",
    "ToldState": "AccountSnapshot",
    "Turn": "PeriodicRun",
}


class FormerApps:
    """The current app registry, which also finds renamed models by their former names."""

    def get_model(self, app_label, model_name):
        return current_apps.get_model(app_label, RENAMED.get(model_name, model_name))
