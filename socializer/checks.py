from django.core.checks import Warning, register

from socializer import environment


@register
def check_former_names(app_configs, **kwargs):
    """Warn about variables with former names, which the next release will ignore."""
    return [Warning(sentence, id="socializer.W001") for sentence in environment.warnings()]
