"""``xml.etree.ElementTree`` of job code: elements of our own, read by expat.

A11: the library's elements are written in C and trust what they hold. A15: a document's own
entities would make gigabytes of a few lines, so a document that declares any is refused; nothing is
ever fetched.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from xml.etree import ElementPath
from xml.etree import ElementTree as ET
from xml.parsers import expat

from luajobs_kit.guest.guards.read import read
from luajobs_kit.guest.guards.sealed import Frozen
from luajobs_kit.guest.guards.write import OPEN
from luajobs_kit.guest.stdlib.exact_arguments import data, plain, text

ParseError = ET.ParseError
_ITERFIND: Final[Any] = ElementPath.iterfind  # it asks of elements what ours have
_INDENT: Final[Any] = ET.indent  # likewise
_TOSTRING: Final[Any] = ET.tostring


class Element(Frozen):
    """An element: its tag, attributes, text, the text after it, and the elements within."""

    __slots__ = ("_inner", "attrib", "tag", "tail", "text")

    def __init__(self, tag: str, /, attrib: Any = None, **extra: Any) -> None:
        self.tag = tag
        self.attrib = {**({} if attrib is None else dict(attrib)), **extra}
        self.text: Any = None
        self.tail: Any = None
        self._inner: list[Element] = []

    def find(self, path: str, namespaces: Any = None) -> Element | None:
        return next(self.iterfind(path, namespaces), None)

    def findall(self, path: str, namespaces: Any = None) -> list[Element]:
        return list(self.iterfind(path, namespaces))

    def findtext(self, path: str, default: Any = None, namespaces: Any = None) -> Any:
        found = self.find(path, namespaces)
        return default if found is None else found.text or ""

    def iterfind(self, path: str, namespaces: Any = None) -> Iterator[Element]:
        # A2: the library keeps what a path means, by its text and the namespaces'.
        known = None
        if namespaces is not None:
            known = {text(name): text(uri) for name, uri in dict(namespaces).items()}
        found: Any = _ITERFIND(self, text(path), known)
        return iter(list(found))

    def iter(self, tag: str | None = None) -> Iterator[Element]:
        wanted = None if tag is None or tag == "*" else text(tag)
        found, waiting = [], [self]
        while waiting:
            each = waiting.pop()
            if wanted is None or each.tag == wanted:
                found.append(each)
            waiting.extend(reversed(each._inner))  # noqa: SLF001  # of another element
        return iter(found)

    def itertext(self) -> Iterator[str]:
        found: list[str] = []
        waiting: list[Any] = [self]
        while waiting:
            each = waiting.pop()
            if type(each) is not Element:
                found.append(each)
                continue
            for inner in reversed(each._inner):  # noqa: SLF001  # likewise
                if inner.tail:
                    waiting.append(inner.tail)
                waiting.append(inner)
            if each.text:
                found.append(each.text)
        return iter(found)

    def get(self, key: str, default: Any = None) -> Any:
        return self.attrib.get(key, default)

    def set(self, key: str, value: str) -> None:
        self.attrib[key] = value

    def keys(self) -> Any:
        return list(self.attrib.keys())

    def items(self) -> Any:
        return list(self.attrib.items())

    def append(self, subelement: Element, /) -> None:
        self._inner.append(_element(subelement))

    def extend(self, elements: Any, /) -> None:
        self._inner.extend([_element(each) for each in elements])

    def insert(self, index: int, subelement: Element, /) -> None:
        self._inner.insert(index, _element(subelement))

    def remove(self, subelement: Element, /) -> None:
        for place, each in enumerate(self._inner):
            if each is subelement:
                del self._inner[place]
                return
        raise ValueError("Element.remove(x): element not found")

    def clear(self) -> None:
        self.attrib, self.text, self.tail, self._inner = {}, None, None, []

    def __len__(self) -> int:
        return len(self._inner)

    def __bool__(self) -> bool:
        return len(self._inner) != 0

    def __getitem__(self, index: Any) -> Any:
        return self._inner[index]

    def __iter__(self) -> Iterator[Element]:
        return iter(list(self._inner))

    def __copy__(self) -> Element:
        return _copied(self, deep=False)

    def __deepcopy__(self, _memo: Any) -> Element:
        return _copied(self, deep=True)

    def __repr__(self) -> str:
        return f"<Element {self.tag!r} at {id(self):#x}>"


OPEN.add(Element)


class ElementTree(Frozen):
    """A document: its outermost element, and the searches of it."""

    __slots__ = ("_root",)

    def __init__(self, element: Element | None = None) -> None:
        self._root = None if element is None else _element(element)

    def getroot(self) -> Any:
        return self._root

    def find(self, path: str, namespaces: Any = None) -> Any:
        return self._top().find(path, namespaces)

    def findall(self, path: str, namespaces: Any = None) -> Any:
        return self._top().findall(path, namespaces)

    def findtext(self, path: str, default: Any = None, namespaces: Any = None) -> Any:
        return self._top().findtext(path, default, namespaces)

    def iterfind(self, path: str, namespaces: Any = None) -> Any:
        return self._top().iterfind(path, namespaces)

    def iter(self, tag: str | None = None) -> Any:
        return self._top().iter(tag)

    def write(self, file: Any, encoding: str = "us-ascii", xml_declaration: Any = None) -> None:
        """Write to a file in memory: ``io.BytesIO()``; ``io.StringIO()`` with "unicode"."""
        written = tostring(self._top(), encoding, xml_declaration=xml_declaration)
        read(file, "write")(written)

    def _top(self) -> Element:
        if self._root is None:
            raise ValueError("the tree has no element")
        return self._root


class _Reading:
    """A document as far as it has been read."""

    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self._text: list[str] = []
        self._ended: Element | None = None

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.flush()
        made = Element(_named(tag), {_named(name): value for name, value in attributes.items()})
        if self._open:
            self._open[-1]._inner.append(made)  # noqa: SLF001  # one role in two classes
        else:
            self.root = made
        self._open.append(made)
        self._ended = None

    def end(self, _tag: str) -> None:
        self.flush()
        self._ended = self._open.pop()

    def data(self, given: str) -> None:
        self._text.append(given)

    def flush(self) -> None:
        if self._text and (self._ended is not None or self._open):
            given = "".join(self._text)
            if self._ended is not None:
                self._ended.tail = given
            else:
                self._open[-1].text = given
        self._text.clear()

    @staticmethod
    def entity(name: str, *_: Any) -> None:
        raise _problem(
            f"the document declares the entity {name!r}, and such documents are not read: a few "
            "lines of them may stand for gigabytes"
        )

    @staticmethod
    def skipped(name: str, _is_parameter: bool) -> None:  # noqa: FBT001  # expat's signature
        raise _problem(f"undefined entity &{name};")


def fromstring(given: str | bytes, parser: None = None) -> Element:
    """Read a document. Raises ``ParseError`` with ``position``: line, column."""
    if parser is not None:
        raise TypeError("fromstring takes the text alone in job code")
    reading = _Reading()
    reader = expat.ParserCreate(None, "}")
    reader.buffer_text = True
    reader.StartElementHandler = reading.start
    reader.EndElementHandler = reading.end
    reader.CharacterDataHandler = reading.data
    reader.EntityDeclHandler = reading.entity
    reader.SkippedEntityHandler = reading.skipped
    whole = text(given) if issubclass(type(given), str) else data(given)
    try:
        reader.Parse(whole, True)
    except expat.ExpatError as error:
        raise _problem(str(error), error.code, (error.lineno, error.offset)) from None
    assert reading.root is not None
    return reading.root


XML = fromstring


def parse(source: Any, parser: None = None) -> ElementTree:
    """Read a document from a file in memory: ``io.StringIO(text)``."""
    if issubclass(type(source), str):
        raise TypeError("a job has no files: parse(io.StringIO(text)), or fromstring(text)")
    return ElementTree(fromstring(read(source, "read")(), parser))


def SubElement(parent: Element, tag: str, /, attrib: Any = None, **extra: Any) -> Element:  # noqa: N802  # the library's name
    """Make an element within another."""
    made = Element(tag, attrib, **extra)
    _element(parent).append(made)
    return made


def tostring(
    element: Element,
    encoding: str = "us-ascii",
    method: str = "xml",
    *,
    xml_declaration: bool | None = None,
    short_empty_elements: bool = True,
) -> Any:
    """Return an element as bytes; as text with the encoding "unicode"."""
    return _TOSTRING(
        _librarys(_element(element)),
        text(encoding),
        text(method),
        xml_declaration=plain(xml_declaration),
        short_empty_elements=bool(short_empty_elements),
    )


def indent(tree: Any, space: str = "  ", level: int = 0) -> None:
    """Put line ends and spaces between elements."""
    top = tree.getroot() if type(tree) is ElementTree else _element(tree)
    _INDENT(top, text(space), plain(level))


def iselement(element: Any) -> bool:
    return type(element) is Element


def _element(given: Any) -> Element:
    if type(given) is not Element:
        raise TypeError(f"an Element is needed, not {type(given).__name__!r}")
    return given


def _named(name: str) -> str:
    return "{" + name if "}" in name else name


def _problem(message: str, code: int = 0, position: tuple[int, int] = (0, 0)) -> ParseError:
    problem = ParseError(message)
    problem.code, problem.position = code, position
    return problem


def _copied(element: Element, *, deep: bool) -> Element:
    made = Element(element.tag, dict(element.attrib))
    made.text, made.tail = element.text, element.tail
    for each in element._inner:  # noqa: SLF001  # likewise
        made._inner.append(_copied(each, deep=True) if deep else each)  # noqa: SLF001  # likewise
    return made


def _librarys(element: Element) -> ET.Element:
    """Return an element as the library's, of exact texts."""
    attributes = {_needed(name): _needed(value) for name, value in dict(element.attrib).items()}
    made = ET.Element(_needed(element.tag), attributes)
    made.text = None if element.text is None else _needed(element.text)
    made.tail = None if element.tail is None else _needed(element.tail)
    made.extend([_librarys(each) for each in element._inner])  # noqa: SLF001  # likewise
    return made


def _needed(given: Any) -> str:
    if issubclass(type(given), str):
        return text(given)
    raise TypeError(f"cannot serialize {given!r} (type {type(given).__name__})")
