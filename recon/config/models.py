"""The shapes of recon.yaml, rule files and format files, as pydantic models; `recon schema` prints them as JSON Schema.

Values arrive as text (recon/config/yaml_file.py), so every type here says how its text is written. What needs more than
one key to judge (names, types of expressions, balance of postings) is checked by the loaders.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema


class Shape(BaseModel):
    """A mapping whose keys are all known."""

    model_config = ConfigDict(extra="forbid", populate_by_name=False)


def _whole(value: Any) -> int:
    if isinstance(value, str) and re.fullmatch(r"-?(0|[1-9][0-9]{0,17})", value):
        return int(value)
    raise ValueError(f"a whole number is expected, {value!r} found")


def _counted(value: Any) -> int:
    number = _whole(value)
    if number < 0:
        raise ValueError(f"zero or more is expected, {value!r} found")
    return number


def _percent(value: Any) -> int:
    number = _whole(value)
    if not 0 <= number <= 100:
        raise ValueError(f"a whole percentage from 0 to 100 is expected, {value!r} found")
    return number


def _flag(value: Any) -> bool:
    if value in ("true", "false"):
        return bool(value == "true")
    raise ValueError(f"true or false is expected, {value!r} found")


def _list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _day(value: Any) -> date:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError(f"a date is expected, {value!r} found; write it as 2026-11-19")


def _minutes(value: Any) -> int:
    match = re.fullmatch(r"([0-9]{1,4}) (minute|hour)s?", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"a length of time is expected, {value!r} found; write it as 15 minutes or 2 hours")
    return int(match[1]) * (60 if match[2] == "hour" else 1)


def _seconds(value: Any) -> int:
    match = re.fullmatch(r"([0-9]{1,5}) (second|minute|hour)s?", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"a length of time is expected, {value!r} found; write it as 60 seconds or 5 minutes")
    return int(match[1]) * {"second": 1, "minute": 60, "hour": 3600}[match[2]]


def _bytes(value: Any) -> int:
    match = re.fullmatch(r"([1-9][0-9]{0,5}) ?(MB|GB)", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"a size is expected, {value!r} found; write it as 500MB or 20GB")
    return int(match[1]) * {"MB": 1_000_000, "GB": 1_000_000_000}[match[2]]


def _address(value: Any) -> Any:
    if isinstance(value, str) and not re.fullmatch(r"https?://[^/@?#\s]+/?", value):
        # Not repeated: credentials may stand in it.
        raise ValueError("an address without path or credentials is expected; write it as https://minio.example:9000")
    return value


def _business_days(value: Any) -> int:
    match = re.fullmatch(r"([0-9]{1,3}) business days?", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"a number of business days is expected, {value!r} found; write it as 5 business days")
    return int(match[1])


def _pattern(pattern: str, said: str) -> BeforeValidator:
    def read(value: Any) -> Any:
        if isinstance(value, str) and not re.fullmatch(pattern, value):
            raise ValueError(f"{said} is expected, {value!r} found")
        return value

    return BeforeValidator(read)


def _filled(value: Any) -> Any:
    if isinstance(value, str) and not value.strip():
        raise ValueError("text is expected, none found")
    return value


Whole = Annotated[int, BeforeValidator(_whole)]
Count = Annotated[int, BeforeValidator(_counted), Field(json_schema_extra={"minimum": 0})]
Percent = Annotated[int, BeforeValidator(_percent), Field(json_schema_extra={"minimum": 0, "maximum": 100})]
Flag = Annotated[bool, BeforeValidator(_flag)]
Day = Annotated[date, BeforeValidator(_day)]
Words = Annotated[
    list[str],
    BeforeValidator(_list),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
Minutes = Annotated[int, BeforeValidator(_minutes), WithJsonSchema({"type": "string", "examples": ["15 minutes"]})]
Seconds = Annotated[int, BeforeValidator(_seconds), WithJsonSchema({"type": "string", "examples": ["60 seconds"]})]
Bytes = Annotated[int, BeforeValidator(_bytes), WithJsonSchema({"type": "string", "examples": ["20GB"]})]
BusinessDays = Annotated[
    int, BeforeValidator(_business_days), WithJsonSchema({"type": "string", "examples": ["5 business days"]})
]
Text = Annotated[str, BeforeValidator(_filled)]
NAME = r"[a-z][a-z0-9_]{0,59}"
Name = Annotated[
    str,
    _pattern(NAME, "a name in lower snake case (letters a-z, digits, _)"),
    Field(json_schema_extra={"pattern": f"^{NAME}$"}),
]
#: Amounts in major units, by currency: a whole number, or decimal text in quotes.
Amounts = Annotated[
    dict[str, str],
    WithJsonSchema({"type": "object", "additionalProperties": {"anyOf": [{"type": "integer"}, {"type": "string"}]}}),
]
Facts = Annotated[
    dict[str, str],
    WithJsonSchema({"type": "object", "additionalProperties": {"type": ["string", "integer", "boolean"]}}),
]
ClassName = Literal["auto_fix", "manual_review", "investigate"]


# --- rule files -------------------------------------------------------------------------------------------------------


class SideModel(Shape):
    record: str = Field(description="Record vocabulary: settlement_line, ledger_entry, payment_order ...")
    where: str | None = Field(None, description="Which records of that vocabulary belong to this side.")
    kinds: Words = Field([], description="Kinds that this side speaks of; none: all.")
    claims: str | None = Field(
        None, description="Where it does not hold, the record asserts no money and waits in silence."
    )
    optional: Flag = Field(False, description="A group may clear without it.")
    onlooker: Flag = Field(False, description="Its records count, and are unclaimed where no other side takes them.")


class ExcludeModel(Shape):
    record: str
    where: str
    why: Text


class PassModel(Shape):
    name: Name
    on: Words = Field(description="Record fields that have to be equal.")
    within_days: Count | None = None
    unique: Flag = False
    suggest: Flag = Field(False, description="Never clears: proposes one partner, or says that there are several.")
    texts: Words = Field([], description="SIDE.FIELD: texts in which the reference of `on` is looked for as a word.")
    sums: Words = Field([], description="Two sides: groups of them are united where exactly one choice adds up.")
    opposite: Words = Field([], description="Sides whose amounts have the other sign than the rest.")
    most: Count = Field(12, description="Of `sums`: groups that one window may hold; at most 16.")


KO = Field("", description="The same in Korean, for the report; it may only name what the English text names.")


class MustModel(Shape):
    holds: str
    code: Name = Field(alias="else")
    class_: ClassName = Field("investigate", alias="class")
    why: Text
    next_step: Text
    why_ko: str = KO
    next_step_ko: str = KO


class LifecycleModel(Shape):
    by: str
    must: list[MustModel] = []


class DueModel(Shape):
    business_days: Count
    after: Words


class WaitModel(Shape):
    """A group that does not agree is pending while this holds."""

    why: Text = Field(description="The reason that pending.csv shows.")
    while_: str = Field(alias="while")
    business_days: Count | None = Field(None, description="And for how long; without it, as long as it holds.")
    after: Words = Field([], description="Sides: from the first day of the first of these that is there.")


class DifferenceModel(Shape):
    """What a break is off by."""

    amount: str = Field(description="Minor units: what reports show as the difference.")
    currency: str


class RuleModel(Shape):
    code: Name
    when: str
    class_: ClassName = Field(alias="class")
    why: Text
    next_step: Text
    why_ko: str = KO
    next_step_ko: str = KO
    proven: str | None = Field(None, description="Where it does not hold, an auto_fix becomes manual_review.")
    fix: str | None = None
    limit: Amounts = Field({}, description="Per currency, in major units, up to and including.")
    deadline: BusinessDays | None = None
    owner: str = ""
    auto_approve: Flag = Field(False, description="Its automatic fixes need no person (docs/fix-queue.md).")
    stops_fixes: Flag = Field(False, description="While such a break is open, nothing is fixed automatically.")
    fires_on: list[Facts] = []
    silent_on: list[Facts] = []


class PostingModel(Shape):
    account: Text
    amount: str = Field(description="Minor units; the postings of a journal sum to zero per currency.")
    currency: str


class JournalModel(Shape):
    memo: str = ""
    kind: Name | None = Field(None, description="Kind of its entries in the ledger; without it, that of the group.")
    postings: list[PostingModel]


class UpdateModel(Shape):
    side: str
    seen: Words = Field(description="Fields that must still hold what the night saw.")
    set: dict[str, str]


class MessageModel(Shape):
    channel: Name = Field(description="Where it is sent, by name.")
    side: str = Field(description="The side whose record is sent again.")
    key: str = Field(description="Field of its record that is the message's idempotency key: the id of the event.")
    body: dict[str, str] = Field(description="Fields of the message; texts with placeholders.")


class FixModel(Shape):
    """Exactly one of the three."""

    journal: JournalModel | None = None
    update: UpdateModel | None = None
    message: MessageModel | None = None


class BrakeModel(Shape):
    fixes: Count
    share_percent: Percent
    amount: Amounts = {}


class RuleFile(Shape):
    """A reconciliation: rules/NAME.yaml (docs/rules.md)."""

    reconciliation: Name
    title: Text
    sides: dict[str, SideModel]
    excludes: list[ExcludeModel] = []
    match: list[PassModel]
    agree: list[str]
    lifecycle: LifecycleModel | None = None
    due: dict[str, DueModel] = {}
    waits: list[WaitModel] = []
    difference: DifferenceModel | None = Field(None, description="Instead of the first side less another.")
    grace: Minutes = 0
    breaks: list[RuleModel]
    fixes: dict[str, FixModel] = {}
    brake: BrakeModel | None = None


# --- format files -----------------------------------------------------------------------------------------------------


class WayModel(Shape):
    """How a value is made: exactly one of column, first, const, credit (with debit), total, join, derive."""

    column: str | None = Field(None, description="Short for `first` with one column.")
    first: Words = Field([], description="The first of these columns that is not empty.")
    const: str | None = None
    credit: str | None = Field(None, description="Unsigned column; the value is credit - debit.")
    debit: str | None = None
    total: Words = Field([], description="The sum of these columns.")
    join: Words = Field([], description="The filled ones of these columns as one text, with a space between.")
    derive: Words = Field(
        [], description="The sum of these money fields, less those with a leading -; the first has to be filled."
    )
    required: Flag = Field(False, description="A row in which it is empty is quarantined.")
    sign: Annotated[int, BeforeValidator(_whole), WithJsonSchema({"enum": [1, -1]})] | None = None
    values: dict[str, str] | None = Field(None, description="Raw text to value.")
    unknown_value: str | None = None
    currency: str | None = Field(None, description="Record field that holds this money's currency.")
    layout: str | None = Field(None, description="strptime layout of a date or instant.")
    zone: str | None = Field(None, description="IANA zone of instants without offset, or column:NAME.")
    null_values: Words | None = None
    case: Literal["upper", "lower"] | None = None
    money: Literal["major", "minor"] | None = None


class ChoiceModel(WayModel):
    when: str | None = Field(None, description="Condition over raw columns; the last choice may go without.")


class FieldModel(WayModel):
    choose: list[ChoiceModel] = []


class ControlModel(Shape):
    name: Text
    field: str
    by: Words = []
    equals: Whole = 0
    requires: str | None = None


class TotalModel(Shape):
    name: Text
    when: str = Field(description="Condition over raw columns: such a row states this total and is no record.")
    value: str | None = Field(None, description="Column with the sum.")
    field: str | None = Field(None, description="Money field of the records that it is the sum of.")
    by: dict[str, str] = Field({}, description="Record field to the column that names the group, or =TEXT.")
    where: str | None = Field(None, description="Condition over record fields: only these are in the sum.")
    money: Literal["major", "minor"] = "major"
    sign: Annotated[int, BeforeValidator(_whole), WithJsonSchema({"enum": [1, -1]})] = 1
    count: str | None = Field(None, description="Column with the number of rows, instead of a sum.")
    per: Words = Field([], description="Columns that name the group whose rows are counted.")
    spans: str | None = Field(None, description="Condition over raw columns: the total speaks of other files too.")
    advisory: Flag = Field(False, description="A difference is told and fails nothing: what is stated is not sure.")


class RefusalModel(Shape):
    when: str = Field(description="Condition over raw columns.")
    column: str
    expected: Text


class ColumnsModel(Shape):
    required: Words
    optional: Words = []


class MarkModel(Shape):
    """Where a file says something about itself: a column that every row repeats, or a cell of a line."""

    column: str | None = None
    line: Count | None = Field(None, description="Physical line, from 1.")
    cell: Count | None = Field(None, description="Cell of that line, from 1.")


class DateMarkModel(MarkModel):
    layout: Text = Field(description="strptime layout.")


class LiveMarkModel(MarkModel):
    values: Words = Field([], description="What it says of live money; anything else refuses the file.")
    name_lacks: Words = Field([], description="Words that only a test-mode file has in its name.")


class MarksModel(Shape):
    sequence: MarkModel | None = Field(None, description="The file's number in the provider's series.")
    date: DateMarkModel | None = Field(None, description="The date that the file is for.")
    live: LiveMarkModel | None = Field(None, description="Live money or test mode.")


class FormatFile(Shape):
    """How a file is read into records: rules/formats/NAME.yaml (docs/formats.md)."""

    format: Name
    title: Text
    record: str
    reader: Literal["delimited", "json", "sectioned", "excel", "camt", "mt940", "bai2", "ofx"]
    options: dict[str, Any] = {}
    zone: str = "UTC"
    columns: ColumnsModel
    identity: Words
    numbered: Flag = False
    fields: dict[str, FieldModel]
    controls: list[ControlModel] = []
    totals: list[TotalModel] = []
    refuse: list[RefusalModel] = []
    to_confirm: Annotated[list[Text], Field(description="What its user settles with a first real file.")] = []
    file: MarksModel | None = None
    docs: str = ""


# --- terms files ------------------------------------------------------------------------------------------------------

Decimal = Annotated[str, WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string"}]})]
PERCENT = "Of the settled amount without its sign: a whole number, or decimal text in quotes; below 0: given back."


class PriceModel(Shape):
    percent: Decimal = Field("0", description=PERCENT)
    fixed: Decimal = Field("0", description="Major units of the terms' currency.")


class TierModel(PriceModel):
    up_to: Decimal | None = Field(
        None, description="Greatest settled amount that it holds for; the last tier has none."
    )


class RateModel(PriceModel):
    kinds: Words = Field([], description="Kinds of lines that it is for; none: any.")
    kinds_raw: Words = Field([], description="Row types as the file writes them; none: any.")
    tiers: list[TierModel] = Field([], description="By the line's settled amount, instead of percent and fixed.")
    min: Decimal | None = Field(None, description="The fee is never below.")
    max: Decimal | None = Field(None, description="The fee is never above.")
    tax_percent: Decimal | None = Field(None, description="On the fee; without it the version's.")
    as_charged: str = Field("", description="Why the contract can't say the fee: then only its tax is proved.")


class VersionModel(Shape):
    from_: Day = Field(alias="from", description="The first business date that it holds for.")
    rates: list[RateModel] = Field(description="The first that fits a line is the line's.")
    tax_percent: Decimal = Field("0", description="Tax on the fee.")
    rounding: Literal["half_up", "half_even", "up", "down"] = Field(
        "half_up", description="To the minor unit; half_up and up away from zero."
    )


class TermsFile(Shape):
    """What a provider's contract lets it charge: terms/NAME.yaml (docs/terms.md)."""

    terms: Name
    psp: Text
    account: str = Field("", description="Only for lines of this account; without it, all of the provider's.")
    currency: str = Field(description="What the provider settles in; fixed parts are in it.")
    versions: list[VersionModel]


