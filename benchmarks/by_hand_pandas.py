"""The same comparison as plain pandas: read_csv as text, group, merge, name. Same outputs as by_hand_duckdb.py."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

#: The newest day whose missing settlement is overdue on Thursday 2026-11-19.
LAST_DUE = pd.Timestamp("2026-11-16")
PLACES = {"KRW": 0, "USD": 2, "EUR": 2}


def read(path: Path, columns: list[str]) -> pd.DataFrame:
    """The columns as text; an empty field is missing."""
    return pd.read_csv(path, dtype=str, usecols=columns, keep_default_na=False, na_values=[""])


def minor(text: pd.Series, currency: pd.Series) -> pd.Series:
    """Amounts in minor units, whole numbers throughout; stops at one that is not an amount."""
    parts = text.str.extract(r"^(-?)([0-9]{1,15})(?:[.]([0-9]{1,2}))?$")
    places = currency.map(PLACES)
    decimals = parts[2].fillna("")
    bad = text.notna() & (parts[1].isna() | places.isna() | (decimals.str.len() > places))
    if bad.any():
        sys.exit(f"{int(bad.sum())} amounts can't be read")
    whole = parts[1].fillna("0").astype("int64") * (10 ** places.fillna(0).astype("int64"))
    cents = decimals.where(places == 2, "").str.ljust(2, "0").replace("", "0").astype("int64")
    return ((whole + cents) * np.where(parts[0] == "-", -1, 1)).where(text.notna()).astype("Int64")


def grouped(rows: pd.DataFrame, side: str) -> pd.DataFrame:
    """Sums and facts per payment and kind, columns named after the side."""
    found = rows.groupby(["po", "kind"], sort=False).agg(
        ref=("ref", "min"), n=("amount", "size"), amount=("amount", "sum"), low=("amount", "min"),
        high=("amount", "max"), currency=("currency", "min"), currency_max=("currency", "max"), day=("day", "min"),
    )  # fmt: skip
    found["currency"] = found["currency"].where(found["currency"] == found["currency_max"], "mixed")
    return found.drop(columns="currency_max").add_prefix(f"{side}_").reset_index()


def load(inputs: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Settlement lines, receivable postings and orders with amounts in minor units."""
    psp = read(
        inputs / "settlement.csv", ["kind", "payment_order_id", "psp_reference", "currency", "amount", "occurred_at"]
    )
    psp = psp[psp["kind"].isin(["capture", "refund", "chargeback", "chargeback_reversal"])]
    psp = psp.rename(columns={"payment_order_id": "po", "psp_reference": "ref", "occurred_at": "day"})
    ledger = read(
        inputs / "ledger.csv",
        ["account", "kind", "payment_order_id", "psp_reference", "currency", "amount", "posted_at"],
    )
    ledger = ledger[ledger["account"] == "psp_receivable"].drop(columns="account")
    ledger = ledger.rename(columns={"payment_order_id": "po", "psp_reference": "ref", "posted_at": "day"})
    columns = ["payment_order_id", "psp_reference", "status", "currency", "amount", "captured_amount", "updated_at"]
    orders = read(inputs / "orders.csv", columns)
    orders = orders.rename(
        columns={"payment_order_id": "po", "psp_reference": "ref", "updated_at": "day", "captured_amount": "captured"}
    )
    orders["captured"] = minor(orders["captured"], orders["currency"])
    for rows in (psp, ledger, orders):
        rows["amount"] = minor(rows["amount"], rows["currency"])
        rows["day"] = pd.to_datetime(rows["day"]).dt.tz_localize(None).dt.normalize()
    return psp, ledger, orders


