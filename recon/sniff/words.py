"""Words: what columns and row types are called, by record field and by kind, in the languages that exports come in.

Data, not logic: a new word goes into its list. Names are compared in small letters, with marks taken as spaces.
"""

from __future__ import annotations

import re

#: Field -> what columns with it are called. The first lists win where two fields share a word.
FIELDS: dict[str, tuple[str, ...]] = {
    "settled_amount": ("settled amount", "settlement amount gross", "gross nc", "정산기준금액"),
    "settled_currency": ("settled currency", "settlement currency", "payout currency", "net currency", "정산통화"),
    "net": ("net", "net amount", "amount net", "payout amount", "settlement amount", "netto", "nettobetrag", "auszahlungsbetrag",
            "montant net", "importe neto", "정산금액", "입금액", "지급액", "정산예정금액", "지급예정금액", "입금예정액", "実入金額", "入金額"),
    "tax": ("tax", "vat", "gst", "fee tax", "fee vat", "tax on fee", "vat on fee", "mwst", "ust", "umsatzsteuer", "tva", "iva",
            "부가세", "부가가치세", "수수료부가세", "수수료vat", "消費税"),
    "fee": ("fee", "fees", "commission", "charge fee", "processing fee", "fee amount", "mdr", "gebühr", "gebuehr", "gebühren",
            "entgelt", "provision", "frais", "comisión", "comision", "commissione", "수수료", "결제수수료", "가맹점수수료",
            "수수료금액", "手数料"),
    "amount": ("amount", "gross", "gross amount", "transaction amount", "payment amount", "order amount", "value", "total",
               "betrag", "brutto", "bruttobetrag", "umsatz", "montant", "montant brut", "importe", "importo", "bedrag", "kwota",
               "거래금액", "결제금액", "승인금액", "매출금액", "금액", "取引金額", "金額", "交易金额"),
    "captured_amount": ("captured amount", "amount captured", "매입금액"),
    "balance_after": ("balance", "running balance", "balance after", "saldo", "solde", "잔액", "거래후잔액"),
    "currency": ("currency", "currency code", "ccy", "cur", "währung", "waehrung", "devise", "moneda", "valuta", "waluta", "통화",
                 "통화코드", "通貨"),
    "kind": ("type", "transaction type", "kind", "event type", "reporting category", "category", "record type", "operation",
             "status type", "art", "typ", "vorgang", "buchungsart", "transaktionsart", "opération", "tipo", "soort", "구분",
             "거래구분", "거래유형", "결제구분", "승인구분", "거래종류", "처리구분", "상태", "種別", "取引種別", "交易类型"),
    "status": ("status", "state", "order status", "payment status", "주문상태", "결제상태", "상태"),
    "payment_order_id": ("payment order id", "merchant reference", "merchant order id", "merchant order", "our reference",
                         "client reference", "external reference", "external id", "invoice id", "invoice", "merchant ref",
                         "reference", "referenz", "händlerreferenz", "haendlerreferenz", "kundenreferenz", "bestellreferenz",
                         "référence", "referencia", "가맹점주문번호", "상점주문번호", "주문번호", "order reference"),
    "order_id": ("order id", "order no", "order number", "shop order", "bestellnummer", "bestellung", "auftragsnummer",
                 "numéro de commande", "pedido", "주문번호", "注文番号", "订单号"),
    "payout_id": ("payout id", "payout", "batch", "batch id", "batch number", "settlement id", "settlement batch", "transfer id",
                  "auszahlung", "auszahlungsnummer", "abrechnung", "abrechnungsnummer", "정산번호", "지급번호", "정산회차"),
    "natural_id": ("id", "transaction id", "balance transaction id", "entry id", "line id", "row id", "movement id", "unique id",
                   "record id", "sequence", "lfd nr", "vorgangsnummer", "거래번호", "거래고유번호", "일련번호", "tid"),
    "entry_id": ("entry id", "posting id", "id", "line id", "buchungsnummer"),
    "journal_id": ("journal id", "journal", "voucher", "beleg", "belegnummer", "전표번호"),
    "psp_reference": ("psp reference", "payment id", "transaction id", "charge id", "capture id", "payment reference",
                      "transaction reference", "processor reference", "transaktionsnummer", "transaktionsid", "zahlungsnummer",
                      "id de transaction", "거래번호", "승인번호", "결제번호", "거래id", "tid", "取引id", "交易号"),
    "bank_reference": ("bank reference", "transaction reference", "bankreferenz", "거래번호"),
    "customer_reference": ("customer reference", "reference", "kundenreferenz"),
    "end_to_end_id": ("end to end id", "endtoendid", "ende zu ende referenz", "e2e"),
    "account": ("account", "merchant account", "merchant id", "mid", "merchant", "store id", "konto", "kontonummer", "iban",
                "compte", "cuenta", "상점아이디", "상점id", "가맹점번호", "가맹점id", "계좌번호", "加盟店"),
    "psp": ("psp", "provider", "acquirer", "processor"),
    "occurred_at": ("occurred at", "created", "created at", "creation date", "transaction date", "transaction time", "date time",
                    "payment date", "capture date", "date", "datum", "buchungsdatum", "transaktionsdatum", "zeitpunkt", "fecha",
                    "거래일시", "거래일자", "거래일", "승인일시", "승인일자", "결제일시", "결제일자", "결제일", "매출일자", "매출일", "取引日時", "取引日"),
    "settled_on": ("settled on", "settlement date", "payout date", "value date", "available on", "booking date", "wertstellung",
                   "valuta", "auszahlungsdatum", "abrechnungsdatum", "정산일", "정산일자", "지급일", "지급일자", "정산예정일", "입금일",
                   "지급예정일", "입금예정일", "入金日"),
    "posted_at": ("posted at", "posting date", "created at", "date", "buchungsdatum", "전기일시"),
    "booked_on": ("booked on", "booking date", "date", "buchungstag", "datum", "거래일자", "거래일", "일자"),
    "value_on": ("value on", "value date", "valuta", "wertstellung"),
    "updated_at": ("updated at", "updated", "modified", "last change", "수정일시"),
    "created_at": ("created at", "created", "생성일시", "주문일시"),
    "fx_rate": ("fx rate", "exchange rate", "rate", "wechselkurs", "kurs", "환율"),
    "counterparty": ("counterparty", "partner name", "name", "payee", "payer", "거래상대", "적요"),
    "memo": ("memo", "description", "note", "comment", "details", "label", "text", "verwendungszweck", "bemerkung", "libellé",
             "concepto", "비고", "메모", "적요", "내용", "摘要"),
}  # fmt: skip
#: Unsigned columns of money to us, and of money from us.
CREDIT = (
    "credit",
    "credit amount",
    "haben",
    "gutschrift",
    "crédit",
    "crédito",
    "abono",
    "avere",
    "입금",
    "입금액",
    "대변",
)
DEBIT = (
    "debit",
    "debit amount",
    "soll",
    "belastung",
    "débit",
    "débito",
    "cargo",
    "dare",
    "출금",
    "출금액",
    "차변",
    "지급액",
)
#: Values of a column that says the direction of an unsigned amount.
INCOMING = ("c", "cr", "credit", "h", "haben", "in", "+", "입금")
OUTGOING = ("d", "dr", "debit", "s", "soll", "out", "출금")
#: Raw row type -> kind of a settlement line.
KINDS: dict[str, tuple[str, ...]] = {
    "chargeback_reversal": ("chargeback reversal", "chargebackreversed", "dispute reversal", "dispute won", "chargeback won"),
    "chargeback": ("chargeback", "cbk", "dispute", "dispute lost", "rückbuchung", "rückbelastung", "차지백", "이의제기"),
    "refund": ("refund", "refunded", "rfnd", "ref", "partial refund", "return", "credit note", "reversal", "void", "cancel",
               "cancelled", "canceled", "cancellation", "erstattung", "rückerstattung", "storno", "remboursement", "reembolso",
               "terugbetaling", "zwrot", "취소", "부분취소", "전체취소", "승인취소", "매입취소", "환불", "取消", "返金", "退款"),
    "fee": ("fee", "fees", "commission", "gebühr", "entgelt", "frais", "수수료", "手数料"),
    "payout": ("payout", "payouts", "settlement", "withdrawal", "transfer", "auszahlung", "virement", "지급", "정산", "입금", "出金"),
    "reserve_release": ("reserve release", "release", "유보해제"),
    "reserve": ("reserve", "hold", "rolling reserve", "유보", "보류"),
    "adjustment": ("adjustment", "correction", "adj", "korrektur", "ajustement", "조정", "정정"),
    "capture": ("capture", "captured", "sale", "sales", "payment", "charge", "purchase", "settled", "paid", "order", "verkauf",
                "zahlung", "kauf", "vente", "paiement", "venta", "pago", "betaling", "sprzedaż", "승인", "결제", "매입", "매출",
                "売上", "支払", "支付"),
}  # fmt: skip
#: Currency signs and words in a column's name.
CURRENCY_SIGNS = {"€": "EUR", "£": "GBP", "₩": "KRW", "원": "KRW", "円": "JPY", "zł": "PLN"}
#: The zone that files with such text or such a currency mostly use; a guess that is always to be confirmed.
ZONES = {
    "KRW": "Asia/Seoul",
    "JPY": "Asia/Tokyo",
    "CNY": "Asia/Shanghai",
    "INR": "Asia/Kolkata",
    "GBP": "Europe/London",
}


