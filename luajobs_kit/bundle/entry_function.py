"""The entry: which function of a source is the job, and whether it can be called as one."""

from __future__ import annotations

import ast

from luajobs_kit.errors import InvalidInput

ENTRY = "execute"  # what a lambda is called, and the name looked for first in source text

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def functions_of(tree: ast.Module) -> dict[str, FunctionNode]:
    """Return the functions at the top of a source, lambdas that have a name among them."""
    functions: dict[str, FunctionNode] = {}
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            functions[statement.name] = statement
        elif (
            isinstance(statement, ast.Assign)
            and isinstance(statement.value, ast.Lambda)
            and isinstance(statement.targets[0], ast.Name)
        ):
            functions[statement.targets[0].id] = statement.value
    return functions


def entry_of(tree: ast.Module, file: str) -> tuple[str, FunctionNode]:
    """Return the function of a source that is the job: ``execute``, else the one that no other uses.

    Raises ``InvalidInput`` where there is none, or more than one.
    """
    functions = functions_of(tree)
    if ENTRY in functions:
        return ENTRY, functions[ENTRY]
    unused = {
        name: node
        for name, node in functions.items()
        if not any(_uses(statement, name) for statement in tree.body)
    }
    if len(functions) == 1 or len(unused) == 1:
        return next(iter((functions if len(functions) == 1 else unused).items()))
    if not functions:
        raise InvalidInput(
            f"The job's source ({file}) defines no function. "
            "Write `async def execute(job): …` in it."
        )
    raise InvalidInput(
        f"The job's source ({file}) defines several functions ({', '.join(functions)}), and it does "
        "not show which one is to run: call that one `execute`."
    )


def _uses(statement: ast.stmt, name: str) -> bool:
    """Tell whether a statement uses a name, apart from a function that calls itself."""
    own = getattr(statement, "name", None) == name
    return not own and any(
        isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
        for node in ast.walk(statement)
    )


def check_shape(node: FunctionNode, shown: str) -> None:
    """Raise ``InvalidInput`` for a function that cannot be called with the job alone."""
    arguments = node.args
    positional = arguments.posonlyargs + arguments.args
    needed = [argument.arg for argument in positional[: len(positional) - len(arguments.defaults)]]
    needed = needed[1:] + [
        argument.arg
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is None
    ]
    if needed:
        raise InvalidInput(
            f"{shown} also needs {', '.join(map(repr, needed))}, but a job's function is given "
            f'the job alone: pass it in with metadata={{"{needed[0]}": …}} and read '
            f'job.metadata["{needed[0]}"].'
        )
    if _yields(node):
        raise InvalidInput(
            f"{shown} yields, but a job's function returns one result: collect what it yields "
            "in a list and return that."
        )


def _yields(node: FunctionNode) -> bool:
    pending: list[ast.AST] = list(node.body) if isinstance(node.body, list) else [node.body]
    while pending:
        piece = pending.pop()
        if isinstance(piece, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(
            piece, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef
        ):
            pending.extend(ast.iter_child_nodes(piece))
    return False