def joined(psp: pd.DataFrame, ledger: pd.DataFrame, orders: pd.DataFrame) -> pd.DataFrame:
    """One row per payment and kind with what each side says."""
    orders = orders.add_prefix("order_").rename(columns={"order_po": "po"}).assign(kind="capture")
    both = grouped(psp.dropna(subset="po"), "psp").merge(grouped(ledger, "ledger"), on=["po", "kind"], how="outer")
    all_three = both.merge(orders, on=["po", "kind"], how="outer")
    all_three["ref"] = all_three["ledger_ref"].combine_first(all_three["order_ref"]).combine_first(all_three["psp_ref"])
    all_three["since"] = all_three["ledger_day"].combine_first(all_three["order_day"])
    all_three["order_due"] = all_three["order_captured"].combine_first(all_three["order_amount"])
    return all_three.assign(found_by="")


def take(groups: pd.DataFrame, found: pd.DataFrame, found_by: str) -> None:
    """Put settlement lines (index: the group's) into the groups that they were found to belong to."""
    for column in ("psp_amount", "psp_low", "psp_high"):
        groups.loc[found.index, column] = found["amount"]
    groups.loc[found.index, "psp_n"] = 1
    groups.loc[found.index, "psp_currency"] = found["currency"]
    groups.loc[found.index, "found_by"] = found_by


def second_look(groups: pd.DataFrame, keyless: pd.DataFrame) -> pd.DataFrame:
    """Find partners by the provider's reference, then by amount and day where only one fits."""
    waiting = groups[groups["psp_amount"].isna()][
        ["kind", "ref", "ledger_amount", "order_amount", "ledger_currency", "order_currency", "since"]
    ]
    waiting = waiting.reset_index(names="group")
    by_ref = keyless.merge(waiting[["group", "kind", "ref"]], on=["kind", "ref"])
    take(groups, by_ref.set_index("group"), "psp_reference")
    rest = keyless[~keyless["ref"].isin(by_ref["ref"])]
    waiting = waiting[~waiting["group"].isin(by_ref["group"])].drop(columns="ref")
    waiting["amount"] = waiting["ledger_amount"].combine_first(waiting["order_amount"])
    waiting["currency"] = waiting["ledger_currency"].combine_first(waiting["order_currency"])
    pairs = rest.merge(waiting, on=["kind", "amount", "currency"])
    pairs = pairs[(pairs["day"] - pairs["since"]).abs() <= pd.Timedelta(days=3)]
    pairs = pairs[~pairs.duplicated("ref", keep=False) & ~pairs.duplicated("group", keep=False)]
    take(groups, pairs.set_index("group"), "amount_and_day")
    alone = rest[~rest["ref"].isin(pairs["ref"])].assign(psp_n=1, found_by="")
    for column in ("psp_amount", "psp_low", "psp_high"):
        alone[column] = alone["amount"]
    alone = alone.rename(columns={"currency": "psp_currency", "day": "since"}).drop(columns="amount")
    return pd.concat([groups, alone], ignore_index=True) if len(alone) else groups


