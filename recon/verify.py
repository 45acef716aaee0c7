"""Verify: what an auditor checks of a published night, from the folder alone; and of the audit trail, by what the nights printed."""

from __future__ import annotations

from pathlib import Path

from recon.fixes.read import reading
from recon.store.folder import changed_files, manifest_sha256, published, sha256_of
from recon.store.history import inputs_of, summary_of
from recon.store.trail import Witness, verify_trail
from recon.workspace import Workspace


def verify_night(folder: Path) -> list[str]:
    """Everything that is wrong with a night, a line each; empty when it is whole.

    folder   nights/DATE of a workspace; the bytes of its inputs are in raw/ beside nights/
    """
    findings = changed_files(folder)
    if findings:
        return findings  # what is read below can't be trusted
    facts = summary_of(folder)
    findings += _inputs(folder)
    for line in facts["roll_forward"]:
        findings += _roll_forward(line)
    for reconciliation in facts["reconciliations"].values():
        findings += [
            f"tie-out: {line['psp']} {line['currency']}: residual {line['residual']}"
            for line in reconciliation["tie_out"]
            if line["residual"].strip("-0.")
        ]
    previous = facts["previous"]
    if previous:
        before = folder.parent / previous["night"]
        if not before.exists():
            findings.append(f"chain: the night before, {previous['night']}, is gone")
        elif manifest_sha256(before) != previous["manifest_sha256"]:
            findings.append(f"chain: the night before, {previous['night']}, was run again since with another result")
    return findings


def verify_audit(workspace: Workspace) -> list[str]:
    """Everything that is wrong with the audit trail, a line each. A trail that is gone is told by the nights that printed it."""
    witnesses = []
    for night in published(workspace.nights):
        told = summary_of(workspace.nights / str(night)).get("audit")
        if told:
            witnesses.append(Witness(str(night), told["records"], told["head"]))
    with reading(workspace.state_url.value, workspace.root) as connection:
        if connection is not None:
            return [str(each) for each in verify_trail(connection, witnesses)]
    known = max((each.seq for each in witnesses), default=0)
    return [f"audit trail: it is gone; the reports knew {known} records"] if known else []


def _inputs(folder: Path) -> list[str]:
    findings = []
    for entry in inputs_of(folder):
        if not entry["sha256"]:
            continue
        kept = folder.parent.parent / "raw" / entry["sha256"]
        if not kept.exists():
            findings.append(f"input: the bytes of {entry['name']} are gone from raw/")
        elif sha256_of(kept) != entry["sha256"]:
            findings.append(f"input: the bytes of {entry['name']} in raw/ are not those that were read")
    return findings


def _roll_forward(line: dict[str, object]) -> list[str]:
    counts, amounts = line["counts"], line["amounts"]
    assert isinstance(counts, dict) and isinstance(amounts, dict), line
    out = ("cleared", "carried", "read_again", "quarantined", "excluded", "replayed")
    place = f"roll-forward: {line['reconciliation']} {line['source']} {line['currency']}"
    findings = []
    if counts["brought"] + counts["new"] != sum(counts.get(name, 0) for name in out):
        findings.append(f"{place}: records do not add up")
    minor = {name: int(text) for name, text in amounts.items()}
    if minor and minor["brought"] + minor["new"] != sum(minor.get(name, 0) for name in out):
        findings.append(f"{place}: money does not add up")
    return findings
