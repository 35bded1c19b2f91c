"""Guards: the checks that compiled job code passes through at run time, and the attacks behind them.

Job code runs in one process with code of the host: ours, and Python's library. It cannot name what
the guards keep from it, so an attack has host code do it instead. Each kind of attack has a number,
which comments, the table of patches and the corpus in ``tests/sandbox`` cite.

A1, comparison leak. Host code compares an object with one of a job's: by ``==``, ``in`` or a
    look-up in a dictionary. The job's own ``__eq__`` then receives the host's object as its
    argument. Example: ``pattern.groupindex == Listener()``, where ``Listener.__eq__`` receives
    the pattern's real dictionary.

A2, cache leak. A library keeps results for whoever asks next and finds them by comparing the
    arguments. A job's argument that equals another caller's, or is only compared with it (A1),
    gets hold of what was kept, or puts its own in the place. Example: ``re.compile("a",
    Flags())``, where ``Flags`` equals every number.

A3, ``__new__`` that returns something else. A library makes an object of a job's class and then
    writes to what it was given. The class's ``__new__`` returns a function or class of the
    host's, which is written to past the guards. Example: ``def __new__(cls): return
    json.dumps``, then ``copy.copy(instance)``.

A4, an object that lies about its type. Library code asks ``isinstance`` or reads ``__class__``,
    ``__mro_entries__`` or a registered abstract class, and a job's object answers as it likes,
    or differently the second time. It is then treated as something it is not. Example: a base
    whose ``__mro_entries__`` gives ``(object,)`` when it is checked and ``(Field,)`` when the
    class is made.

A5, a name that lies. An attribute's name, a keyword or a pattern is an instance of a subclass
    of ``str``. Its methods give a harmless text to the check and another to whoever uses it
    afterwards, or read the host's text that it is joined with. Example: ``getattr(job,
    Name("id"))``, where ``Name.startswith`` always says no.

A6, state left between runs. A job changes something that is not its own: a module, a class of
    the library's, a table, a decimal context. Host code in the same process, or a later run,
    would find it changed. Example: ``json.JSONEncoder.item_separator = "…"``.

A7, unbound method on a foreign object. A method taken from a class of the library's is called
    with any other object as ``self``. Written in Python, it reads and writes that object's
    attributes past the guards. Example: ``calendar.Calendar.setfirstweekday(json.JSONEncoder,
    5)``.

A8, text that is evaluated. Library code executes or evaluates text: annotations, forward
    references, the source that ``dataclass`` and ``namedtuple`` write. Text of a job's choice
    would run there as code without a policy, or be looked up in a module of the host's.
    Example: ``@dataclass class D: a: "__import__('os')"``.

A9, the way to the interpreter. Python's objects lead by attributes to frames, code, globals,
    tracebacks and the list of all classes. One such attribute, by whatever spelling, is enough
    to leave the policy. Example: ``(lambda: 0).__globals__``,
    ``().__class__.__base__.__subclasses__()``.

A10, stepping a suspended host function. A coroutine or generator of the host's waits for
    something. Whoever steps it by hand gets the future it waits for, or answers in the host's
    place. Example: ``job.user().send(None)``.

A11, memory-unsafe C. Functions written in C trust what they are given: that it is of the class
    its maker says, or that it does not change meanwhile. A job's object that breaks this reads
    or writes memory, or crashes the process. Example: ``except*`` beside an exception group
    whose ``split()`` returns something else.

A12, class made past the checks. A class gets a base, a metaclass, a slot or a
    ``__match_args__`` that was not checked. Its instances, or patterns that name it, then do
    what the guards refuse. Example: ``type(Enum)("X", (Field,), {})``.

A13, library code that works for the job. A function of the library's reads or writes attributes
    by a name it is given, with the host's rights. The job has it read what the job itself may
    not. Example: ``"{0.__globals__}".format(f)``, ``attrgetter("gi_frame")``.

A14, a name that is not given. A builtin or module that reaches files, processes, the network or
    code is asked for by its name. The name may be hidden by Unicode letters, another scope, or
    an import that may fail. Example: ``import os``, ``eval(text)``.

A15, exhaustion. Code uses time, memory, stack or messages without end. Nothing in the policy
    can know it beforehand. Example: ``while True: pass``.

A16, forged message. Code speaks to the engine by the channel itself, or says that it is
    somebody else. The engine trusts no frame and no name in it. Example: ``{"verb": "data.get",
    "user": "user_bob"}``.

A17, the machine beneath. Code that left the policy opens files and sockets, starts processes,
    or takes down Python's own wall. The walls refuse it, whatever Python was made to do.
    Example: ``open("/etc/passwd")`` in a child without a policy.

``docs/architecture.md`` says the same with the corpus files that try each.
"""

from typing import Final

ATTACKS: Final = {
    "A1": "comparison leak",
    "A2": "cache leak",
    "A3": "__new__ that returns something else",
    "A4": "an object that lies about its type",
    "A5": "a name that lies",
    "A6": "state left between runs",
    "A7": "unbound method on a foreign object",
    "A8": "text that is evaluated",
    "A9": "the way to the interpreter",
    "A10": "stepping a suspended host function",
    "A11": "memory-unsafe C",
    "A12": "class made past the checks",
    "A13": "library code that works for the job",
    "A14": "a name that is not given",
    "A15": "exhaustion",
    "A16": "forged message",
    "A17": "the machine beneath",
}
"""The name of each class of attack by its number."""
