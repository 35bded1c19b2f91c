"""Cron expressions: the valid ones and their meaning, the others and the words of their refusal."""

# ruff: noqa: RUF001 - messages write a range with an en dash

import contextlib
import re
from datetime import UTC, datetime
from itertools import islice

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from luajobs_kit.errors import InvalidInput
from luajobs_kit.timing import cron
from luajobs_kit.timing.cron_fires import cron_fires
from luajobs_kit.timing.crontab import MACROS, read_crontab

NAMES = {
    3: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    4: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
}
RANGES = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)]


def one_number(index):
    low, high = RANGES[index]
    numbers = st.integers(low, high)
    plain = numbers.map(lambda number: (str(number), number)) | numbers.map(
        lambda number: (f"{number:02}", number)
    )
    if index in NAMES:
        named = st.sampled_from(list(enumerate(NAMES[index], start=low)))
        plain |= named.map(lambda pair: (pair[1].upper() if pair[0] % 2 else pair[1], pair[0]))
    return plain


def item(index):
    low, high = RANGES[index]
    steps = st.none() | st.integers(1, 99)

    def ranged(ends, step):
        (first_text, first), (last_text, last) = sorted(ends, key=lambda end: end[1])
        text = f"{first_text}-{last_text}" + (f"/{step}" if step else "")
        return text, set(range(first, last + 1, step or 1))

    return st.one_of(
        one_number(index).map(lambda pair: (pair[0], {pair[1]})),
        steps.map(
            lambda step: (f"*/{step}" if step else "*", set(range(low, high + 1, step or 1)))
        ),
        st.builds(ranged, st.tuples(one_number(index), one_number(index)), steps),
    )


def field(index):
    return st.lists(item(index), min_size=1, max_size=4).map(
        lambda items: (
            ",".join(text for text, _ in items),
            set().union(*(numbers for _, numbers in items)),
        )
    )


expressions = st.tuples(*(field(index) for index in range(5)))
blanks = st.text(" \t", min_size=1, max_size=3)


@given(expressions, blanks, st.text(" \t", max_size=2))
def test_every_sentence_of_the_grammar_is_read_as_the_numbers_it_names(fields, between, around):
    expression = around + between.join(text for text, _ in fields) + around
    read = read_crontab(expression)
    minutes, hours, days, months, weekdays = (numbers for _, numbers in fields)
    assert read.minutes == tuple(sorted(minutes))
    assert read.hours == tuple(sorted(hours))
    assert read.days == tuple(sorted(days))
    assert read.months == tuple(sorted(months))
    assert read.weekdays == tuple(sorted({day % 7 for day in weekdays}))
    texts = [text for text, _ in fields]
    assert read.fixed == (texts[0][0] != "*" and texts[1][0] != "*")
    assert read.either_day == (texts[2][0] != "*" and texts[4][0] != "*")


@given(expressions)
def test_its_first_fires_match_each_field_as_the_oracle_reads_it(debian, fields):
    expression = " ".join(text for text, _ in fields)
    entry = debian.Entry(expression)
    start = datetime(2027, 2, 27, 23, 58, 30, tzinfo=UTC)
    previous = start
    for fire in islice(cron_fires(expression, UTC, start), 4):
        assert fire > previous
        assert entry.matches(fire.replace(tzinfo=None))
        previous = fire


@given(st.text(max_size=40) | st.text("0123456789*/,- @?#LWRHmonjan\n", max_size=30))
@example("R R * * *")
@example("0 0 * * *\n")
@example("0 0 * * 1\x00")
@example("٣ * * * *")
@example("0\u00a00 * * *")
@example("*/99999999999999999999 * * * *")
@example("0-99999999999 * * * *")
def test_any_other_text_is_refused_with_words_and_in_no_time(text):
    refused = None
    try:
        read = read_crontab(text)
    except InvalidInput as error:
        refused = error
    if refused:
        assert refused.details["field"] == "expression"
        assert str(refused).endswith(".")
    else:
        assert len(text.split()) == 5 or text.strip() in MACROS
        assert all((read.minutes, read.hours, read.days, read.months, read.weekdays))


