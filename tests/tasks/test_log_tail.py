"""Of a log its end is kept, and how much there was is known, whatever its lines are like."""

from tasks.log_tail import KEPT_BYTES, LONGEST_LINE, LineSplitter, LogTail


def test_the_last_lines_are_kept_and_all_are_counted() -> None:
    tail = LogTail()
    for number in range(1000):
        tail.add(f"{number}\n")
    kept = tail.kept("there")
    assert (kept.text.splitlines()[0], kept.lines, kept.size, kept.note) == ("800", 1000, 3890, "there")
    assert kept.short().text.splitlines() == [str(number) for number in range(980, 1000)]


def test_long_lines_cost_the_beginning_and_not_the_end() -> None:
    tail = LogTail()
    for letter in "abcdefgh":
        tail.add(letter * (LONGEST_LINE - 1) + "\n")
    text = tail.kept("").text
    assert len(text) == KEPT_BYTES
    assert text.endswith("h\n")


def test_a_log_without_lines_is_said_to_be_empty() -> None:
    assert LogTail().kept("there").note == "Its log is empty."


def test_pieces_become_lines_and_one_without_end_is_broken() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"one\ntw") == ["one\n"]
    assert splitter.feed(b"o\nthree") == ["two\n"]
    assert splitter.feed(b"x" * LONGEST_LINE) == ["three" + "x" * LONGEST_LINE]
    assert splitter.feed(b"end") == []
    assert splitter.rest() == ["end"]
    assert splitter.rest() == []
