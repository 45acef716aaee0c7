"""targets and approvals in recon.yaml: what is refused, with file, line, column and remedy, and without the secret."""

from __future__ import annotations

import pytest

from recon.config.workspace_file import load_workspace
from recon.domain.queue import Ceilings, Policy

JOURNAL = """\
  ledger:
    journal:
      url: env:LEDGER_URL
      table: ledger_entries
      recorded_at: recorded_at
      columns: {account: account, currency: currency, amount_minor: amount}
"""
UPDATE = """\
  orders:
    update:
      url: env:LEDGER_URL
      record: payment_order
      table: payment_orders
      key: id
      columns: {status: state, amount: amount_minor}
"""
HOOK = "  erp: {webhook: {url: https://erp.example/fixes, secret: env:ERP_SECRET}}\n"
QUEUE = "  stock: {rabbitmq: {url: env:BROKER_URL, routing_key: stock}}\n"
SQS = "  events: {sqs: {queue_url: https://sqs.eu-west-1.amazonaws.com/111122223333/fixes}}\n"
APPROVALS = """\
approvals:
  per_fix: {KRW: 1000, USD: 10}
  per_rule: {KRW: 5000, USD: 50}
  per_night: {KRW: 20000, USD: 200}
  per_person: {KRW: 10000, USD: 100}
  approvers: [kim, lee]
"""
SECRET = "open-sesame-4711"


@pytest.fixture(autouse=True)
def variables(monkeypatch):
    monkeypatch.setenv("LEDGER_URL", f"postgresql://recon:{SECRET}@db/shop")
    monkeypatch.setenv("ERP_SECRET", SECRET)
    monkeypatch.setenv("BROKER_URL", f"amqp://recon:{SECRET}@mq/shop")


def said(files, text: str, old: str = "", new: str = "") -> list[str]:
    """What is said of recon.yaml with these targets or approvals, one thing of them changed."""
    assert old in text, old
    before = "" if text.startswith("approvals") else "targets:\n"
    files.change("recon", "sources:\n", f"{before}{text.replace(old, new, 1) if old else text}sources:\n")
    told = files.said()
    assert SECRET not in "".join(told)
    return told


