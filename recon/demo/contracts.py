"""The shop's contracts with its providers: what each may charge, as terms files. recon/demo/files.py charges by them."""

from __future__ import annotations

#: Name -> terms/NAME.yaml of the demo's workspace.
CONTRACTS = {
    "stripe": """\
terms: stripe
psp: stripe
currency: USD
versions:
  - from: 2026-01-01
    rounding: down
    rates:
      - {kinds: [capture], percent: "2.9", fixed: "0.30"}
      - {kinds: [chargeback], fixed: "15.00"}
      - {kinds: [chargeback_reversal], fixed: "-15.00"}   # given back when the dispute is won
      - {kinds: [refund]}                                 # free of charge; the fee of the capture is kept
      - {kinds: [fee], as_charged: its invoice is checked by hand}
""",
    "adyen": """\
terms: adyen
psp: adyen
currency: EUR
versions:
  - from: 2026-01-01
    rounding: down
    rates:
      - {kinds_raw: [SettledReversed], fixed: "0.10"}
      - {kinds: [capture], percent: "1.4", fixed: "0.10"}
      - {kinds: [refund, chargeback, chargeback_reversal], fixed: "0.10"}
      - {kinds: [fee], as_charged: its invoice is checked by hand}
""",
    "toss": """\
terms: toss
psp: toss
currency: KRW
versions:
  - from: 2026-01-01
    rounding: down
    tax_percent: 10
    rates:
      - {kinds: [capture], percent: "2.5"}
      - {kinds: [refund], percent: "-2.5"}                # a cancellation gives the fee back
""",
    "nova": """\
terms: nova
psp: nova
currency: USD
versions:
  - from: 2026-01-01
    rates:
      - {as_charged: "the price differs by card (interchange++)"}
""",
    # One account has a contract of its own, with a new version from the second night on.
    "nova_cards": """\
terms: nova_cards
psp: nova
account: cards
currency: USD
versions:
  - from: 2026-01-01
    tax_percent: 10
    rates:
      - kinds: [capture]
        tiers:
          - {up_to: "100.00", percent: "2.9", fixed: "0.30"}
          - {percent: "2.4", fixed: "0.30"}
        min: "0.50"
        max: "10.00"
      - {kinds: [chargeback], fixed: "15.00"}
  - from: 2026-10-09
    tax_percent: 10
    rates:
      - {kinds: [capture], percent: "2.25"}
      - {kinds: [chargeback], fixed: "15.00"}
""",
}