# --- recon.yaml -------------------------------------------------------------------------------------------------------


class CalendarModel(Shape):
    country: str | None = Field(None, description="ISO 3166 code: holidays of a country.")
    market: str | None = Field(None, description="Holidays of a market: ECB (TARGET), XNYS, XKRX.")
    extra: list[Day] = Field([], description="Further days that are not business days.")


class DatabaseModel(Shape):
    url: str = Field(description="env:NAME, file:PATH, or a literal without credentials: sqlite:///shop.sqlite")


SECRET = "env:NAME or file:PATH; the value never stands in this file."


class S3Model(Shape):
    bucket: Annotated[str, _pattern(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "the name of a bucket")]
    expected_owner: Annotated[str, _pattern(r"[0-9]{12}", "an AWS account number of 12 digits")] = Field(
        "", description="The account that has to own the bucket."
    )
    region: Annotated[str, _pattern(r"[a-z0-9-]+", "a region as eu-west-1")] = ""
    profile: str = Field("", description="A profile of the AWS configuration, for its credentials.")
    endpoint_url: Annotated[str, BeforeValidator(_address)] = Field("", description="A server that is not Amazon's.")
    anonymous: Flag = Field(False, description="Ask without credentials: a public bucket.")


class SftpModel(Shape):
    host: Annotated[str, _pattern(r"[A-Za-z0-9.:_-]+", "the name of a host")]
    port: Annotated[int, BeforeValidator(_counted), Field(ge=1, le=65535)] = 22
    user: Text
    host_key: Words = Field(description="The server's public key, as `ssh-ed25519 AAAA...`; several while it changes.")
    password: str | None = Field(None, description=SECRET)
    key: str | None = Field(None, description=f"Private key. {SECRET}")
    key_passphrase: str | None = Field(None, description=SECRET)
    folder: str = Field("", description="Where patterns start; without it, the folder that the server opens.")