@pytest.mark.parametrize(
    ("text", "old", "new", "expected"),
    [
        (JOURNAL, "table: ledger_entries", "tabel: x", "unknown key tabel (did you mean table?)"),
        (JOURNAL, "journal:", "jurnal:", "12:5: error: unknown key jurnal (did you mean journal?)"),
        (JOURNAL, "      table: ledger_entries\n", "", "13:7: error: table is missing (add it)"),
        (
            JOURNAL,
            ", amount_minor: amount",
            "",
            "16:16: error: one column has to be given amount (columns: {COLUMN: amount})",
        ),
        (
            JOURNAL,
            "minor: amount",
            "minor: amont",
            "16:69: error: amont is not what a column can be given (did you mean amount?)",
        ),
        (JOURNAL, "amount_minor: amount", "a: amount, b: amount", "16:16: error: one column has to be given amount"),
        (
            JOURNAL,
            "amount_minor:",
            "'amount; drop':",
            "16:55: error: amount; drop is not the name of a column (letters, digits and _)",
        ),
        (JOURNAL, "ledger_entries", "a b", "14:14: error: table: a name of letters, digits and _ is expected"),
        (
            JOURNAL,
            "      recorded_at: recorded_at\n",
            "",
            "13:7: warning: what came into the ledger after the night can't be told",
        ),
        (
            JOURNAL,
            "env:LEDGER_URL",
            f"postgresql://recon:{SECRET}@db/shop",
            "13:12: error: credentials stand in the file (put the URL",
        ),
        (
            JOURNAL,
            "env:LEDGER_URL",
            "env:NOT_SET",
            "13:12: error: the environment variable NOT_SET is not set (export NOT_SET=...)",
        ),
        (
            JOURNAL,
            "env:LEDGER_URL",
            "redis://cache/0",
            "13:12: error: corrections can't be written there (sqlite, postgresql,",
        ),
        (JOURNAL, "env:LEDGER_URL", "mongodb://x/0", "13:12: error: this is not a URL of a database"),
        (
            JOURNAL,
            "amount}\n",
            "amount}\n      constants: {account: x}\n",
            "17:19: error: account is in columns too (keep one)",
        ),
        (
            JOURNAL,
            "recorded_at\n",
            "recorded_at\n      key_column: account\n",
            "account is to hold the key, and is given something else (a column of its own",
        ),
        (
            JOURNAL + JOURNAL.replace("ledger:", "second:"),
            "",
            "",
            "17:3: error: ledger takes the same fixes too (takes: [the templates",
        ),
        (JOURNAL, "  ledger:", "  Ledger!:", "11:3: error: Ledger! is not a name (lower case letters, digits and _)"),
        (
            UPDATE,
            "payment_order\n",
            "payment_orders\n",
            "14:15: error: payment_orders is not a record vocabulary (did you mean payment_order?)",
        ),
        (
            UPDATE,
            "status: state",
            "stauts: state",
            "17:17: error: stauts is not a field of payment_order (did you mean status?)",
        ),
        (
            UPDATE,
            "{status: state, amount: amount_minor}",
            "{}",
            "17:16: error: no column is named, so nothing could be compared or set (FIELD: COLUMN)",
        ),
        (UPDATE, "status: state", "status: 'state = 1'", "17:25: error: state = 1 is not the name of a column"),
        (
            UPDATE,
            "amount: amount_minor",
            "amount: state",
            "17:40: error: state would hold two fields (a column for each)",
        ),
        (UPDATE, "      key: id\n", "", "13:7: error: key is missing (add it)"),
        (
            HOOK,
            "env:ERP_SECRET",
            SECRET,
            "11:59: error: a secret stands in the file (put it in a variable, and env:NAME here; or file:PATH)",
        ),
        (
            HOOK,
            "//erp",
            f"//u:{SECRET}@erp",
            "11:24: error: credentials may stand in this address (put it in a variable: env:NAME)",
        ),
        (
            HOOK,
            "env:ERP_SECRET",
            f"env:ERP_SECRET, lookup: 'https://erp.example/{{key}}?token={SECRET}'",
            "credentials may stand in this address (one without",
        ),
        (
            HOOK,
            "env:ERP_SECRET",
            "env:ERP_SECRET, lookup: https://erp.example/fixes",
            "the look-up does not say for which key (https://.../{key})",
        ),
        (
            HOOK,
            "env:ERP_SECRET",
            "env:ERP_SECRET, lookup: 'erp/{key}'",
            "11:83: error: this is not an address (https://...)",
        ),
        (
            HOOK,
            "env:ERP_SECRET",
            "env:ERP_SECRET, lookup: 'http://erp.example/{key}'",
            "11:83: warning: this address is asked unencrypted",
        ),
        (
            QUEUE,
            "env:BROKER_URL",
            f"amqp://recon:{SECRET}@mq/shop",
            "11:27: error: the URL of a broker stands in the file (put it in",
        ),
        (
            QUEUE,
            "env:BROKER_URL",
            "env:LEDGER_URL",
            "11:27: error: this is not the URL of a RabbitMQ broker (amqps://USER:PASSWORD@HOST/VHOST)",
        ),
        (QUEUE, ", routing_key: stock", "", "11:21: error: routing_key is missing (add it)"),
        (
            SQS,
            "https://sqs",
            f"https://u:{SECRET}@sqs",
            "11:29: error: credentials may stand in this address (one without @, ? and #)",
        ),
        (SQS, "https://sqs", "sqs", "11:29: error: this is not the URL of a queue (https://...)"),
        (SQS, "fixes}", "fixes, deduplicates: perhaps}", "deduplicates: true or false is expected, 'perhaps' found"),
        (
            SQS,
            "fixes}",
            "fixes}, by_hand: {}",
            "11:3: error: a target is one of: journal, update, sqs, rabbitmq, webhook, by_hand (give exactly one)",
        ),
        (APPROVALS, "{KRW: 1000", "{KRX: 1000", "11:13: error: KRX is not an ISO 4217 currency (as KRW, USD, EUR)"),
        (APPROVALS, "{KRW: 1000", "{krw: 1000", "11:13: error: krw is not an ISO 4217 currency (as KRW, USD, EUR)"),
        (
            APPROVALS,
            "KRW: 1000,",
            'KRW: "1000.5",',
            "11:18: error: '1000.5' is not an amount of KRW (plain digits; KRW has no decimals)",
        ),
        (
            APPROVALS,
            "KRW: 1000,",
            "KRW: 1000.5,",
            "11:18: error: '1000.5' is not an amount of KRW (plain digits; KRW has no decimals)",
        ),
        (
            APPROVALS,
            "USD: 10}",
            "USD: 10.5}",
            '11:29: error: 10.5 is not a whole number (put decimals in quotes: USD: "10.5")',
        ),
        (
            APPROVALS,
            "USD: 10}",
            'USD: "10.005"}',
            "11:29: error: '10.005' is not an amount of USD (plain digits with at most 2 decimals)",
        ),
        (APPROVALS, "KRW: 1000,", "KRW: -1000,", "11:18: error: '-1000' is not an amount of KRW"),
        (APPROVALS, "KRW: 1000,", 'KRW: "1,000",', "11:18: error: '1,000' is not an amount of KRW"),
        (APPROVALS, "KRW: 1000,", "KRW: ,", "11:13: error: KRW has no value (give one, or leave the key out)"),
        (
            APPROVALS,
            "KRW: 1000,",
            "KRW: 6000,",
            "12:19: error: per_rule of KRW is below per_fix, so no fix could ever reach that (raise it",
        ),
        (
            APPROVALS,
            ", USD: 50}",
            "}",
            "12:13: error: USD has a ceiling per_fix and none per_rule, so nothing in USD could be approved (add it to per_rule)",
        ),
        (
            APPROVALS,
            ", USD: 10}",
            "}",
            "11:12: error: USD has a ceiling per_rule and none per_fix, so nothing in USD could be approved (add it to per_fix)",
        ),
        (APPROVALS, "  per_rule: {KRW: 5000, USD: 50}\n", "", "11:3: error: per_rule is missing (add it)"),
        (APPROVALS, "per_person", "per_persn", "14:3: error: unknown key per_persn (did you mean per_person?)"),
        (
            APPROVALS,
            "[kim, lee]",
            "[Kim, lee]",
            "15:15: error: 'Kim' is not a name that decisions are signed with (a login or a mail address",
        ),
        (
            APPROVALS,
            "[kim, lee]",
            "[kim, recon-auto]",
            "15:20: error: recon-auto is the program's own name (the names of people;",
        ),
        (
            APPROVALS,
            "[kim, lee]",
            "[]",
            "15:14: error: nobody may approve anything (name them, or leave approvers out)",
        ),
    ],
)
def test_what_is_wrong_is_said_where_it_stands_with_its_remedy(files, text, old, new, expected):
    told = said(files, text, old, new)
    assert any(expected in line and line.startswith("recon.yaml:") for line in told), told


def test_what_is_sound_is_taken_without_a_word(files):
    looked = HOOK.replace("env:ERP_SECRET", "env:ERP_SECRET, lookup: 'https://erp.example/fixes?key={key}'")
    assert said(files, JOURNAL + UPDATE + looked + QUEUE + SQS) == []
    assert said(files, APPROVALS) == []
    workspace = load_workspace(files.root)
    assert set(workspace.targets) == {"ledger", "orders", "erp", "stock", "events"}
    ceilings = Ceilings(
        *({"KRW": won, "USD": cents} for won, cents in ((1000, 1000), (5000, 5000), (20000, 20000), (10000, 10000)))
    )
    assert workspace.policy == Policy(ceilings, ("kim", "lee"))
    assert SECRET not in repr(workspace)
