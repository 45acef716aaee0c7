"""recon from Python: `recon.run(workspace, date)` runs a night and gives its result, with DataFrames and Arrow tables.

>>> result = recon.run("my-shop", date(2026, 11, 19))
>>> result.breaks_frame()          # pandas, one row a break
>>> result.table("breaks")         # pyarrow
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

from recon.config.workspace_file import load_workspace
from recon.pipeline import NightResult, Notify, Options, run_night


def run(
    workspace: str | Path,
    night: date | str,
    *,
    only: tuple[str, ...] = (),
    dry_run: bool = False,
    refetch: bool = False,
    notify: Notify = lambda text: None,
    advance: Callable[[int], None] | None = None,
) -> NightResult:
    """Reconcile one night of a workspace.

    workspace   the folder that holds recon.yaml
    night       the business date, or its ISO text
    notify      told of each stage as it begins; `advance` of the number of rows that were read since it was told last
    Raises ReconError (recon.errors) for what a person can mend; a missing input makes the night `incomplete` instead.
    """
    day = date.fromisoformat(night) if isinstance(night, str) else night
    return run_night(load_workspace(Path(workspace)), day, Options(only, dry_run, refetch), notify, advance)