class TransportModel(Shape):
    """Exactly one of the two."""

    s3: S3Model | None = None
    sftp: SftpModel | None = None


Identifier = Annotated[str, _pattern(r"[A-Za-z_][A-Za-z0-9_]{0,62}", "a name of letters, digits and _")]
APPLIES = "Of an account that may write: env:NAME, file:PATH, or a literal without credentials."
TAKES = "Templates of fixes that go here; without it, all of its kind that no other target takes."
DEDUPLICATES = "The receiver drops a message whose idempotency key it knows."


class JournalTargetModel(Shape):
    """A ledger's table that corrections are booked into."""

    url: str = Field(description=APPLIES)
    schema_: Identifier | Literal[""] = Field("", alias="schema")
    table: Identifier
    columns: dict[str, str] = Field(
        description="The table's column, and what it is given: account, currency, amount ..."
    )
    constants: dict[str, str] = Field({}, description="Further columns that are given the same text in every row.")
    key_column: Identifier = Field("recon_key", description="Holds the idempotency key; install-target adds it.")
    recorded_at: Identifier | Literal[""] = Field("", description="The column with the instant a row was written at.")
    takes: Words = Field([], description=TAKES)
    journals: Identifier = Field(
        "recon_journals", description="The table with a row for each correction; ledgers in one database have one each."
    )


