"""Totals: the proof, inside the run, that every record and every amount of the night is accounted for.

brought forward + new = cleared + carried forward + read again + quarantined + excluded + replayed, per source and currency, in records
and in minor units. What goes in is counted by ingest and from the last night's files; what comes out is counted from the
groups' outcomes and from the open items as they were written. If it does not tie, nothing is published (exit 5).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from recon.domain.records import RECORD_TYPES
from recon.domain.rulebook import Moves
from recon.engine.duck import Engine, text
from recon.engine.plan import Plan
from recon.errors import InvariantError
from recon.intake import Input, Inputs
from recon.report.facts import RollForwardLine, TieOutLine

#: What a record's outcome counts as.
_BUCKET = {
    "met": "cleared",
    "cleared": "cleared",
    "pending": "carried",
    "silent": "carried",
    "broken": "carried",
    "unclaimed": "carried",
    "lapsed": "excluded",
    "superseded": "excluded",
    "excluded": "excluded",
}
#: `read_again`: open, and of a source that is read whole each night: not carried.
OUT = ("cleared", "carried", "read_again", "quarantined", "excluded", "replayed")
BUCKETS = ("brought", "new", *OUT)
Cell = tuple[int, int]  # records, minor units


class _Lines:
    """(source, currency) -> bucket -> (records, minor units)."""

    def __init__(self) -> None:
        self.cells: dict[tuple[str, str], dict[str, Cell]] = defaultdict(dict)

    def add(self, source: str, currency: str, bucket: str, records: int, minor: int) -> None:
        cells = self.cells[source, currency]
        before = cells.get(bucket, (0, 0))
        cells[bucket] = (before[0] + records, before[1] + minor)

    def get(self, key: tuple[str, str], bucket: str) -> Cell:
        return self.cells[key].get(bucket, (0, 0))


def prove_roll_forward(
    engine: Engine, plan: Plan, inputs: Inputs, opened: Path | None, written: Path
) -> list[RollForwardLine]:
    """The roll-forward of one reconciliation, proved; raises InvariantError where it does not tie.

    opened    the folder of the last night's open items, or None; written: the folder of tonight's
    """
    lines, flows = _Lines(), _Lines()
    whole = {each.source.name for each in inputs.read if each.source.moves is Moves.STATE}
    records = {side.record for side in plan.rule.sides} | {exclude.record for exclude in plan.rule.excludes}
    for source, currency, rows, minor in _open_sums(engine, opened):
        lines.add(source, currency, "brought", rows, minor)
    for each in inputs.read:
        if each.source.record in records:
            _came(lines, each)
    for source, currency, rows, minor in _replayed(engine, sorted(records)):
        lines.add(source, currency, "replayed", rows, minor)
    for _, source, currency, brought, _, outcome, rows, minor in engine.rows(
        f"select * from {plan.table('forward')} order by all"
    ):
        bucket = _BUCKET[outcome]
        if bucket == "carried" and source in whole:
            bucket = "read_again"
        lines.add(source, currency, bucket, rows, int(minor))
        flows.add(source, currency, "brought" if brought else "new", rows, int(minor))
    _prove_cleared(engine, plan)
    _prove(plan, lines, flows)
    _prove_written(plan, lines, _open_sums(engine, written))
    return [_line(plan, key, lines) for key in sorted(lines.cells)]


def _came(lines: _Lines, read: Input) -> None:
    """What one input brings: new; and where its bytes were read before, known at once, in the same records and money."""
    status, quarantined = read.entry["status"], read.entry["quarantined"]
    if status not in ("read", "replayed"):
        return
    buckets = ("new", "replayed") if status == "replayed" else ("new",)
    for bucket in buckets:
        for _, currency, rows, minor in read.totals:
            lines.add(read.source.name, currency, bucket, rows, minor)
    if status == "replayed":  # rows of it that could not be read when they were, and are set aside since
        quarantined = read.entry["rows"] - sum(rows for _, _, rows, _ in read.totals)
    if quarantined:
        lines.add(read.source.name, "", "new", quarantined, 0)
        lines.add(read.source.name, "", "replayed" if status == "replayed" else "quarantined", quarantined, 0)


def _open_sums(engine: Engine, folder: Path | None) -> list[tuple[str, str, int, int]]:
    """Records and money of the open items in a folder, per source and currency."""
    if folder is None:
        return []
    import pyarrow.parquet as pq

    files = [path for path in sorted(folder.glob("*.parquet")) if path.stem not in ("quarantined", "remembered")]
    return _added_up(
        engine,
        [
            f"select source, {_sums('amount' in pq.read_schema(path).names)} from read_parquet({text(path)}) group by all"
            for path in files
        ],
    )


def _sums(has_money: bool) -> str:
    """Currency, records and money of rows; of goods, only how many."""
    return "coalesce(currency, ''), count(*), coalesce(sum(amount), 0)" if has_money else "'', count(*), 0"


def _replayed(engine: Engine, records: Iterable[str]) -> list[tuple[str, str, int, int]]:
    if not engine.one("select count(*) from replayed_rows"):
        return []  # as on most nights; the joins would take longer to plan than to run
    parts = [
        f"""select a.source, {_sums(RECORD_TYPES[record].has_money)} from all_{record} a join replayed_rows r
