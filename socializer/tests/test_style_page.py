"""The page that shows the style sheet to whoever works on it."""

import re
from pathlib import Path

import pytest

STATIC = Path(__file__).resolve().parents[1] / "static/socializer"


def declared_tokens():
    sheet = (STATIC / "site.css").read_text()
    tokens = sheet[sheet.index("@layer tokens {") : sheet.index("@layer base {")]
    return set(re.findall(r"--([\w-]+):", tokens))


@pytest.mark.django_db
def test_it_is_there_under_debug_only(client, settings):
    assert client.get("/style/").status_code == 404
    settings.DEBUG = True
    assert client.get("/style/").status_code == 200


@pytest.mark.django_db
def test_it_documents_every_token_and_shows_each_colour_size_and_space(client, settings):
    settings.DEBUG = True
    page = client.get("/style/").content.decode()
    shown = (STATIC / "style.css").read_text()

    assert declared_tokens() == set(re.findall(r"<code>--([\w-]+)</code>", page))
    for token in declared_tokens():
        if token.startswith(("size-", "space-")) or f'class="swatch {token}"' in page:
            assert f"var(--{token})" in shown
