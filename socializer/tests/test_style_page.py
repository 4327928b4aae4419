"""The page that shows the style sheet to designers."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def declared_tokens():
    sheet = (ROOT / "accounts/static/accounts/site.css").read_text()
    tokens = sheet[sheet.index("@layer tokens {") : sheet.index("@layer base {")]
    return set(re.findall(r"--([\w-]+):", tokens))


@pytest.mark.django_db
def test_it_exists_only_with_debug(client, settings):
    assert client.get("/style/").status_code == 404
    settings.DEBUG = True
    assert client.get("/style/").status_code == 200


@pytest.mark.django_db
def test_it_documents_every_token_and_shows_each_colour_size_and_space(client, settings):
    settings.DEBUG = True
    page = client.get("/style/").content.decode()
    shown = (ROOT / "socializer/static/socializer/style.css").read_text()

    assert declared_tokens() == set(re.findall(r"<code>--([\w-]+)</code>", page))
    for token in declared_tokens():
        if token.startswith(("size-", "space-")) or f'class="swatch {token}"' in page:
            assert f"var(--{token})" in shown