def name(g: pd.DataFrame) -> pd.Series:
    """cleared, pending or the break's code, the first that holds."""
    has_psp, has_ledger, has_order = g["psp_amount"].notna(), g["ledger_amount"].notna(), g["order_amount"].notna()
    psp, ledger, ordered, due = g["psp_amount"], g["ledger_amount"], g["order_amount"], g["order_due"]
    capture, refund = g["kind"] == "capture", g["kind"] == "refund"
    one_size = g["psp_low"] == g["psp_high"]
    psp_currency, ledger_currency, order_currency = g["psp_currency"], g["ledger_currency"], g["order_currency"]
    wrong_currency = (has_psp & has_ledger & (psp_currency != ledger_currency)) | (
        has_psp & has_order & (psp_currency != order_currency)
    )
    suggested = g["found_by"] == "amount_and_day"
    order_agrees = (psp == due) & (psp_currency == order_currency) & (g["status"] == "SUCCESS")
    rules = {
        "cleared": ~suggested & (psp == ledger) & (psp_currency == ledger_currency) & (~capture | order_agrees),
        "pending": ~has_psp & (g["since"] > LAST_DUE) & (~capture | ~has_ledger | ~has_order | (ledger == ordered)),
        "key_missing": suggested,
        "currency_mismatch": wrong_currency,
        "dup_capture": capture & (g["psp_n"] > 1) & one_size & (g["psp_high"] == due.combine_first(g["ledger_high"])),
        "psp_not_in_ledger": capture & has_psp & has_order & ~has_ledger & (psp == due),
        "psp_no_order": capture & has_psp & ~has_order,
        "dup_ledger_posting": (g["psp_n"] < g["ledger_n"])
        & (g["ledger_low"] == g["ledger_high"])
        & (g["ledger_high"] * g["psp_n"] == psp),
        "partial_capture": capture & (psp == due) & (due < ordered) & (ledger == ordered),
        "order_status_lag": capture
        & (psp == ledger)
        & (psp == due)
        & g["status"].isin(["PENDING", "EXECUTING", "UNKNOWN"]),
        "rounding": (psp != ledger) & ((psp - ledger).abs() <= g["psp_n"]),
        "double_refund": refund & (g["psp_n"] > 1) & one_size & (g["psp_n"] > g["ledger_n"].fillna(1)),
        "refund_not_in_ledger": refund & has_psp & ~has_ledger,
        "refund_not_at_psp": refund & ~has_psp,
        "chargeback_unbooked": (g["kind"] == "chargeback") & ~has_ledger,
        "ledger_not_in_psp": capture & ~has_psp,
        "amount_over": (psp > ledger) | ((psp == ledger) & (psp > due)),
        "amount_under": (psp < ledger) | ((psp == ledger) & (psp < due)),
    }
    conditions = [holds.fillna(False).to_numpy(dtype=bool) for holds in rules.values()]
    return pd.Series(np.select(conditions, list(rules), default="unexplained"), index=g.index)


def lifecycle(groups: pd.DataFrame) -> None:
    """Rename what only all kinds of one payment show: more refunded than captured, refunded and charged back."""
    moved = groups.loc[groups["po"].isin(groups.loc[groups["kind"] != "capture", "po"]), ["po", "kind", "psp_amount"]]
    sums = (
        moved.dropna()
        .astype({"psp_amount": "int64"})
        .pivot_table(index="po", columns="kind", values="psp_amount", aggfunc="sum")
    )
    sums = sums.reindex(columns=["capture", "refund", "chargeback"])
    over = sums.index[sums["refund"] + sums["capture"] < 0]
    twice = sums.index[(sums["refund"] < 0) & (sums["chargeback"] < 0)]
    groups.loc[groups["po"].isin(over) & (groups["kind"] == "refund"), "code"] = "refund_exceeds_capture"
    groups.loc[groups["po"].isin(twice) & (groups["kind"] == "refund"), "code"] = "refund_and_chargeback"


def main(inputs: Path, out: Path) -> None:
    """Reconcile the three files of `inputs` and leave the results in `out`."""
    out.mkdir(parents=True, exist_ok=True)
    psp, ledger, orders = load(inputs)
    groups = joined(psp, ledger, orders).rename(columns={"order_status": "status"})
    groups = second_look(groups, psp[psp["po"].isna()].drop(columns="po"))
    groups["code"] = name(groups)
    lifecycle(groups)
    said = ["psp_amount", "ledger_amount", "order_amount"]
    groups.groupby(["psp_currency", "kind", "code"], dropna=False)[said].sum().reset_index().to_parquet(
        out / "totals.parquet"
    )
    broken = groups[~groups["code"].isin(["cleared", "pending"])].sort_values(["po", "kind", "ref"])
    broken[["po", "kind", "ref", "code", "psp_currency", *said, "status"]].to_parquet(out / "breaks.parquet")
    groups[groups["code"] == "pending"].sort_values(["po", "kind"]).drop(columns="code").to_parquet(
        out / "open.parquet"
    )
    counts = {str(code): int(n) for code, n in groups["code"].value_counts().items()}
    print(json.dumps({"cleared": counts.pop("cleared", 0), "pending": counts.pop("pending", 0), "codes": counts}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
