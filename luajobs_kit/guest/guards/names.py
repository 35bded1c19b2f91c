"""The table of attribute names by kind, which the policy compiles by and the guards run by.

A name that is ``plain`` is compiled to what Python itself would do with it, at full
speed. Everything that could lead from an object to the interpreter underneath has a
name of another kind, and is refused by the policy or asked of a guard.
"""

from __future__ import annotations

from typing import Final, Literal

Kind = Literal["plain", "watched", "private", "dunder", "refused"]

# Guards are called by names no source can spell, so nothing can rebind them.
READ: Final = "guard read"  # (object, name) -> value
WRITE: Final = "guard write"  # (object) -> the same object, if job code may write to it
WRITE_OWN: Final = "guard write own"  # (object, name) -> the same, for private names
WRITE_TITLE: Final = "guard write title"  # the same, for __name__ and its like
WRITE_SPECIAL: Final = "guard write special"  # the same, for __repr__ and its like
ANNOTATION: Final = "guard annotation"  # (function) -> the annotation, or object
ANNOTATIONS: Final = "__annotations__"  # where a class keeps them while it is made
REGISTER: Final = "guard register"  # (decorator, function giving an annotation) -> decorator
EXCEPT_STAR: Final = "guard except star"  # (classes) -> the same classes
IMPORT: Final = "guard import"  # (dotted name) -> facade; (dotted name, name) -> what it has
NO_ARGUMENT: Final = "guard no argument"  # makes an entry without parameters take the job

REFUSED: Final = frozenset(
    f"{prefix}_{name}"
    for prefix, names in {
        "gi": "frame code yieldfrom running suspended state",
        "cr": "frame code await running suspended state origin",
        "ag": "frame code await running suspended state",
        "tb": "frame next lasti",
        "f": "back builtins code generator globals lasti lineno locals trace trace_lines "
        "trace_opcodes",
        "co": "argcount cellvars code consts exceptiontable filename firstlineno flags freevars "
        "kwonlyargcount lines linetable lnotab name names nlocals positions posonlyargcount "
        "qualname stacksize varnames branches",
    }.items()
    for name in names.split()
)
"""Attributes of frames, tracebacks, code and suspended functions (A9)."""

STEPPING: Final = frozenset({"send", "throw", "asend", "athrow"})
"""Methods that step a generator or coroutine by hand, allowed on job code's own generators (A10).

Other objects may have methods of these names.
"""

OF_CONTEXTS: Final = frozenset({"flags", "traps"})
"""Attributes of decimal contexts that point into the context's memory (A11).

Other objects may have attributes of these names.
"""

WATCHED: Final = (
    STEPPING | OF_CONTEXTS | {"format", "format_map", "groupindex", "mro", "obj", "register"}
)
"""Public names that are harmless on most objects and not on some."""

_SPECIAL: Final = (
    "init new post_init repr str bytes format bool hash len length_hint iter next "
    "reversed contains getitem setitem delitem missing call enter exit aenter aexit "
    "aiter anext await lt le eq ne gt ge add sub mul matmul truediv floordiv mod divmod "
    "pow lshift rshift and or xor radd rsub rmul rmatmul rtruediv rfloordiv rmod "
    "rdivmod rpow rlshift rrshift rand ror rxor iadd isub imul imatmul itruediv "
    "ifloordiv imod ipow ilshift irshift iand ior ixor neg pos abs invert int float "
    "complex index round trunc floor ceil get set delete set_name init_subclass "
    "class_getitem getattr setattr delattr copy deepcopy dir sizeof"
)
SPECIAL_METHODS: Final = frozenset(f"__{name}__" for name in _SPECIAL.split())
"""Special methods a class may define, and call on its own instances or through ``super()``."""

SETTABLE_METHODS: Final = SPECIAL_METHODS - {"__new__"}
"""Special methods that may be set on a class later. A3: not ``__new__``, which an enumeration made
of the class has checked already."""

CLASS_VARIABLES: Final = frozenset({"__slots__", "__match_args__", "__hash__", "__doc__"})
"""Special names a class body may assign."""

CLASS_NAMES: Final = CLASS_VARIABLES - {"__match_args__"}
"""Special names that stand alone in a class body only; those of methods do everywhere."""

TITLES: Final = frozenset({"__name__", "__qualname__", "__doc__", "__module__"})

WRITABLE_TITLES: Final = frozenset({"__name__", "__qualname__", "__doc__"})

ABOUT_THE_SOURCE: Final = frozenset({"__version__", "__author__", "__all__"})
"""What authors write at the top of a file; Python reads none of them of a job."""

READABLE: Final = (
    TITLES
    | SPECIAL_METHODS
    | CLASS_VARIABLES
    | {"__class__", "__dict__", "__members__", "__cause__", "__context__", "__notes__"}
    | {"__suppress_context__"}
)
"""Special names that may be read, each under its own rule (see ``dunder.py``)."""

NAMEDTUPLE_NAMES: Final = frozenset({"_make", "_replace", "_asdict", "_fields", "_field_defaults"})
ENUM_NAMES: Final = frozenset({"_value_", "_name_", "_missing_", "_generate_next_value_"})


def is_dunder(name: str) -> bool:
    """Whether Python could mean something by ``name``; underscores alone are anybody's."""
    return name.startswith("__") and name.endswith("__") and name.strip("_") != ""


def kind_of(name: str) -> Kind:
    """Return how the attribute ``name`` is treated."""
    if name.startswith("_"):
        if not is_dunder(name):
            return "private"
        return "dunder" if name in READABLE else "refused"
    if name in REFUSED:
        return "refused"
    return "watched" if name in WATCHED else "plain"
