"""The list of all modules and names that job code can import. Data only: ``imports.py`` uses it.

What is not listed does not exist inside. A name belongs here when neither it nor
anything it returns leads to a module, a frame, code made from text, or a file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

_LISTED: Final = {
    "json": "JSONDecodeError JSONDecoder JSONEncoder dump dumps load loads",
    "math": "acos acosh asin asinh atan atan2 atanh cbrt ceil comb copysign cos cosh degrees dist "
    "e erf erfc exp exp2 expm1 fabs factorial floor fma fmax fmin fmod frexp fsum gamma "
    "gcd hypot inf isclose isfinite isinf isnan isnormal isqrt issubnormal lcm ldexp "
    "lgamma log log10 log1p log2 modf nan nextafter perm pi pow prod radians remainder "
    "signbit sin sinh sqrt sumprod tan tanh tau trunc ulp",
    "math.integer": "comb factorial gcd isqrt lcm perm",
    "cmath": "acos acosh asin asinh atan atanh cos cosh e exp inf infj isclose isfinite isinf isnan "
    "log log10 nan nanj phase pi polar rect sin sinh sqrt tan tanh tau",
    "numbers": "Complex Integral Number Rational Real",
    "datetime": "MAXYEAR MINYEAR UTC date datetime time timedelta timezone tzinfo",
    "zoneinfo": "ZoneInfo ZoneInfoNotFoundError available_timezones",
    "time": "altzone asctime ctime daylight gmtime localtime mktime monotonic monotonic_ns "
    "perf_counter perf_counter_ns process_time process_time_ns sleep strftime strptime struct_time "
    "time time_ns timezone tzname",
    "calendar": "Calendar FRIDAY HTMLCalendar IllegalMonthError IllegalWeekdayError MONDAY SATURDAY "
    "SUNDAY THURSDAY TUESDAY TextCalendar WEDNESDAY calendar day_abbr day_name "
    "firstweekday isleap leapdays month month_abbr month_name monthcalendar monthrange "
    "setfirstweekday standalone_month_abbr standalone_month_name timegm weekday "
    "weekheader",
    "re": "A ASCII DOTALL I IGNORECASE M MULTILINE Match NOFLAG Pattern PatternError RegexFlag "
    "S U UNICODE VERBOSE X compile error escape findall finditer fullmatch match "
    "prefixmatch purge search split sub subn",
    "random": "Random SystemRandom betavariate choice choices expovariate gammavariate gauss "
    "getrandbits getstate lognormvariate normalvariate paretovariate randbytes randint random "
    "randrange sample seed setstate shuffle triangular uniform vonmisesvariate weibullvariate",
    "secrets": "SystemRandom choice compare_digest randbelow randbits token_bytes token_hex "
    "token_urlsafe",
    "statistics": "NormalDist StatisticsError correlation covariance fmean geometric_mean "
    "harmonic_mean linear_regression mean median median_grouped median_high median_low mode "
    "multimode pstdev pvariance quantiles stdev variance",
    "decimal": "BasicContext Clamped Context ConversionSyntax Decimal DecimalException DecimalTuple "
    "DefaultContext DivisionByZero DivisionImpossible DivisionUndefined ExtendedContext "
    "FloatOperation IEEEContext IEEE_CONTEXT_MAX_BITS Inexact InvalidContext "
    "InvalidOperation MAX_EMAX MAX_PREC MIN_EMIN MIN_ETINY Overflow ROUND_05UP "
    "ROUND_CEILING ROUND_DOWN ROUND_FLOOR ROUND_HALF_DOWN ROUND_HALF_EVEN ROUND_HALF_UP "
    "ROUND_UP Rounded SPEC_VERSION Subnormal Underflow getcontext localcontext setcontext",
    "fractions": "Fraction",
    "itertools": "accumulate batched chain combinations combinations_with_replacement compress "
    "count cycle dropwhile filterfalse groupby islice pairwise permutations product repeat starmap "
    "takewhile tee zip_longest",
    "functools": "Placeholder cache cached_property cmp_to_key lru_cache partial partialmethod reduce "
    "singledispatch singledispatchmethod total_ordering update_wrapper wraps",
    "operator": "abs add and_ attrgetter concat contains countOf delitem eq floordiv ge getitem gt "
    "iadd iand iconcat ifloordiv ilshift imatmul imod imul index indexOf inv invert ior "
    "ipow irshift is_ is_none is_not is_not_none isub itemgetter itruediv ixor le "
    "length_hint lshift lt matmul methodcaller mod mul ne neg not_ or_ pos pow rshift "
    "setitem sub truediv truth xor",
    "collections": "ChainMap Counter OrderedDict UserDict UserList abc defaultdict deque namedtuple",
    "collections.abc": "AsyncGenerator AsyncIterable AsyncIterator Awaitable ByteString Callable "
    "Collection Container Coroutine Generator Hashable ItemsView Iterable Iterator KeysView Mapping "
    "MappingView MutableMapping MutableSequence MutableSet Reversible Sequence Set Sized ValuesView",
    "heapq": "heapify heapify_max heappop heappop_max heappush heappush_max heappushpop "
    "heappushpop_max heapreplace heapreplace_max merge nlargest nsmallest",
    "bisect": "bisect bisect_left bisect_right insort insort_left insort_right",
    "string": "Template ascii_letters ascii_lowercase ascii_uppercase capwords digits hexdigits "
    "octdigits printable punctuation whitespace",
    "string.templatelib": "Interpolation Template convert",
    "textwrap": "TextWrapper dedent fill indent shorten wrap",
    "unicodedata": "bidirectional block category combining decimal decomposition digit east_asian_width "
    "extended_pictographic grapheme_cluster_break indic_conjunct_break is_normalized "
    "isxidcontinue isxidstart iter_graphemes lookup mirrored name normalize numeric "
    "unidata_version",
    "uuid": "MAX NAMESPACE_DNS NAMESPACE_OID NAMESPACE_URL NAMESPACE_X500 NIL SafeUUID UUID uuid3 "
    "uuid4 uuid5",
    "hashlib": "algorithms_guaranteed blake2b blake2s md5 new pbkdf2_hmac scrypt sha1 sha224 sha256 "
    "sha384 sha3_224 sha3_256 sha3_384 sha3_512 sha512 shake_128 shake_256",
    "hmac": "compare_digest digest new",
    "base64": "a85decode a85encode b16decode b16encode b32decode b32encode b32hexdecode "
    "b32hexencode b64decode b64encode b85decode b85encode decodebytes encodebytes "
    "standard_b64decode standard_b64encode urlsafe_b64decode urlsafe_b64encode",
    "binascii": "ASCII85_ALPHABET BASE32HEX_ALPHABET BASE32_ALPHABET BASE64_ALPHABET BASE85_ALPHABET "
    "BINHEX_ALPHABET CRYPT_ALPHABET Error Incomplete URLSAFE_BASE64_ALPHABET UU_ALPHABET "
    "Z85_ALPHABET a2b_ascii85 a2b_base32 a2b_base64 a2b_base85 a2b_hex a2b_qp a2b_uu "
    "b2a_ascii85 b2a_base32 b2a_base64 b2a_base85 b2a_hex b2a_qp b2a_uu crc32 crc_hqx "
    "hexlify unhexlify",
    "html": "escape unescape",
    "urllib": "parse",
    "urllib.parse": "DefragResult ParseResult SplitResult parse_qs parse_qsl quote quote_from_bytes "
    "quote_plus unquote unquote_plus unquote_to_bytes urldefrag urlencode urljoin urlparse urlsplit "
    "urlunparse urlunsplit",
    "difflib": "Differ HtmlDiff IS_CHARACTER_JUNK IS_LINE_JUNK SequenceMatcher context_diff "
    "diff_bytes get_close_matches ndiff restore unified_diff",
    "copy": "Error copy deepcopy",
    "enum": "CONFORM CONTINUOUS EJECT Enum Flag FlagBoundary IntEnum IntFlag KEEP NAMED_FLAGS STRICT "
    "StrEnum UNIQUE auto member nonmember unique verify",
    "dataclasses": "Field FrozenInstanceError InitVar KW_ONLY MISSING asdict astuple dataclass field "
    "fields is_dataclass replace",
    "typing": "AbstractSet Annotated Any AnyStr AsyncContextManager AsyncGenerator AsyncIterable "
    "AsyncIterator Awaitable Callable ChainMap ClassVar Collection Concatenate Container "
    "ContextManager Coroutine Counter DefaultDict Deque Dict Final FrozenSet Generator "
    "Generic Hashable ItemsView Iterable Iterator KeysView List Literal LiteralString "
    "Mapping MappingView Match MutableMapping MutableSequence MutableSet NamedTuple Never "
    "NewType NoExtraItems NoReturn NotRequired Optional OrderedDict ParamSpec Pattern "
    "Protocol ReadOnly Required Reversible Self Sequence Set Sized SupportsAbs "
    "SupportsBytes SupportsComplex SupportsFloat SupportsIndex SupportsInt SupportsRound "
    "TYPE_CHECKING Text Tuple Type TypeAlias TypeForm TypeGuard TypeIs TypeVar "
    "TypeVarTuple TypedDict Union Unpack ValuesView assert_never assert_type cast final "
    "get_args overload override runtime_checkable",
    "contextlib": "AbstractAsyncContextManager AbstractContextManager AsyncExitStack "
    "ContextDecorator ExitStack aclosing asynccontextmanager closing contextmanager nullcontext "
    "suppress",
    "abc": "ABC abstractmethod",
    "logging": "CRITICAL DEBUG ERROR FATAL Formatter INFO Logger LoggerAdapter NOTSET NullHandler "
    "StreamHandler WARN WARNING basicConfig critical debug disable error exception fatal getLevelName "
    "getLogger info log warn warning",
    "asyncio": "BoundedSemaphore CancelledError Event FIRST_COMPLETED FIRST_EXCEPTION "
    "ALL_COMPLETED Future InvalidStateError LifoQueue Lock PriorityQueue Queue QueueEmpty QueueFull "
    "Semaphore Task TaskGroup "
    "TimeoutError all_tasks as_completed create_task current_task ensure_future gather iscoroutine "
    "iscoroutinefunction isfuture run shield sleep timeout timeout_at to_thread wait wait_for",
    "os": "environ getenv",
    "sys": "byteorder float_info maxsize maxunicode platform stderr stdout version version_info",
    "io": "BytesIO SEEK_CUR SEEK_END SEEK_SET StringIO",
    "csv": "DictReader DictWriter Error QUOTE_ALL QUOTE_MINIMAL QUOTE_NONE QUOTE_NONNUMERIC "
    "QUOTE_NOTNULL QUOTE_STRINGS Sniffer excel excel_tab reader unix_dialect writer",
    "traceback": "format_exc format_exception format_exception_only print_exc print_exception",
    "types": "MappingProxyType NoneType SimpleNamespace",
    "requests": "ConnectTimeout ConnectionError HTTPError JSONDecodeError ReadTimeout RequestException "
    "Response Session Timeout TooManyRedirects codes delete exceptions get head options patch post "
    "put request session",
    "requests.exceptions": "ConnectTimeout ConnectionError HTTPError InvalidSchema InvalidURL "
    "JSONDecodeError MissingSchema ReadTimeout RequestException Timeout TooManyRedirects",
    "httpx": "AsyncClient Client ConnectError ConnectTimeout HTTPError HTTPStatusError InvalidURL "
    "NetworkError PoolTimeout ReadTimeout RequestError Response Timeout TimeoutException "
    "TooManyRedirects TransportError UnsupportedProtocol WriteTimeout delete get head patch post put "
    "request",
    "pathlib": "PurePath PurePosixPath",
    "xml": "etree",
    "xml.etree": "ElementTree",
    "xml.etree.ElementTree": "Element ElementTree ParseError SubElement XML fromstring indent "
    "iselement parse tostring",
    "html.parser": "HTMLParser",
    "email": "utils",
    "email.utils": "format_datetime formataddr formatdate getaddresses parseaddr parsedate "
    "parsedate_to_datetime parsedate_tz quote unquote",
    "ast": "literal_eval",
    "colorsys": "hls_to_rgb hsv_to_rgb rgb_to_hls rgb_to_hsv rgb_to_yiq yiq_to_rgb",
    "fnmatch": "filter fnmatch fnmatchcase translate",
    "gzip": "BadGzipFile compress decompress",
    "ipaddress": "AddressValueError IPv4Address IPv4Network IPv6Address IPv6Network NetmaskValueError "
    "ip_address ip_network",
    "pprint": "pformat pp pprint",
    "shlex": "join quote split",
    "struct": "calcsize error iter_unpack pack pack_into unpack unpack_from",
    "tomllib": "TOMLDecodeError load loads",
    "zlib": "MAX_WBITS Z_BEST_COMPRESSION Z_BEST_SPEED Z_DEFAULT_COMPRESSION adler32 compress crc32 "
    "decompress error",
    "luajobs_kit": "Conflict ConnectFailed Data HttpError InvalidInput JobInstance Jobs LuaJobsError "
    "NotAllowed NotFound Products TimedOut ToolError ToolUnavailable User cron env every http once tools",
}

_SINCE: Final = {
    "collections.abc": {"": "ByteString"},  # until it goes, with 3.17
    "math": {"3.11": "cbrt exp2", "3.12": "sumprod", "3.13": "fma"}
    | {"3.15": "fmax fmin isnormal issubnormal signbit"},
    "typing": {"": "Text", "3.12": "override", "3.13": "ReadOnly TypeIs"}
    | {"3.15": "NoExtraItems TypeForm"},
    "binascii": {
        "3.15": "ASCII85_ALPHABET BASE32HEX_ALPHABET BASE32_ALPHABET BASE64_ALPHABET "
        "BASE85_ALPHABET BINHEX_ALPHABET CRYPT_ALPHABET URLSAFE_BASE64_ALPHABET UU_ALPHABET "
        "Z85_ALPHABET a2b_ascii85 a2b_base32 a2b_base85 b2a_ascii85 b2a_base32 b2a_base85"
    },
    "calendar": {"3.15": "standalone_month_abbr standalone_month_name"},
    "csv": {"3.12": "QUOTE_NOTNULL QUOTE_STRINGS"},
    "decimal": {"3.14": "IEEEContext IEEE_CONTEXT_MAX_BITS", "3.15": "SPEC_VERSION"},
    "functools": {"3.14": "Placeholder"},
    "heapq": {"3.14": "heapify_max heappop_max heappush_max heappushpop_max heapreplace_max"},
    "itertools": {"3.12": "batched"},
    "operator": {"3.14": "is_none is_not_none"},
    "re": {"3.13": "PatternError", "3.15": "prefixmatch"},
    "statistics": {"3.11": "linear_regression"},
    "unicodedata": {
        "3.15": "block extended_pictographic grapheme_cluster_break indic_conjunct_break "
        "isxidcontinue isxidstart iter_graphemes"
    },
    "uuid": {"3.14": "MAX NIL"},
}
"""Names of modules that came with a Python, by the first that has them."""

NOT_EVERYWHERE: Final = frozenset(
    f"{module}.{name}"
    for module, versions in _SINCE.items()
    for names in versions.values()
    for name in names.split()
)
"""Names of some Python versions only; elsewhere they are missing, as they are outside."""

EVERY_MODULE: Final = {module: tuple(sorted(names.split())) for module, names in _LISTED.items()}
"""The modules of all Pythons."""

_NEW_MODULES: Final = {"string.templatelib": (3, 14), "math.integer": (3, 15)}
"""Modules that came with a Python later than the oldest of ours."""

_TO_COME: Final = {
    module: f"It came with Python {first[0]}.{first[1]}; jobs run on the engine's Python, "
    f"{sys.version_info[0]}.{sys.version_info[1]}."
    for module, first in _NEW_MODULES.items()
    if sys.version_info < first
}

MODULES: Final = {name: each for name, each in EVERY_MODULE.items() if name not in _TO_COME}
"""Those of this one."""

KIT_NAMES: Final = MODULES["luajobs_kit"]

ALIKE: Final = 0.7
"""How alike two names are when one is taken for a slip of the other: ``platform`` is none of
``operator``."""

_ONE_LOG: Final = "All loggers write the run's log; leave handlers out."
_NAMES_OF_FILES: Final = (
    "Job code has no files. For names and their parts there is pathlib.PurePath(…): .name, .suffix, "
    ".parent, path / name. Keep data with Data."
)
_PACKED: Final = "Use gzip or zlib for data in memory, or offer a tool and call tools.NAME(…)."

EVERYWHERE_OUT_OF_REACH: Final = {
    "tempfile": "Job code has no files. Keep data with Data.",
    "shutil": "Job code has no files. Keep data with Data.",
    "glob": "Job code has no files. Keep data with Data.",
    "subprocess": "Job code starts no processes. Offer a tool and call tools.NAME(…).",
    "socket": "Job code has no network of its own. Use http.get(…), http.post(…).",
    "ssl": "Job code has no network of its own. Use http.get(…), http.post(…).",
    "aiohttp": "Use await http.get(url) and http.post(url, json=…): the engine sends them.",
    "urllib3": "Use await http.get(url) and http.post(url, json=…): the engine sends them.",
    "urllib.request": "Use await http.get(url): the engine sends it.",
    "smtplib": "Use await user.send(…), or offer a tool and call tools.NAME(…).",
    "threading": "Use asyncio.gather(…) or asyncio.create_task(…).",
    "multiprocessing": "Use asyncio.gather(…) or asyncio.create_task(…).",
    "concurrent.futures": "Use asyncio.gather(…) or asyncio.create_task(…).",
    "logging.handlers": _ONE_LOG,
    "logging.config": _ONE_LOG,
    "loguru": "Use logging.getLogger(__name__), or job.log.",
    "structlog": "Use logging.getLogger(__name__), or job.log.",
    "pickle": "Use json.dumps and json.loads.",
    "inspect": "Job code does not see the interpreter. Use callable(…), isinstance(…), "
    "asyncio.iscoroutine(…), dataclasses.fields(…).",
    "importlib": "Write an import line; what can be imported is listed in the docs.",
    "contextvars": "Pass the value as an argument.",
    "weakref": "Keep the object itself.",
    "queue": "Use collections.deque, or asyncio.Queue.",
    "array": "Use a list, or a bytearray.",
    "warnings": "Use print(), or job.log.warning(…).",
    "timeit": "Use time.perf_counter().",
    "sqlite3": "Job code has no files. Keep data with Data.",
    "dotenv": "Use env(NAME) for settings.",
    "pytz": "Use zoneinfo.ZoneInfo(name).",
    "dateutil": "Use datetime.fromisoformat(…), datetime.strptime(…) and zoneinfo.",
    "pydantic": "Use dataclasses.",
    "numpy": "Use math and statistics, or offer a tool and call tools.NAME(…).",
    "pandas": "Use lists and dicts, or offer a tool and call tools.NAME(…).",
    "http": "The kit's http needs no import: await http.get(url).",
    "builtins": "Builtins need no import.",
    "gc": "Python frees what nothing holds; the whole process ends with the run.",
    "argparse": "A job runs unattended: pass values in metadata.",
    "getpass": "A job runs unattended: pass values in metadata, or read a setting: env(NAME).",
    "signal": "A run is stopped from outside. Give the job timeout=…, or use asyncio.timeout(…).",
    "sched": "Use asyncio.sleep(…), or give the job a schedule: every(…), once(…), cron(…).",
    "schedule": "Give the job a schedule: every(…), once(…), cron(…).",
    "croniter": "Give the job a schedule: cron(…).",
    "codecs": "Use text.encode(…) and data.decode(…).",
    "graphlib": "Sort it by hand: take, again and again, what waits for nothing that is left.",
    "typing_extensions": "Use typing.",
    "attr": "Use dataclasses.",
    "attrs": "Use dataclasses.",
    "arrow": "Use datetime and zoneinfo.",
    "pendulum": "Use datetime and zoneinfo.",
    "orjson": "Use json.",
    "simplejson": "Use json.",
    "jinja2": "Use f-strings, str.format(…) or string.Template.",
    "bs4": "Use html.parser.HTMLParser, or offer a tool and call tools.NAME(…).",
    "lxml": "Use xml.etree.ElementTree or html.parser.HTMLParser.",
    "defusedxml": "Use xml.etree.ElementTree: inside, it reads no entities.",
    "feedparser": "Use xml.etree.ElementTree: for item in fromstring(text).iter('item').",
    "posixpath": _NAMES_OF_FILES,
    "annotationlib": "Use dataclasses.fields(…) to look at a dataclass.",
    "compression": _PACKED,
    "zipfile": _PACKED,
    "concurrent.interpreters": "Use asyncio.gather(…) or asyncio.create_task(…).",
    "profiling": "Use time.perf_counter().",
}

OUT_OF_REACH: Final = EVERYWHERE_OUT_OF_REACH | _TO_COME
"""What to do instead, for modules people reach for."""

_NO_THREADS: Final = (
    "Call the function directly, or await asyncio.to_thread(…): a job has one thread."
)
_LOOP: Final = (
    "Use await, asyncio.create_task(…), asyncio.sleep(…) and time.monotonic(): the job's loop is "
    "running."
)

IN_PART: Final = {
    "pathlib": _NAMES_OF_FILES,
    "ast": "Use ast.literal_eval(text) or json.loads(…) to read data.",
    "email": "Use await user.send(…), or offer a tool and call tools.NAME(…).",
    "gzip": "Job code has no files: use gzip.compress(data) and gzip.decompress(data).",
    "zlib": "Use zlib.compress(data) and zlib.decompress(data).",
    "pprint": "Use pprint.pformat(value, width=…).",
    "struct": "Use struct.pack(format, …) and struct.unpack(format, data).",
    "xml": "Use xml.etree.ElementTree: fromstring(text), then find, findall, findtext and iter.",
    "os": "Job code has no files or processes. Use os.environ or env(NAME) for settings, Data for what "
    "is to be kept.",
    "sys": "Job code does not see the interpreter. Use print() or job.log for output, and return "
    "to end early.",
    "io": "Job code has files in memory alone: io.StringIO() and io.BytesIO(). Keep data with Data.",
    "types": "Use a class of your own, types.SimpleNamespace(…), or type(value).",
    "traceback": "Use traceback.format_exc(), or let the error end the job: it is recorded with your "
    "line.",
}
"""What to do instead of the other names of modules that job code has a small part of."""

OUT_OF_REACH_MEMBERS: Final = {
    "sys.exit": "Use return, or raise an error.",
    "sys.argv": "A job runs unattended: pass values in metadata.",
    "sys.stdin": "A job runs unattended: pass values in metadata.",
    "sys.exc_info": "Use: except Exception as error, and traceback.format_exc().",
    "os.path": _NAMES_OF_FILES,
    "os.putenv": "A run cannot change its settings: keep the value in a variable.",
    "io.open": "Job code has no files. Keep data with Data.",
    "csv.register_dialect": "Give delimiter=…, quotechar=… and the like to the reader or writer.",
    "csv.Dialect": "Give delimiter=…, quotechar=… and the like to the reader or writer.",
    "logging.FileHandler": _ONE_LOG,
    "logging.Handler": _ONE_LOG,
    "logging.Filter": "Leave out the line where it is written.",
    "logging.LogRecord": _ONE_LOG,
    "logging.root": "Use logging.getLogger().",
    "logging.handlers": _ONE_LOG,
    "logging.config": _ONE_LOG,
    "asyncio.run_coroutine_threadsafe": _NO_THREADS,
    "asyncio.get_running_loop": _LOOP,
    "asyncio.get_event_loop": _LOOP,
    "asyncio.new_event_loop": _LOOP,
    "asyncio.set_event_loop": _LOOP,
    "asyncio.Runner": "Use asyncio.run(main()).",
    "asyncio.Condition": "Use asyncio.Event or asyncio.Queue.",
    "asyncio.Barrier": "Use asyncio.gather(…) or asyncio.Event.",
    "asyncio.open_connection": "Job code has no network of its own. Use http.get(…), http.post(…).",
    "asyncio.create_subprocess_exec": OUT_OF_REACH["subprocess"],
    "asyncio.create_subprocess_shell": OUT_OF_REACH["subprocess"],
    "datetime.now": "Use datetime.datetime.now(…), or: from datetime import datetime.",
    "datetime.today": "Use datetime.date.today(), or: from datetime import date.",
    "datetime.strptime": "Use datetime.datetime.strptime(…), or: from datetime import datetime.",
    "datetime.fromisoformat": "Use datetime.datetime.fromisoformat(…), or: from datetime import "
    "datetime.",
    "datetime.utcnow": "Use datetime.datetime.now(datetime.UTC).",
    "datetime.fromtimestamp": "Use datetime.datetime.fromtimestamp(…), or: from datetime import "
    "datetime.",
    "datetime.strftime": "Call it on a date or time: datetime.datetime.now().strftime(…).",
    "collections.Callable": "Use collections.abc.Callable.",
    "collections.Iterable": "Use collections.abc.Iterable.",
    "collections.Mapping": "Use collections.abc.Mapping.",
    "collections.UserString": "Inherit from str.",
    "contextlib.AsyncContextDecorator": "Use async with in the function.",
    "abc.ABCMeta": "Inherit from abc.ABC.",
    "abc.abstractproperty": "Write @property above @abstractmethod.",
    "copy.replace": "Use dataclasses.replace(…), or the object's own: date.replace(…), "
    "row._replace(…) of a named tuple.",
    "random.binomialvariate": "Use sum(random.random() < p for _ in range(n)).",
    "uuid.uuid1": "Use uuid.uuid4().",
    "string.Formatter": "Use str.format(…) or an f-string.",
    "calendar.prmonth": "Use print(calendar.month(year, month)).",
    "calendar.prcal": "Use print(calendar.calendar(year)).",
    "contextlib.redirect_stdout": "Build the text first, and print it.",
    "dataclasses.make_dataclass": "Write the class out.",
    "enum.EnumMeta": "Inherit from Enum.",
    "enum.EnumType": "Inherit from Enum.",
    "typing.get_type_hints": "Use dataclasses.fields(…) to look at a dataclass.",
    "typing.get_origin": "Compare the whole type: kind == list[int]; get_args(kind) gives its "
    "parts.",
    "typing.evaluate_forward_ref": "Write the class itself.",
    "typing.disjoint_base": "Leave it out: only type checkers read it.",
    "uuid.uuid6": "Use uuid.uuid4().",
    "uuid.uuid7": "Use uuid.uuid4(), or datetime.now(UTC).isoformat() in front of it to sort by time.",
    "uuid.uuid8": "Use uuid.uuid4().",
    "typing.IO": "Job code has no files.",
    "typing.TextIO": "Job code has no files.",
    "typing.BinaryIO": "Job code has no files.",
}
"""What to do instead, for names of modules that job code has in part."""

OUT_OF_REACH_NAMES: Final = {
    "open": "Job code has no files. Keep data with Data.",
    "eval": "Use json.loads(…) to read data, or a dict of functions.",
    "exec": "Write the code in the job's own function.",
    "compile": "Write the code in the job's own function.",
    "globals": "Use a dict of your own.",
    "locals": "Use a dict of your own.",
    "input": "A job runs unattended: pass values in metadata.",
    "breakpoint": "Use print(…), and look at the run's log.",
    "exit": "Use return, or raise an error.",
    "quit": "Use return, or raise an error.",
    "help": "Use it in your notebook, not in a job.",
    "__import__": "Write an import line: import json.",
}
"""Builtins that job code does not have, and what to do instead."""


def instead_of_member(module: str, name: str, there: Iterable[str]) -> str:
    """Say what to do instead of a name that a module of job code's lacks; "" where nothing is known.

    ``there`` are the names it has: one of them may be meant.
    """
    known = OUT_OF_REACH_MEMBERS.get(f"{module}.{name}") or OUT_OF_REACH.get(f"{module}.{name}")
    if known:
        return known
    close = get_close_matches(name, there, n=1, cutoff=ALIKE)
    return f"Did you mean {close[0]}?" if close else IN_PART.get(module, "")


def instead_of_module(module: str) -> str | None:
    """Say what to do instead of a module that job code lacks, or of the package that it is in."""
    while module:
        advice = OUT_OF_REACH.get(module) or OUT_OF_REACH_MEMBERS.get(module) or IN_PART.get(module)
        if advice:
            return advice
        module = module.rpartition(".")[0]
    return None
