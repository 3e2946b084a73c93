import pytest

from meetings.providers.words import one_line


@pytest.mark.parametrize(
    ("text", "most", "line"),
    [
        ("Maths", 200, "Maths"),
        ("  Maths \n  lesson\t", 200, "Maths lesson"),
        ("a\x00b\x1b[31m\u2028c\ud800", 200, "a b [31m c"),
        ("pay \u202emoc.live\u2066", 200, "pay moc.live"),
        ("abc", 2, "ab"),
        ("ab c", 3, "ab"),
        ("📐📐", 3, "📐"),
        ("", 5, ""),
        ("\r\n", 5, ""),
        ("👨\u200d👩", 5, "👨\u200d👩"),
    ],
)
def test_text_is_one_line_of_what_a_vendor_takes(text: str, most: int, line: str):
    assert one_line(text, most=most) == line
