"""Files from S3: a real HTTP server on loopback, through a proxy that does what networks and other people do."""

from __future__ import annotations

import gzip
import hashlib
import json

import pytest
from far_shop import NIGHT, FarShop, Store, says
from servers import Request, Response, error

KEY = f"settled/stripe_{NIGHT}.csv"
SOURCE = 'transport: bucket\nfiles: "settled/stripe_{date}*.csv"'


@pytest.fixture
def far(shop: FarShop, store: Store) -> FarShop:
    """The shop with one provider's file in the bucket."""
    store.put(KEY, shop.file("stripe"), ChecksumAlgorithm="SHA256")
    shop.settle({"stripe": SOURCE}, {"bucket": store.transport()})
    return shop


def name(store: Store, key: str = KEY) -> str:
    return f"s3://{store.bucket}/{key}"


def is_object(request: Request) -> bool:
    return request.method == "GET" and KEY in request.path


def test_a_file_from_a_bucket_gives_the_breaks_of_the_same_file_in_a_folder(far, store, near):
    answer = far.night()
    assert answer.exit == 0, answer.error
    assert far.breaks() == near.breaks() != []
    entry = far.entries()[name(store)]
    assert entry["sha256"] in far.raw() and entry["status"] == "read"
    assert entry["version"] == "etag " + hashlib.md5((far.root / "raw" / entry["sha256"]).read_bytes()).hexdigest()
    [get] = store.proxy.gets()
    assert get.headers["if-match"] == f'"{entry["version"].removeprefix("etag ")}"'


def test_a_rerun_reads_what_the_night_kept_and_asks_for_no_object(far, store):
    assert far.night().exit == 0
    before = far.everything()
    store.put(KEY, b"something else")
    store.proxy.seen.clear()
    assert far.night().exit == 0
    assert far.everything() == before and store.proxy.gets() == []


def test_the_version_is_pinned_where_the_bucket_keeps_versions(far, store):
    store.client.put_bucket_versioning(Bucket=store.bucket, VersioningConfiguration={"Status": "Enabled"})
    data = store.client.get_object(Bucket=store.bucket, Key=KEY)["Body"].read()
    put = store.client.put_object(Bucket=store.bucket, Key=KEY, Body=data)
    cut = cut_first(1)

    def replaced_after_the_cut(request: Request, response: Response) -> Response:
        response = cut(request, response)
        if response.cut_at is not None:
            store.put(KEY, b"natural_id\n")
        return response

    store.proxy.act = replaced_after_the_cut
    assert far.night().exit == 0
    first, second = store.proxy.gets()
    assert "versionId" not in first.path and f"versionId={put['VersionId']}" in second.path
    assert far.entries()[name(store)]["version"].endswith(f", version {put['VersionId']}")
    assert far.entries()[name(store)]["sha256"] == hashlib.sha256(data).hexdigest()


# --- E10 to E16 ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "code"), [(503, "SlowDown"), (503, "ServiceUnavailable"), (500, "InternalError")])
def test_e10_a_server_that_is_busy_for_good_is_exit_4(far, store, status, code):
    store.proxy.act = lambda request, response: error(status, code)
    answer = far.night()
    says(answer, 4, "s3-unreachable", code, "4 times", "it is safe")
    assert len(store.proxy.seen) == 4 and far.nothing_left() and far.raw() == set()
    store.proxy.act = lambda request, response: response
    assert far.night().exit == 0


def test_e10_a_server_that_is_busy_for_a_moment_is_asked_again(far, store, near):
    seen: list[str] = []

    def busy_twice(request: Request, response: Response) -> Response:
        seen.append(request.path)
        return error(503, "SlowDown") if seen.count(request.path) < 3 else response

    store.proxy.act = busy_twice
    assert far.night().exit == 0
    assert far.breaks() == near.breaks()


def test_e10_nobody_listens(far, store):
    store.proxy.close()
    answer = far.night()
    says(answer, 4, "s3-unreachable", "no answer", "bucket")
    assert far.nothing_left()


@pytest.mark.parametrize(
    ("status", "code", "named", "words"),
    [
        (403, "AccessDenied", "s3-refused", "s3:GetObject"),
        (400, "ExpiredToken", "s3-credentials", "renew"),
        (403, "InvalidAccessKeyId", "s3-credentials", "not known"),
        (403, "SignatureDoesNotMatch", "s3-credentials", "not known"),
        (404, "NoSuchBucket", "s3-no-bucket", "recon.yaml"),
        (301, "301", "s3-region", "region"),
    ],
)
def test_e11_what_is_refused_is_exit_2_and_shows_no_secret(far, store, status, code, named, words):
    """The server repeats what it was sent, as some do; none of its text is shown."""
    store.proxy.act = lambda request, response: error(status, code, f"key {request.headers} open-sesame-4711")
    answer = far.night()
    says(answer, 2, named, code, words, "bucket")
    assert far.nothing_left() and far.raw() == set()