REFUSED = {
    "0 25 * * *": "hour 25 is outside 0–23.",
    "60 * * * *": "minute 60 is outside 0–59.",
    "0 24 * * *": 'hour 24 is outside 0–23 ("24" is "0" of the next day).',
    "0 0 0 * *": "day of month 0 is outside 1–31.",
    "0 0 * 13 *": "month 13 is outside 1–12.",
    "0 0 * * 8": "day of week 8 is outside 0–7.",
    "0 0 * * 1-9": "day of week 9 is outside 0–7.",
    "0 0 * * monday": 'day of week "monday" is written with three letters: "mon".',
    "0 0 * january *": 'month "january" is written with three letters: "jan".',
    "0 0 * * fri-mon": 'day of week "fri-mon" runs backwards; write "5-6,0-1".',
    "0 0 * * sat-sun": 'day of week "sat-sun" runs backwards; Sunday is also 7: write "6-7".',
    "0 0 * * sat-mon": 'day of week "sat-mon" runs backwards; write "6,0-1".',
    "0 0 * * 7-1": 'day of week "7-1" runs backwards; write "0-1".',
    "0 0 * * 7-0": 'day of week "7-0" runs backwards; Sunday is also 7: write "0".',
    "0 0 * 11-1 *": 'month "11-1" runs backwards; write "11-12,1".',
    "0 22-3 * * *": 'hour "22-3" runs backwards; write "22-23,0-3".',
    "0 22-4/2 * * *": 'hour "22-4/2" runs backwards; write "22,0-4/2".',
    "CRON_TZ=Europe/Berlin 0 8 * * 1": 'the zone is given apart from the fields: write "0 8 * * 1", timezone="Europe/Berlin".',
    "TZ=UTC @daily": 'the zone is given apart from the fields: write "@daily", timezone="UTC".',
    "0 8 * * 1 Europe/Berlin": 'the zone is given apart from the fields: write "0 8 * * 1", timezone="Europe/Berlin".',
    "TZ=Europe/Berlni 0 8 * * 1": "timezone 'Europe/Berlni' is not a known time zone; did you mean Europe/Berlin",
    "@every 1h30m": "that is an interval: write every(hours=1, minutes=30).",
    "5/15 * * * *": 'write "5-59/15" to count from 5, or "*/15".',
    "*/0 * * * *": 'minute "*/0" has step 0; a step is at least 1.',
    "*/x * * * *": 'minute "*/x" needs a whole number after "/".',
    "*/ * * * *": 'minute "*/" needs a whole number after "/".',
    "1,,2 * * * *": 'minute "1,,2" has a comma with nothing beside it.',
    "1-2-3 * * * *": 'minute "1-2-3" is not a range of two numbers, such as 1-5.',
    "-5 * * * *": 'minute "-5" is not a range of two numbers, such as 1-5.',
    "** * * * *": '"*" stands alone or before a step, as in "*/5".',
    "x * * * *": 'minute "x" is not a number 0–59.',
    "0 0 * * x": 'day of week "x" is not a number 0–7 or sun…sat.',
    "0 0 ? * 1": 'day of month "?" is written "*" in cron.',
    "0 0 L * *": '"L" and "W" (last day, nearest workday) are unknown to it; test the date in the job.',
    "0 0 15W * *": '"L" and "W" (last day, nearest workday) are unknown to it; test the date in the job.',
    "0 0 * * 5#2": '"#" (the n-th weekday) is unknown to it; test the date in the job.',
    "R R * * *": '"H" and "R" (hashed, random) are unknown to it; use the jitter option.',
    "H/15 * * * *": '"H" and "R" (hashed, random) are unknown to it; use the jitter option.',
    "": 'it is empty; write five fields, such as "0 8 * * 1" for Mondays at 8.',
    "* * *": "it has 3 fields where cron has five: minute, hour, day of month, month, day of week",
    "0 8 * * 1 2026 x y": "it has 8 fields where cron has five",
    "*/10 * * * * *": "it has six fields; cron has five, without seconds. Write every(seconds=10) instead.",
    "0 0 8 * * ?": 'If the first field is seconds, write "0 8 * * *"',
    "0 0 12 * * ? 2026": "it has seven fields; cron has five, without seconds or a year.",
    "*/0 * * * * *": 'If the first field is seconds, write "* * * * *"',
    "0 8 * * 1 root": 'it has 6 fields where cron has five. Without "root" it is one: write "0 8 * * 1".',
    "0 8 * * 1 #c": 'Without "#c" it is one: write "0 8 * * 1".',
    "0 8 * * 1 # each Monday": 'Without "# each monday" it is one: write "0 8 * * 1".',
    "0 0 1 1 * 2027": 'Without "2027" it is one: write "0 0 1 1 *".',
    "0 0 12 ? * MON#2": "it has 6 fields where cron has five: minute, hour",
    "0 0 12 ? * MON#2 2027": "it has 7 fields where cron has five: minute, hour",
    "0 0 * * 5L": '"L" and "W" (last day, nearest workday) are unknown to it; test the date in the job.',
    "0 0 * * friL": '"L" and "W" (last day, nearest workday) are unknown to it; test the date in the job.',
    "@Daily": "cron's short forms are in lower case; write @daily.",
    "@reboot": "a job has no machine to start with; use once(seconds=1) to run at once.",
    "@often": "the short forms are @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly.",
    "0 8 * *\n1": r"'\n' has no place in it; fields are parted by blanks.",
    "0 8 * * 1 ": None,  # a blank more is no matter
    "1," * 600 + "1 * * * *": "a cron expression has at most 1000.",
}


