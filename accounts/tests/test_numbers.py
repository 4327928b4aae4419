import pytest
from django.utils.translation import override

from accounts.templatetags.numbers import readable


@pytest.mark.parametrize(
    ("number", "english", "chinese"),
    [
        (0, "0", "0"),
        (1204, "1,204", "1204"),
        (9999, "9,999", "9999"),
        (10_000, "10,000", "1\xa0万"),
        (12_345, "12,345", "1.2\xa0万"),
        (19_999, "19,999", "1.9\xa0万"),
        (1_234_567, "1,234,567", "123.4\xa0万"),
    ],
)
def test_a_count_is_written_as_the_language_writes_it(number, english, chinese):
    with override("en"):
        assert readable(number) == english
    with override("zh-hans"):
        assert readable(number) == chinese