class UpdateTargetModel(Shape):
    """A table whose rows are changed where they still hold what was seen."""

    url: str = Field(description=APPLIES)
    schema_: Identifier | Literal[""] = Field("", alias="schema")
    record: str = Field(description="The vocabulary that its rows are read as.")
    table: Identifier
    key: Identifier = Field(description="The column with the record's id.")
    columns: dict[str, str] = Field(description="The record's field, and the table's column.")
    stamp: Identifier | Literal[""] = Field("", description="A column that is set to the instant of the change.")
    takes: Words = Field([], description=TAKES)


class SqsTargetModel(Shape):
    queue_url: Text = Field(description="https://sqs.REGION.amazonaws.com/ACCOUNT/NAME, without credentials.")
    region: Annotated[str, _pattern(r"[a-z0-9-]+", "a region as eu-west-1")] = ""
    profile: str = Field("", description="A profile of the AWS configuration, for its credentials.")
    endpoint_url: Annotated[str, BeforeValidator(_address)] = Field("", description="A server that is not Amazon's.")
    deduplicates: Flag = Field(False, description=DEDUPLICATES)
    takes: Words = Field([], description=TAKES)


class RabbitTargetModel(Shape):
    url: str = Field(description=f"amqp://USER:PASSWORD@HOST/VHOST, as {SECRET}")
    exchange: str = Field("", description="Without it the default exchange, whose routing keys are names of queues.")
    routing_key: Text
    deduplicates: Flag = Field(False, description=DEDUPLICATES)
    takes: Words = Field([], description=TAKES)


