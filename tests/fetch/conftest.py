"""Files that come from servers: a shop of one night whose settlement files can be put anywhere, and the servers."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer

sys.path.insert(0, str(Path(__file__).parents[1] / "nights"))
sys.path.insert(0, str(Path(__file__).parent))

from far_shop import FarShop, Store
from night_shop import Runner
from servers import Proxy, SftpServer


@pytest.fixture(scope="session")
def runner() -> Iterator[Runner]:
    made = Runner()
    yield made
    made.close()


@pytest.fixture(scope="session")
def moto() -> Iterator[int]:
    """The port of an S3 server."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield server.get_host_and_port()[1]
    server.stop()


@pytest.fixture
def proxy(moto: int) -> Iterator[Proxy]:
    made = Proxy(moto)
    yield made
    made.close()


@pytest.fixture
def store(moto: int, proxy: Proxy) -> Store:
    """A new bucket, written to beside the proxy and read through it."""
    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{moto}",
        region_name="us-east-1",
        aws_access_key_id="writer",
        aws_secret_access_key="writer",
        config=Config(s3={"addressing_style": "path"}),
    )
    name = f"acme-{uuid.uuid4().hex[:12]}"
    client.create_bucket(Bucket=name)
    return Store(client, name, proxy)


@pytest.fixture
def sftp(tmp_path: Path) -> Iterator[SftpServer]:
    made = SftpServer(tmp_path / "provider")
    yield made
    made.close()


@pytest.fixture(scope="session")
def near(tmp_path_factory: pytest.TempPathFactory, runner: Runner) -> FarShop:
    """The shop with its files in a folder, run once: what every other way has to come to."""
    shop = FarShop(tmp_path_factory.mktemp("near") / "shop", runner)
    shop.settle({})
    answer = shop.night()
    assert answer.exit == 0, answer.error
    return shop


@pytest.fixture
def shop(tmp_path: Path, runner: Runner) -> FarShop:
    """The shop without a night; its files are in a folder."""
    return FarShop(tmp_path / "shop", runner)


@pytest.fixture(autouse=True)
def no_credentials_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [each for each in os.environ if each.startswith("AWS_")]:
        monkeypatch.delenv(name)
