"""S3: files from a bucket, or from another server that speaks S3 (boto3).

A file is read in one request that names the ETag it was listed with, and the version where the bucket keeps them, so its
bytes are those of one object. boto3 tries a request again, but not a body that breaks off: that is done here, from the
beginning. Length and SHA-256 are proved, and the checksum that the server holds, where it holds one that can be computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from recon.errors import ReconError, UnreachableError
from recon.fetch.transport import (
    TRIES,
    BrokenOffError,
    Brought,
    Candidate,
    MovingError,
    again,
    common_prefix,
    keep_stream,
    matcher,
    shown,
)
from recon.workspace import S3

_CHUNK = 1 << 20
_CONNECT_SECONDS, _READ_SECONDS = 10, 60
_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired", "InvalidToken")
_UNKNOWN = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "AuthorizationHeaderMalformed", "InvalidClientTokenId")
_ELSEWHERE = ("PermanentRedirect", "IllegalLocationConstraintException", "301")


class Bucket:
    """One bucket as a transport."""

    def __init__(self, settings: S3, name: str) -> None:
        self.settings, self.name = settings, name
        self._made: Any = None

    def find(self, patterns: Sequence[str]) -> list[list[Candidate]]:
        matches = [matcher(pattern) for pattern in patterns]
        found: list[list[Candidate]] = [[] for _ in patterns]
        for each in self._objects(common_prefix(patterns)):
            for at, match in enumerate(matches):
                if match.fullmatch(each.key):
                    found[at].append(each)
        return [sorted(some, key=lambda candidate: candidate.name) for some in found]

    def _objects(self, prefix: str) -> Iterator[Candidate]:
        """Every object below the prefix, page by page."""
        with self._told():
            pages = self._client.get_paginator("list_objects_v2").paginate(Prefix=prefix, **self._bucket)
            for page in pages:
                for each in page.get("Contents", ()):
                    if not each["Key"].endswith("/"):  # what consoles make to show an empty folder
                        yield self._candidate(each["Key"], each["Size"], each["LastModified"], each["ETag"])

    def _candidate(self, key: str, size: int, modified: Any, etag: str) -> Candidate:
        version = f"etag {_bare(etag)}"
        return Candidate(f"s3://{self.settings.bucket}/{shown(key)}", key, size, modified, version)

    def fetch(self, candidate: Candidate, raw: Path, making: Path) -> Brought:
        reading = _Reading(self, candidate)
        try:
            sha256, path = again(lambda: reading.whole(raw, making))
        except BrokenOffError as broken:
            raise UnreachableError(
                "s3-broken-off",
                f"{candidate.name}: {broken}, {TRIES} times",
                "run the same night again: nothing of the file was taken",
            ) from None
        return Brought(reading.candidate, sha256, path)

    def digest(self, candidate: Candidate) -> str | None:
        return None  # an object is told by its ETag or version

    def check(self, patterns: Sequence[str]) -> None:
        with self._told():
            for pattern in patterns or [""]:
                self._client.list_objects_v2(Prefix=common_prefix([pattern]), MaxKeys=1, **self._bucket)

    def close(self) -> None:
        if self._made is not None:
            self._made.close()

    # --- the connection ---

    @property
    def _bucket(self) -> dict[str, str]:
        owner = {"ExpectedBucketOwner": self.settings.expected_owner} if self.settings.expected_owner else {}
        return {"Bucket": self.settings.bucket, **owner}

    @property
    def _client(self) -> Any:
        if self._made is None:
            import boto3
            from botocore import UNSIGNED
            from botocore.config import Config

            given = self.settings
            session = boto3.Session(profile_name=given.profile or None, region_name=given.region or None)
            self._made = session.client(
                "s3",
                endpoint_url=given.endpoint_url or None,
                # A server that is not Amazon's need have no region; the signature has to name one.
                region_name=given.region or session.region_name or ("us-east-1" if given.endpoint_url else None),
                config=Config(
                    retries={"mode": "standard", "total_max_attempts": TRIES},
                    connect_timeout=_CONNECT_SECONDS,
                    read_timeout=_READ_SECONDS,
                    signature_version=UNSIGNED if given.anonymous else None,
                    s3={"addressing_style": "path"} if given.endpoint_url else {},
                ),
            )
        return self._made

    @contextmanager
    def _told(self, name: str = "") -> Iterator[None]:
        """What boto3 says, as an error that says what to do. Only codes are repeated: texts of a server may hold anything."""
        from botocore import exceptions as said

        where = name or f"transport {self.name} (s3://{self.settings.bucket})"
        try:
            yield
        except said.ClientError as error:
            raise self._refused(where, error) from None
        except (said.NoCredentialsError, said.PartialCredentialsError, said.CredentialRetrievalError) as error:
            raise _no_credentials(where, error) from None
        except (said.ProfileNotFound, said.UnauthorizedSSOTokenError, said.TokenRetrievalError) as error:
            raise _no_credentials(where, error) from None
        except (said.HTTPClientError, said.ConnectionError) as error:
            raise UnreachableError(
                "s3-unreachable", f"{where}: no answer ({type(error).__name__})", "run the same night again: it is safe"
            ) from None
        except RecursionError:  # boto3 follows a redirect to another region, and this server sends it in a circle
            raise ReconError("s3-region", f"{where}: 301, again and again", "region: the one of the bucket") from None
        except said.BotoCoreError as error:
            remedy = "see transports in docs/configure.md: region, profile, endpoint_url"
            raise ReconError("s3-settings", f"{where}: {type(error).__name__}", remedy) from None

    def _refused(self, where: str, error: Any) -> ReconError:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        said = f"{where}: {status} {code}"
        if status >= 500 or code in ("SlowDown", "RequestTimeout", "RequestTimeTooSkewed", "Throttling"):
            tries = f"{said}, {TRIES} times"
            return UnreachableError("s3-unreachable", tries, "run the same night again: it is safe")
        if code in _EXPIRED:
            return ReconError(
                "s3-credentials", f"{said}: the credentials have expired", "renew them (a new token or login)"
            )
        if code in _UNKNOWN:
            return ReconError(
                "s3-credentials", f"{said}: the credentials are not known", "check key, secret and region"
            )
        if code in ("NoSuchBucket", "404"):
            return ReconError("s3-no-bucket", said, "check bucket and endpoint_url in recon.yaml")
        if code in _ELSEWHERE or status == 301:
            region = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("x-amz-bucket-region", "")
            return ReconError(
                "s3-region", f"{said}: the bucket is in another region", f"region: {region or 'the right one'}"
            )
        if code == "InvalidObjectState":
            return ReconError(
                "s3-archived", f"{said}: the object is archived", "restore it, then run the same night again"
            )
        if status == 403 and self._is_a_strangers():
            owner = self.settings.expected_owner
            return ReconError(
                "s3-owner",
                f"{said}: the bucket is there, and account {owner} does not own it",
                "read nothing from it before somebody has found out why; then mend bucket or expected_owner",
            )
        remedy = (
            "the user needs s3:ListBucket and s3:GetObject (with versions: s3:GetObjectVersion; with KMS: kms:Decrypt)"
        )
        return ReconError("s3-refused", said, remedy)

    def _is_a_strangers(self) -> bool:
        """Whether the bucket answers as soon as nobody asks who owns it."""
        from botocore.exceptions import BotoCoreError, ClientError

        if self.settings.expected_owner:
            with suppress(BotoCoreError, ClientError):
                self._client.head_bucket(Bucket=self.settings.bucket)
                return True
        return False


def _bare(etag: str) -> str:
    return etag.strip('"')


def _no_credentials(where: str, error: Exception) -> ReconError:
    return ReconError(
        "s3-credentials",
        f"{where}: no credentials that can be used ({type(error).__name__})",
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, log in, or name a profile; anonymous: true for a public bucket",
    )


class _Reading:
    """One file on its way in, over several tries: all of them read the same object, or start over with its successor."""

    def __init__(self, bucket: Bucket, candidate: Candidate) -> None:
        self.bucket, self.candidate = bucket, candidate
        self._etag = candidate.version.removeprefix("etag ")
        self._version: dict[str, str] = {}
        self._replaced = 0

    def whole(self, raw: Path, making: Path) -> tuple[str, Path]:
        """Read it once. Raises BrokenOffError, also for an object that was replaced since: then the new one is next."""
        with self.bucket._told(self.candidate.name):
            answer = self._ask()
        size = int(answer["ContentLength"])
        if version := answer.get("VersionId", "").replace("null", ""):
            self._version = {"VersionId": version}
            self.candidate = replace(self.candidate, version=f"etag {self._etag}, version {version}")
        return keep_stream(_chunks(answer["Body"]), size, raw, making)

    def _ask(self) -> Any:
        from botocore.exceptions import ClientError

        try:
            return self.bucket._client.get_object(
                Key=self.candidate.key,
                IfMatch=f'"{self._etag}"',
                ChecksumMode="ENABLED",
                **self._version,
                **self.bucket._bucket,
            )
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in ("PreconditionFailed", "412"):
                self._take_successor()
                raise BrokenOffError("it was replaced while it was read") from None
            if code in ("NoSuchKey", "NoSuchVersion"):
                raise MovingError("it was there when the bucket was listed, and is gone") from None
            raise

    def _take_successor(self) -> None:
        """Go on with the object that stands there now; one that is replaced again and again does not hold still."""
        self._replaced += 1
        if self._replaced == TRIES:
            raise MovingError(f"it was replaced {TRIES} times while it was read")
        head = self.bucket._client.head_object(Key=self.candidate.key, **self.bucket._bucket)
        key = self.candidate.key
        self.candidate = self.bucket._candidate(key, head["ContentLength"], head["LastModified"], head["ETag"])
        self._etag, self._version = _bare(head["ETag"]), {}


def _chunks(body: Any) -> Iterator[bytes]:
    """The body's bytes; however the connection ends before the body does, it broke off."""
    from botocore.exceptions import BotoCoreError, FlexibleChecksumError
    from urllib3.exceptions import HTTPError

    with body:
        while True:
            try:
                chunk = body.read(_CHUNK)
            except FlexibleChecksumError:
                raise BrokenOffError("the bytes that came do not have the checksum that the server holds") from None
            except (BotoCoreError, HTTPError, OSError) as error:
                raise BrokenOffError(f"the body broke off ({type(error).__name__})") from None
            if not chunk:
                return
            yield chunk