class WebhookTargetModel(Shape):
    url: str = Field(description="https://..., or env:NAME or file:PATH where something secret stands in it.")
    secret: str | None = Field(None, description=f"Signs each request. {SECRET}")
    lookup: str = Field("", description="An address with {key}: 200 where the message arrived, 404 where it did not.")
    deduplicates: Flag = Field(False, description=DEDUPLICATES)
    takes: Words = Field([], description=TAKES)


class HandTargetModel(Shape):
    """Done by hand: `recon fixes hand-out`, and `recon fixes hand-in` of what was done."""

    takes: Words = Field([], description=TAKES)


class TargetModel(Shape):
    """Exactly one of these."""

    journal: JournalTargetModel | None = None
    update: UpdateTargetModel | None = None
    sqs: SqsTargetModel | None = None
    rabbitmq: RabbitTargetModel | None = None
    webhook: WebhookTargetModel | None = None
    by_hand: HandTargetModel | None = None


class PgpModel(Shape):
    key: str = Field(description=f"Our private key. {SECRET}")
    passphrase: str | None = Field(None, description=SECRET)
    signed_by: str | None = Field(None, description="Certificate of the sender, who then has to have signed.")


class UnpackLimitsModel(Shape):
    ratio: Annotated[int, BeforeValidator(_counted), Field(ge=1)] = 200
    size: Bytes = 20_000_000_000


