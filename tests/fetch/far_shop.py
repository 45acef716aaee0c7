"""A shop of one night whose settlement files come from wherever a test says."""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from night_shop import Answer, Runner, left_by
from servers import Proxy
from shops import seeded_shop
from workspaces import apart, identified, recon_yaml, write_workspace

NIGHT = "2026-11-19"
SECRET = "open-sesame-4711"
WAITS = 0.02  # seconds between two tries of a server
#: What a person who runs recon has in the environment; none of it may ever be shown.
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIAREADER",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_EC2_METADATA_DISABLED": "true",
    "ACME_SFTP_PASSWORD": "sesame-4711",
}


@dataclass
class Store:
    """A bucket: `client` writes to it, recon reads it at `proxy`."""

    client: Any
    bucket: str
    proxy: Proxy

    def put(self, key: str, data: bytes, **how: Any) -> str:
        """The object's ETag."""
        return str(self.client.put_object(Bucket=self.bucket, Key=key, Body=data, **how)["ETag"])

    def transport(self, more: str = "") -> str:
        return f'{{s3: {{bucket: {self.bucket}, endpoint_url: "{self.proxy.url}"{more}}}}}'


class FarShop:
    """`settle` says where providers' files come from; `night` runs the night."""

    def __init__(self, root: Path, runner: Runner) -> None:
        self.root, self.runner = root, runner
        shops = apart(identified(seeded_shop(f"far-{n}", f"S{n}", nights=1)) for n in range(12))
        self._settings = recon_yaml(shops[0])
        write_workspace(root, shops)
        for first in sorted((root / "in").glob(f"*_{NIGHT}.csv")):
            for other in sorted((root / "in").glob(f"{first.stem}?*.csv")):  # one file a provider
                first.write_bytes(first.read_bytes() + other.read_bytes().partition(b"\n")[2])
                other.unlink()

    def file(self, psp: str) -> bytes:
        """A provider's settlement file, taken out of the folder."""
        path = self.root / "in" / f"{psp}_{NIGHT}.csv"
        data = path.read_bytes()
        path.unlink()
        return data

    def settle(self, sources: dict[str, str], transports: dict[str, str] | None = None, more: str = "") -> None:
        """Write recon.yaml. sources: by provider, the lines of YAML that stand for its `files:` line."""
        text = self._settings
        for psp, lines in sources.items():
            plain = f'    files: "in/{psp}_{{date}}*.csv"\n'
            assert plain in text
            text = text.replace(plain, "".join(f"    {line}\n" for line in lines.splitlines()))
        if transports:
            named = "".join(f"  {name}: {value}\n" for name, value in transports.items())
            text = text.replace("sources:\n", f"transports:\n{named}sources:\n")
        (self.root / "recon.yaml").write_text(text + more, encoding="utf-8")

    def night(self, *options: str, night: str = NIGHT, **environment: str) -> Answer:
        return self.runner.night(self.root, night, *options, environment={**ENVIRONMENT, **environment}, waits=WAITS)

    def check(self, *options: str, **environment: str) -> Answer:
        return self.runner.recon(self.root, "check", *options, environment={**ENVIRONMENT, **environment}, waits=WAITS)

    # --- what a night left ---

    def entries(self, night: str = NIGHT) -> dict[str, dict[str, Any]]:
        text = (self.root / "nights" / night / "inputs.json").read_text("utf-8")
        return {entry["name"]: entry for entry in json.loads(text)["inputs"]}

    def awaiting(self, night: str = NIGHT) -> dict[str, str]:
        text = (self.root / "nights" / night / "inputs.json").read_text("utf-8")
        return {each["source"]: each["reason"] for each in json.loads(text)["awaiting"]}

    def breaks(self, night: str = NIGHT) -> list[dict[str, str]]:
        """breaks.csv without the names of files."""
        with (self.root / "nights" / night / "breaks.csv").open(encoding="utf-8", newline="") as file:
            return [{key: value for key, value in row.items() if key != "provenance"} for row in csv.DictReader(file)]

    def raw(self) -> set[str]:
        return {path.name for path in (self.root / "raw").glob("*")}

    def fetched(self) -> set[str]:
        """What raw/ keeps of files from elsewhere: not of those that are in the shop's own folder."""
        return self.raw() - {hashlib.sha256(path.read_bytes()).hexdigest() for path in (self.root / "in").iterdir()}

    def everything(self) -> dict[str, Any]:
        return left_by(self.root)

    def nothing_left(self) -> bool:
        """No night, and no scratch anywhere: the workspace is as it was, but for what raw/ keeps."""
        nights = self.root / "nights"
        scratch = [*self.root.rglob("*.unpacked*"), *self.root.rglob(".making-*")]
        return not scratch and (not nights.exists() or list(nights.iterdir()) == [])


def says(answer: Answer, exit: int, name: str, *words: str) -> None:
    """The exit code, the error's name, words of it and a remedy; never a secret or a traceback."""
    assert answer.exit == exit and f"[{name}]" in answer.error, (answer.exit, answer.error)
    assert [word for word in words if word not in answer.error] == [], answer.error
    assert "to fix" in answer.error and "Traceback" not in answer.error, answer.error
    for secret in (SECRET, "AKIAREADER", "sesame-4711"):
        assert secret not in answer.error, answer.error