on r.record = {text(record)} and not r.restated and a.source = r.source and a.record_id = r.record_id and a.file = r.file and a.line = r.line
group by all"""
        for record in records
    ]
    return _added_up(engine, parts)


def _added_up(engine: Engine, parts: Sequence[str]) -> list[tuple[str, str, int, int]]:
    """Source, currency, records and money of each part, asked in one statement."""
    rows = engine.rows("\nunion all\n".join(parts) + "\norder by all") if parts else []
    return [(source, currency, int(count), int(minor)) for source, currency, count, minor in rows]


def _prove_cleared(engine: Engine, plan: Plan) -> None:
    """The records counted as met are, by side and currency, those of the groups that met and cleared, in count and money."""
    by_record = engine.rows(
        f"select side, currency, sum(records), sum(amount) from {plan.table('forward')} where outcome = 'met' group by all order by all"
    )
    by_group = engine.rows(
        " union all ".join(
            f"select '{side.name}', coalesce({side.name}__currency, ''), sum({side.name}__count), coalesce(sum({side.name}__amount), 0) "
            f"from {plan.table('swift_sums')} where {side.name}__count > 0 group by all"
            for side in plan.rule.sides
        )
        + " order by all"
    )
    if [tuple(map(str, row)) for row in by_record] != [tuple(map(str, row)) for row in by_group]:
        raise InvariantError("roll-forward", f"{plan.rule.name}: cleared by record {by_record}, by group {by_group}")


def _prove(plan: Plan, lines: _Lines, flows: _Lines) -> None:
    for key in sorted(set(lines.cells) | set(flows.cells)):
        source, currency = key
        for part, unit in ((0, "records"), (1, "minor units")):
            into = lines.get(key, "brought")[part] + lines.get(key, "new")[part]
            out = sum(lines.get(key, bucket)[part] for bucket in OUT)
            if into != out:
                raise InvariantError(
                    "roll-forward",
                    f"{plan.rule.name}: {source} {currency}: {into} {unit} in, {out} out: "
                    + ", ".join(f"{bucket} {lines.get(key, bucket)[part]}" for bucket in BUCKETS),
                    "nothing was published; this is a bug in recon or a file that changed under it: keep the workspace and report it",
                )
            if lines.get(key, "brought")[part] != flows.get(key, "brought")[part]:
                raise InvariantError(
                    "roll-forward",
                    f"{plan.rule.name}: {source} {currency}: brought forward does not equal what was carried",
                )


def _prove_written(plan: Plan, lines: _Lines, written: list[tuple[str, str, int, int]]) -> None:
    sums = _Lines()
    for source, currency, rows, minor in written:
        sums.add(source, currency, "carried", rows, minor)
    for key in sorted(set(lines.cells) | set(sums.cells)):
        if lines.get(key, "carried") != sums.get(key, "carried"):
            raise InvariantError(
                "roll-forward",
                f"{plan.rule.name}: {key[0]} {key[1]}: carried {lines.get(key, 'carried')}, written {sums.get(key, 'carried')}",
            )


def _line(plan: Plan, key: tuple[str, str], lines: _Lines) -> RollForwardLine:
    source, currency = key
    return RollForwardLine(
        reconciliation=plan.rule.name,
        source=source,
        currency=currency,
        counts={bucket: lines.get(key, bucket)[0] for bucket in BUCKETS},
        amounts={bucket: str(lines.get(key, bucket)[1]) for bucket in BUCKETS if currency},
    )


def prove_tie_out(lines: Iterable[TieOutLine]) -> None:
    """Every provider's tie-out has a residual of zero: what cleared is equal on both sides."""
    for line in lines:
        if line.residual.strip("-0."):
            raise InvariantError(
                "tie-out",
                f"{line.reconciliation}: {line.psp} {line.currency}: a residual of {line.residual} that no pending item and no break explains",
            )