class OpeningModel(Shape):
    empty_from: Day = Field(description="The first night, which starts without open items.")


class QuarantineModel(Shape):
    share_percent: Percent = 1
    rows: Count = 10


#: Words of `expected` and of its `on`; weekdays too in `on`.
EXPECTED = ("business_days", "daily", "any")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _days(value: Any) -> list[str]:
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list) or not words or not all(word in (*EXPECTED, *WEEKDAYS) for word in words):
        said = f"{value!r} found" if isinstance(value, str) else "another list found"
        raise ValueError(f"one of {', '.join(EXPECTED)} or a list of weekdays is expected, {said}; as on: [mon, thu]")
    if len(words) > 1 and any(word in EXPECTED for word in words):
        raise ValueError("one word or a list of weekdays is expected, both found; as on: [mon, thu]")
    return words


class ExpectedModel(Shape):
    """Which files have to come: a word, or what the keys say."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: Any) -> dict[str, Any]:
        return {"anyOf": [{"enum": list(EXPECTED)}, handler(core_schema)]}

    on: Annotated[
        list[str],
        BeforeValidator(_days),
        WithJsonSchema(
            {"anyOf": [{"enum": list(EXPECTED)}, {"type": "array", "items": {"enum": list(WEEKDAYS)}, "minItems": 1}]}
        ),
    ] = Field(description="The nights for which a file has to come.")
    by: Annotated[str, _pattern(r"([01][0-9]|2[0-3]):[0-5][0-9]", "a time as 06:00")] | None = Field(
        None, description="Local time in the workspace's zone, on the day that lag_days says."
    )
    count: Annotated[int, BeforeValidator(_counted), Field(ge=1, le=1000)] = Field(1, description="Files a night.")
    lag_days: Count = Field(1, description="Days after the night's date; business days where on is business_days.")


def _expected(value: Any) -> Any:
    if isinstance(value, str):
        if value not in EXPECTED:
            raise ValueError(f"{value!r} is not one of: {', '.join(EXPECTED)}; or a mapping, see docs/inputs.md")
        return {"on": value}
    return value


class SequenceModel(Shape):
    restarts: Literal["never", "yearly", "daily", "unused"] = Field(
        description="When the numbers of the files start again; unused: they do not say what is missing."
    )


class RedisModel(Shape):
    """Counters kept as sets: a record for each member of each set whose key is of the pattern."""

    database: str = Field(description="One of databases, with a URL redis:// or rediss://.")
    keys: Annotated[
        str,
        _pattern(
            r"[^\s{}]*(\{[a-z_]+\}[^\s{}]+)*\{[a-z_]+\}[^\s{}]*", "a pattern as {product_id}:{offer}:stock:{scope}"
        ),
    ]
    member: Name = Field(description="Field of the record that a set's members are.")


class SourceModel(Shape):
    record: str | None = Field(None, description="Record vocabulary; a format says it already.")
    format: str | None = None
    files: str | None = Field(None, description="Pattern under the workspace; {date} is the night's, {seq} a number.")
    transport: str | None = Field(None, description="Where the files come from, by name; without it, a folder here.")
    unpack: Annotated[list[Literal["pgp", "gzip", "zip", "bz2", "zstd"]], BeforeValidator(_list)] = Field(
        [], description="What is taken off each file, from the outside in."
    )
    pgp: PgpModel | None = None
    settle: Seconds | None = Field(None, description="A file that changed within this time is still being written.")
    database: str | None = None
    query: str | None = Field(None, description="SQL with bound :from and :to (instants, half open).")
    query_file: str | None = None
    redis: RedisModel | None = None
    money: Literal["minor", "major"] = "minor"
    moves: Literal["events", "changes", "state"] | None = None
    psp: str = ""
    account: str = ""
    calendar: str = ""
    expected: Annotated[ExpectedModel, BeforeValidator(_expected)] = ExpectedModel.model_validate({"on": "any"})
    repeats: Flag = Field(False, description="A file may hold nothing but rows that were read before.")
    sequence: SequenceModel | None = Field(None, description="Of sources whose files are numbered.")
    optional_fields: Words = []


class ApprovalsModel(Shape):
    """Ceilings that no approval passes, in major units per currency; a currency that one of them lacks has none of it."""

    per_fix: Amounts = Field(description="One fix.")
    per_rule: Amounts = Field(description="What is approved of one break rule's fixes while one night is the newest.")
    per_night: Amounts = Field(description="What is approved while one night is the newest.")
    per_person: Amounts = Field(description="What one person approves while one night is the newest.")
    approvers: Words | None = Field(None, description="Nobody else may approve; without it everybody but the maker.")


class WorkspaceFile(Shape):
    """recon.yaml: the workspace (docs/configure.md)."""

    version: Literal["1"]
    name: Text
    time_zone: str
    cut_off: Annotated[str, _pattern(r"([01][0-9]|2[0-3]):[0-5][0-9]", "a time as 00:30")] = "00:00"
    calendar: str | None = Field(None, description="The workspace's calendar, by name; without it Monday to Friday.")
    calendars: dict[str, CalendarModel] = {}
    databases: dict[str, DatabaseModel] = {}
    transports: dict[str, TransportModel] = {}
    targets: dict[str, TargetModel] = {}
    unpack_limits: UnpackLimitsModel = UnpackLimitsModel()
    state: DatabaseModel | None = None
    opening: OpeningModel | None = None
    sources: dict[str, SourceModel]
    reconciliations: Words
    terms: Words = Field([], description="What providers may charge, by name: terms/NAME.yaml.")
    look_back_days: Count = 60
    memory_limit: Annotated[str, _pattern(r"[0-9]+(\.[0-9]+)? ?(MB|GB|MiB|GiB)", "a size as 1GB")] = "1GB"
    threads: Annotated[int, BeforeValidator(_counted), Field(ge=1, le=256)] = 2
    quarantine: QuarantineModel = QuarantineModel()
    brake: BrakeModel | None = None
    approvals: ApprovalsModel | None = None
