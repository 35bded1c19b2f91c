"""Loggers of job code: what they write, how errors are told, and that no log call ends a run."""

from __future__ import annotations

from guest_run import RecordingChannel, run_here


def lines_of(*body: str) -> list[tuple[str, str]]:
    channel = RecordingChannel()
    source = "import logging\nlog = logging.getLogger('shop')\ndef main(job):\n"
    run_here(source + "".join(f"    {line}\n" for line in body), channel=channel)
    return channel.lines


def test_levels_and_arguments_are_a_loggers() -> None:
    assert lines_of(
        "log.debug('%d of %s', 3, 'tea')",
        "log.info('%(a)s', {'a': 1})",
        "log.warning('50%'); log.warn('w')",
        "log.error('e'); log.critical('c'); log.log(30, 'l'); log.log('INFO', 'i')",
        "logging.info('root'); job.log.info('%s found', 2)",
        "log.info(msg='named')",
    ) == [
        ("debug", "3 of tea"),
        ("info", "1"),
        ("warn", "50%"),
        ("warn", "w"),
        ("error", "e"),
        ("error", "c"),
        ("warn", "l"),
        ("info", "i"),
        ("info", "root"),
        ("info", "2 found"),
        ("info", "named"),
    ]


def test_what_does_not_fit_is_told_as_it_is_and_the_run_goes_on() -> None:
    assert lines_of(
        "class Mute:",
        "    def __str__(self): raise KeyError('x')",
        "log.info('%d', 'x'); log.info('a', 1, [2]); log.info('%s'); log.info('%s %s', 1)",
        "log.info(Mute()); log.info('%s', Mute()); log.info(); log.info('m', self=1, instance=2)",
        "log.info('user', level=3)",
    ) == [
        ("info", "%d x"),
        ("info", "a 1 [2]"),
        ("info", "%s"),
        ("info", "%s %s 1"),
        ("info", "<Mute whose text raises KeyError>"),
        ("info", "%s <Mute whose text raises KeyError>"),
        ("info", ""),
        ("info", "m (self=1, instance=2)"),
        ("info", "user (level=3)"),
    ]


def test_an_error_is_told_with_the_authors_lines() -> None:
    (first, second, third) = lines_of(
        "def inner(): return 1 // 0",
        "try: inner()",
        "except ZeroDivisionError as error:",
        "    log.exception('failed')",
        "    kept = error",
        "log.error('later', exc_info=kept)",
        "log.error('none', exc_info=True)",
    )
    assert first[1].splitlines()[:-1] == [
        "failed",
        "Traceback (most recent call last):",
        '  File "job.py", line 5, in main',
        '  File "job.py", line 4, in inner',
    ]
    assert first[1].splitlines()[-1].startswith("ZeroDivisionError: ")  # its words are the Python's
    assert second[1].startswith("later\nTraceback")
    assert third == ("error", "none")


def test_fields_are_told_and_adapters_add_theirs() -> None:
    assert lines_of(
        "log.info('a', extra={'id': 3})",
        "own = logging.LoggerAdapter(log, {'user': 'ann'})",
        "own.info('b %s', 1); own.warning('c', extra={'id': 4})",
    ) == [
        ("info", "a (id=3)"),
        ("info", "b 1 (user='ann')"),
        ("warn", "c (user='ann', id=4)"),
    ]


def test_levels_that_are_set_are_kept_to() -> None:
    assert lines_of(
        "log.setLevel(logging.WARNING)",
        "late = log.getChild('late')",
        "log.info('no'); late.info('no'); late.warning('yes')",
        "late.setLevel('DEBUG'); late.debug('yes, too')",
        "logging.basicConfig(level='ERROR'); logging.warning('no'); logging.error('e')",
        "logging.disable(); logging.critical('no')",
    ) == [("warn", "yes"), ("debug", "yes, too"), ("error", "e")]


def test_a_helper_that_sets_a_logger_up_as_scripts_do_changes_nothing() -> None:
    assert lines_of(
        "if not log.handlers:",
        "    raise AssertionError",
        "handler = logging.StreamHandler()",
        "handler.setFormatter(logging.Formatter('%(message)s'))",
        "handler.setLevel('INFO')",
        "log.addHandler(handler)",
        "log.info('once')",
    ) == [("info", "once")]
