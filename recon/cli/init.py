"""`recon init`: a small commented workspace to put one's own files into."""

from __future__ import annotations

from pathlib import Path

import click

from recon.cli.output import emit, emit_json, json_option, next_command
from recon.errors import ReconError

RECON_YAML = """\
# The workspace: where records come from and which reconciliations run. Key by key: docs/configure.md
version: 1
name: {name}
time_zone: Asia/Seoul          # a night is a calendar day of this zone ...
cut_off: "00:00"               # ... that begins at this time
calendar: KR
calendars:                     # business days; a source names its provider's
  KR: {{country: KR}}
  TARGET: {{market: ECB}}

# The first night starts without open items. A night before it is refused.
opening: {{empty_from: {first}}}

databases:                     # env:NAME or file:PATH; credentials never stand in this file
  shop: {{url: "sqlite:///shop.sqlite"}}
  # shop: {{url: env:SHOP_DATABASE_URL}}      postgresql://..., mysql://..., mariadb://...

sources:
  # A provider's files. `recon preview in/FILE --format NAME` shows how a file is read.
  adyen:
    format: adyen_settlement_details
    files: in/adyen_{{date:%Y%m%d}}.csv
    calendar: TARGET
    expected: business_days    # a night without its file is incomplete
  # The ledger's postings: events, so a row is read on the night it was posted in. Without a database to ask:
  # ledger: {{format: generic_ledger, moves: events, files: "in/ledger_{{date}}.csv"}}
  ledger:
    record: ledger_entry
    moves: events
    database: shop
    query: |
      select entry_id, journal_id, account, kind, psp, psp_reference, payment_order_id, order_id,
             currency, amount, posted_at
      from ledger_entries
      where posted_at >= :from and posted_at < :to
  # Payment orders change, so a night reads the rows that were written in it; the newest version counts. From files:
  # orders: {{format: generic_payment_order, moves: changes, files: "in/orders_{{date}}.csv"}}
  orders:
    record: payment_order
    moves: changes
    database: shop
    query: |
      select payment_order_id, order_id, psp, psp_reference, status, currency, amount, captured_amount,
             created_at, updated_at
      from payment_orders
      where updated_at >= :from and updated_at < :to

reconciliations: [payin]       # a file rules/payin.yaml here would stand in for the shipped one

# What nobody's approval passes, in major units; without it no fix can be approved. See docs/fix-queue.md
# approvals:
#   per_fix:    {{KRW: 1000000, USD: 1000}}
#   per_rule:   {{KRW: 5000000, USD: 5000}}
#   per_night:  {{KRW: 20000000, USD: 20000}}
#   per_person: {{KRW: 10000000, USD: 10000}}
#   approvers: [jane, kim]
"""

IGNORED = "nights/\nraw/\nstate/\n"


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--first-night", metavar="DATE", default="2026-01-01", show_default=True, help="First night to reconcile."
)
@json_option
def init(directory: Path, first_night: str, as_json: bool) -> None:
    """Write a commented workspace for your own files into DIRECTORY.

    Nothing that is there already is touched. The workspace passes `recon check --no-connect` as it stands.

    \b
    Example:  recon init acme --first-night 2026-11-01
    """
    from datetime import date

    try:
        first = date.fromisoformat(first_night)
    except ValueError:
        raise ReconError("bad-date", f"{first_night!r} is not a date", "write it as 2026-11-19") from None
    target = directory / "recon.yaml"
    if target.exists():
        raise ReconError("workspace-exists", f"there is a workspace in {directory} already", "choose another folder")
    name = "".join(letter if letter.isalnum() else "-" for letter in directory.resolve().name) or "workspace"
    made = []
    for folder in (directory, directory / "in", directory / "rules" / "formats"):
        folder.mkdir(parents=True, exist_ok=True)
    for file, text in ((target, RECON_YAML.format(name=name, first=first)), (directory / ".gitignore", IGNORED)):
        if not file.exists():
            file.write_text(text, encoding="utf-8")
            made.append(str(file))
    if as_json:
        emit_json({"made": made})
        return
    for file_name in made:
        emit(f"wrote {file_name}")
    next_command(f"edit {target}, then: cd {directory} && recon check")
