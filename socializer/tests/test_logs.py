"""Each request writes one line, and every line written meanwhile says which request it belongs to."""

import logging
from unittest import mock

import pytest

from socializer.logs import add_request


@pytest.fixture
def lines(caplog):
    """Return a function that returns the fields of every line of this project's loggers, as they are written."""
    written = []

    class Handler(logging.Handler):
        def emit(self, record):
            fields = {
                "event": record.getMessage(),
                "level": record.levelname,
                "request": getattr(record, "request", None),
            }
            extra = {name: getattr(record, name) for name in ("code", "ms", "cause") if hasattr(record, name)}
            written.append(add_request(None, record.levelname, fields | extra))

    handler, root = Handler(), logging.getLogger()
    root.addHandler(handler)
    level, root.level = root.level, logging.INFO
    yield lambda: written
    root.removeHandler(handler)
    root.level = level


@pytest.mark.django_db
def test_a_request_writes_one_line(member_client, member, lines):
    member_client.get("/?before=12&token=secret")
    (line,) = lines()
    assert line["event"] == "request_finished"
    assert line["request"] == "GET /?before=12&token=***"
    assert (line["code"], line["user_id"], line["ip"], line["level"]) == (200, member.pk, "127.0.0.1", "INFO")
    assert 0 < line["ms"] < 60_000
    assert len(line["request_id"]) == 36


@pytest.mark.django_db
def test_the_line_of_a_visitor_has_no_user(client, lines):
    client.get("/explore/")
    assert lines()[0]["user_id"] is None


@pytest.mark.django_db
def test_an_error_of_the_client_is_a_warning(client, lines):
    client.get("/nope/")
    assert {line["level"] for line in lines() if line["event"] == "request_finished"} == {"WARNING"}


@pytest.mark.django_db
def test_lines_written_meanwhile_belong_to_the_request(member_client, member, lines):
    def log(*args):
        logging.getLogger("accounts.example").info("Something happened")
        return mock.DEFAULT

    from posts.views import ExploreView

    with mock.patch.object(
        ExploreView, "get_context_data", autospec=True, side_effect=lambda *a, **k: log() and {"page": []}
    ):
        member_client.get("/explore/")
    during, finished = lines()
    assert during["event"] == "Something happened"
    for field in ("request", "request_id", "user_id", "ip"):
        assert during[field] == finished[field]

    logging.getLogger("accounts.example").info("Afterwards")
    assert "request_id" not in lines()[-1]


@pytest.mark.django_db
def test_two_requests_have_different_ids(client, lines):
    for _ in range(2):
        client.get("/livez/")
    assert len({line["request_id"] for line in lines()}) == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("proxies", "header", "trusted"),
    [(1, "abc-123", True), (0, "abc-123", False), (1, "a b\nc", False), (1, "x" * 65, False)],
)
def test_only_a_trusted_proxy_may_name_a_request(client, settings, lines, proxies, header, trusted):
    settings.TRUSTED_PROXIES = proxies
    client.get("/livez/", headers={"x-request-id": header})
    assert (lines()[0]["request_id"] == header) is trusted


@pytest.mark.django_db
def test_nothing_is_computed_for_a_line_that_is_not_written(client, monkeypatch):
    monkeypatch.setattr("socializer.redaction.of_request", mock.Mock(side_effect=AssertionError("computed")))
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.ERROR)
    try:
        assert client.get("/livez/").status_code == 200
    finally:
        logging.getLogger().setLevel(level)