#: What providers are called in their own files, where that is not their name in a format.
PROVIDERS: dict[str, str] = {
    "카카오페이": "kakaopay",
    "네이버페이": "naver_pay",
    "토스페이먼츠": "toss",
    "tosspayments": "toss",
    "이니시스": "kg_inicis",
    "inicis": "kg_inicis",
    "kcp": "nhn_kcp",
}


def normal(name: str) -> str:
    """A column's name or a row type for comparing: small letters, camelCase apart, marks as spaces."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return " ".join(re.sub(r"[^\w%]+|_", " ", apart).casefold().split())


def likeness(name: str, words: tuple[str, ...]) -> int:
    """How well a name fits a list: 100 the same, 60 to 90 it holds a whole phrase of the list, 0 not at all."""
    found = normal(name)
    if found in words:
        return 100
    plain = re.sub(r"\b(?:eur|usd|krw|gbp|jpy|원|nc|gc|amt)\b", "", found).strip()
    if plain and " ".join(plain.split()) in words:
        return 95
    best = 0
    for word in words:
        asian = not word.isascii() and len(word) > 1 and word in found
        if asian or (len(word) > 2 and re.search(rf"\b{re.escape(word)}\b", found)):
            best = max(best, 60 + min(30, 30 * len(word) // len(found)))
    return best


def kind_of(raw: str) -> str:
    """The kind that a row type stands for; empty where no list has it."""
    found = normal(raw)
    for kind, words in KINDS.items():
        if found in words:
            return kind
    for kind, words in KINDS.items():
        if any(len(word) > 3 and re.search(rf"\b{re.escape(word)}\b", found) for word in words):
            return kind
    return ""