def test_e11_no_credentials_at_all(far):
    answer = far.runner.night(far.root, NIGHT, environment={"AWS_EC2_METADATA_DISABLED": "true"})
    says(answer, 2, "s3-credentials", "no credentials", "AWS_ACCESS_KEY_ID")


def test_a_public_bucket_needs_none(far, store):
    far.settle({"stripe": SOURCE}, {"bucket": store.transport(", anonymous: true")})
    answer = far.runner.night(far.root, NIGHT, environment={"AWS_EC2_METADATA_DISABLED": "true"})
    assert answer.exit == 0, answer.error
    assert all("authorization" not in each.headers for each in store.proxy.seen)


def cut_first(times: int, at: int = 100):
    """Cut the body of the object so many times."""
    cuts: list[int] = []

    def act(request: Request, response: Response) -> Response:
        if is_object(request) and response.status == 200 and len(cuts) < times:
            cuts.append(at)
            response.cut_at = at
        return response

    return act


@pytest.mark.parametrize("at", [0, 1, 100])
def test_e12_a_body_cut_at_any_byte_is_read_again_from_its_beginning(far, store, near, at):
    store.proxy.act = cut_first(2, at)
    answer = far.night()
    assert answer.exit == 0, answer.error
    assert far.breaks() == near.breaks() and len(store.proxy.gets()) == 3
    assert all("range" not in each.headers for each in store.proxy.gets())


def test_e12_a_body_that_is_cut_every_time_is_exit_4_and_nothing_is_kept(far, store):
    store.proxy.act = cut_first(99)
    answer = far.night()
    says(answer, 4, "s3-broken-off", name(store), "4 times", "nothing of the file was taken")
    assert far.nothing_left() and far.raw() == set()


def test_e12_bytes_that_changed_on_the_way_do_not_have_the_checksum(far, store):
    """The length is right and the connection ends well; only the checksum that the server holds tells."""

    def changed(request: Request, response: Response) -> Response:
        if is_object(request):
            response.body = response.body[:50] + b"9" + response.body[51:]
        return response

    store.proxy.act = changed
    answer = far.night()
    says(answer, 4, "s3-broken-off", "checksum that the server holds")
    assert far.nothing_left() and far.raw() == set()


