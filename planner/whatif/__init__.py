"""What if: a named change of a case, solved again and compared.

`change` makes it (with `settings` for KEY=VALUE), `scenarios` reads it from a file, `compare` plans before and after,
`sweep` plans every combination of values.
"""

from planner.whatif.change import Change, changed, remark
from planner.whatif.compare import Comparison, Outcome, compare
from planner.whatif.planned import Figures
from planner.whatif.scenarios import read_scenarios

__all__ = ["Change", "Comparison", "Figures", "Outcome", "changed", "compare", "read_scenarios", "remark"]
