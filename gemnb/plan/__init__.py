"""What notebooks would ask and what that would cost, before any of it is paid for.

`plan_notebook` reads and runs nothing; `execute_notebook` runs a notebook in mode plan, in which nothing is called.
"""

from gemnb.plan.cells import Places, Planned, What
from gemnb.plan.execute import Executed, Stop, execute_notebook
from gemnb.plan.report import as_json, as_table, executed_lines
from gemnb.plan.walk import plan_notebook

__all__ = [
    "Executed",
    "Places",
    "Planned",
    "Stop",
    "What",
    "as_json",
    "as_table",
    "execute_notebook",
    "executed_lines",
    "plan_notebook",
]