@pytest.mark.parametrize("expression", REFUSED, ids=[text[:20] for text in REFUSED])
def test_a_refusal_names_the_field_the_value_and_what_to_write(expression):
    words = REFUSED[expression]
    if words is None:
        assert cron(expression).expression == expression.strip()
        return
    with pytest.raises(InvalidInput, match=re.escape(words)):
        cron(expression)


@given(
    st.integers(0, 4),
    st.from_regex(r"[0-9]{1,2}-[0-9]{1,2}(/[0-9]{1,2})?|[0-9]{1,2}/[0-9]{1,2}", fullmatch=True),
)
@example(4, "7/2")
@example(4, "7-1")
def test_what_a_refusal_says_to_write_is_accepted(position, item):
    fields = ["*"] * 5
    fields[position] = item
    with contextlib.suppress(InvalidInput):
        read_crontab(" ".join(fields))
        return
    with pytest.raises(InvalidInput) as refused:
        read_crontab(" ".join(fields))
    advised = re.findall(r'(?:write|or) "([^"]+)"', str(refused.value))
    for fields[position] in advised:
        read_crontab(" ".join(fields))


@given(st.sampled_from((60, 24, 12, 7)), st.data())
def test_a_backward_range_is_advised_as_the_same_values(size, data):
    field = {60: 0, 24: 1, 12: 3, 7: 4}[size]
    low = int(size == 12)
    first, last = sorted(
        data.draw(st.lists(st.integers(low, size - 1 + low), min_size=2, max_size=2, unique=True)),
        reverse=True,
    )
    step = data.draw(st.integers(1, size))
    fields = ["*"] * 5
    fields[field] = f"{first}-{last}/{step}"
    with pytest.raises(InvalidInput) as refused:
        read_crontab(" ".join(fields))
    fields[field] = re.findall(r'write "([^"]+)"', str(refused.value))[0]
    meant = {(value - low) % size + low for value in range(first, last + size + 1, step)}
    read = read_crontab(" ".join(fields))
    assert meant == set((read.minutes, read.hours, read.days, read.months, read.weekdays)[field])


@pytest.mark.parametrize(("macro", "fields"), MACROS.items())
def test_short_forms_mean_their_five_fields(macro, fields):
    assert read_crontab(macro) == read_crontab(fields)


def test_monday_is_1_and_sunday_both_0_and_7():
    start = datetime(2026, 11, 23, tzinfo=UTC)  # a Monday
    first = {
        day: next(cron_fires(f"30 6 * * {day}", UTC, start)).strftime("%a")
        for day in (0, 1, 6, 7, "mon")
    }
    assert first == {0: "Sun", 1: "Mon", 6: "Sat", 7: "Sun", "mon": "Mon"}


def test_date_or_weekday_unless_one_of_them_begins_with_a_star():
    start = datetime(2026, 11, 1, 12, tzinfo=UTC)
    either = [fire.day for fire in islice(cron_fires("0 0 13 * 5", UTC, start), 4)]
    assert either == [6, 13, 20, 27]
    both = [fire.day for fire in islice(cron_fires("0 0 */2 * 5", UTC, start), 3)]
    assert both == [13, 27, 11]  # Fridays with an odd date, the last in December
    full = [fire.day for fire in islice(cron_fires("0 0 13 * 0-6", UTC, start), 3)]
    assert full == [2, 3, 4]  # any weekday is every day
