"""``namedtuple``, whose classes belong to the job."""

from __future__ import annotations

import collections
from collections.abc import Iterable
from typing import Any

from luajobs_kit.guest.guards.class_creation import adopt
from luajobs_kit.guest.guards.ownership import own


def namedtuple(
    typename: str,
    field_names: Any,
    *,
    rename: bool = False,
    defaults: Iterable[Any] | None = None,
) -> Any:
    make: Any = collections.namedtuple  # noqa: PYI024  # it is what was asked for
    made = make(typename, field_names, rename=rename, defaults=defaults, module=own.mark)
    return adopt(made)
