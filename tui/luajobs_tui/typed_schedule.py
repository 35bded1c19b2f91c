"""A schedule as people type it; read as every face reads it."""

from luajobs_kit.timing.typed import EXAMPLES as EXAMPLES
from luajobs_kit.timing.typed import read_schedule as read_schedule