def test_e13_an_object_overwritten_while_it_is_read_is_never_a_mixture(far, store, near):
    """The first body is cut, and before the second is asked for, another object stands there: that one is read whole."""
    old = store.client.get_object(Bucket=store.bucket, Key=KEY)["Body"].read()
    cut = cut_first(1, len(old) // 2)

    def overwritten(request: Request, response: Response) -> Response:
        response = cut(request, response)
        if response.cut_at is not None:
            store.put(KEY, old)
            store.put(KEY, old + old[old.index(b"\n") + 1 :].replace(b"S1-", b"T1-"))
        return response

    store.proxy.act = overwritten
    assert far.night().exit == 0
    new = store.client.get_object(Bucket=store.bucket, Key=KEY)
    entry = far.entries()[name(store)]
    assert entry["sha256"] == hashlib.sha256(new["Body"].read()).hexdigest()
    assert entry["version"] == "etag " + new["ETag"].strip('"')
    assert entry["size"] == new["ContentLength"]
    assert [each.headers["if-match"].strip('"') for each in store.proxy.gets()][-1] == new["ETag"].strip('"')


def test_e13_an_object_that_never_holds_still_is_left_for_later(far, store):
    count = 0

    def always_another(request: Request, response: Response) -> Response:
        nonlocal count
        if is_object(request) or request.method == "HEAD":
            count += 1
            store.put(KEY, b"natural_id\n" * count)
        return response if request.method == "HEAD" else error(412, "PreconditionFailed")

    listing = store.proxy.act
    store.proxy.act = lambda request, response: (
        listing(request, response) if "list-type" in request.path else always_another(request, response)
    )
    answer = far.night()
    assert answer.exit == 3, answer.error
    assert "replaced 4 times" in far.awaiting()["stripe"] and name(store) in far.awaiting()["stripe"]
    store.proxy.act = listing
    store.put(KEY, b"natural_id\n")
    assert far.night().exit == 3  # the file that is there now says nothing, and is set aside for that


def test_e14_a_bucket_of_a_stranger(far, store):
    """A proxy that minds x-amz-expected-bucket-owner as Amazon does: moto does not look at it."""
    owner = "111122223333"

    def minds(request: Request, response: Response) -> Response:
        asked = request.headers.get("x-amz-expected-bucket-owner")
        return error(403, "AccessDenied") if asked not in (None, owner) else response

    store.proxy.act = minds
    far.settle({"stripe": SOURCE}, {"bucket": store.transport(', expected_owner: "444455556666"')})
    answer = far.night()
    says(answer, 2, "s3-owner", "444455556666", "does not own it")
    assert store.proxy.gets() == [] and far.nothing_left() and far.raw() == set()
    far.settle({"stripe": SOURCE}, {"bucket": store.transport(f', expected_owner: "{owner}"')})
    store.proxy.seen.clear()
    assert far.night().exit == 0
    assert {each.headers.get("x-amz-expected-bucket-owner") for each in store.proxy.seen} == {owner}


def test_e15_keys_that_would_leave_a_folder_are_names_only(shop, store):
    """Every file is kept under its digest, whatever its key; twins that differ by case are two files."""
    data = shop.file("stripe")
    head, *rows = data.decode().splitlines()
    keys = [
        "in/../../../x.csv",
        "in/a\nb\x1b[31m.csv",
        "in/Twin.csv",
        "in/twin.csv",
        "in/한글 파일.csv",
        "in/%2e%2e.csv",
    ]
    for key, row in zip(keys, rows, strict=False):
        store.put(key, f"{head}\n{row}\n".encode())
    shop.settle({"stripe": 'transport: bucket\nfiles: "in/**/*.csv"'}, {"bucket": store.transport()})
    answer = shop.night()
    assert answer.exit == 0, answer.error
    far = {key: entry for key, entry in shop.entries().items() if key.startswith("s3:")}
    assert len(far) == len(keys) and all(key.isprintable() for key in far)
    assert name(store, "in/a\\u{a}b\\u{1b}[31m.csv") in far
    assert {entry["sha256"] for entry in far.values()} <= shop.raw()
    assert all(len(each) == 64 and each.isalnum() for each in shop.raw())
    assert not (shop.root.parent / "x.csv").exists() and not (shop.root / "x.csv").exists()


def test_e16_more_than_a_thousand_keys(shop, store):
    data = shop.file("stripe")
    for number in range(1203):
        store.put(f"many/other_{number:05d}.csv", b"x")
    store.put("many/zz_last.csv", data)
    shop.settle({"stripe": 'transport: bucket\nfiles: "many/zz_*.csv"'}, {"bucket": store.transport()})
    shop_night = shop.night()
    assert shop_night.exit == 0, shop_night.error
    pages = [each for each in store.proxy.seen if "list-type" in each.path]
    assert shop.entries()[name(store, "many/zz_last.csv")]["status"] == "read"
    shop.settle({"stripe": 'transport: bucket\nfiles: "many/[oz]*_*t.csv"'}, {"bucket": store.transport()})
    assert shop.night("--refetch").exit == 0
    assert len([each for each in store.proxy.seen if "list-type" in each.path]) - len(pages) == 2
    assert shop.entries()[name(store, "many/zz_last.csv")]["status"] == "read"


# --- and what else -----------------------------------------------------------------------------------------------------


def test_a_late_file_and_a_missing_one_are_what_they_are_in_a_folder(shop, store):
    data = shop.file("stripe")
    source = (
        'transport: bucket\nexpected: daily\nfiles: "settled/{date:%Y}/{date:%m}/{date:%d}/*.csv.gz"\nunpack: [gzip]'
    )
    shop.settle({"stripe": source}, {"bucket": store.transport()})
    assert shop.night().exit == 3 and "not there" in shop.awaiting()["stripe"]
    assert shop.night(night="2026-11-20").exit == 3
    store.put("settled/2026/11/19/stripe.csv.gz", gzip.compress(data))
    assert shop.night(night="2026-11-20").exit == 3
    entry = shop.entries("2026-11-20")[name(store, "settled/2026/11/19/stripe.csv.gz")]
    assert entry["late"] is True and entry["status"] == "read"
    assert shop.night(night="2026-11-21").exit == 3
    assert name(store, "settled/2026/11/19/stripe.csv.gz") not in shop.entries("2026-11-21")


def test_check_asks_every_transport_and_reads_no_file(far, store):
    answer = far.check()
    assert answer.exit == 0, answer.error
    assert store.proxy.gets() == [] and len(store.proxy.seen) == 1 and far.raw() == set()
    store.proxy.act = lambda request, response: error(403, "AccessDenied")
    assert far.check().exit == 2
    store.proxy.act = lambda request, response: error(503, "SlowDown")
    assert far.check().exit == 4
    seen = len(store.proxy.seen)
    assert far.check("--no-connect").exit == 0 and len(store.proxy.seen) == seen


def test_what_the_night_says_of_a_file_stands_in_the_report(far, store):
    assert far.night().exit == 0
    page = (far.root / "nights" / NIGHT / "report.html").read_text("utf-8")
    assert name(store) in page and json.dumps(name(store))[1:-1] in page
