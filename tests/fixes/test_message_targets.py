"""Messages to SQS (moto's server over HTTP), RabbitMQ (the broker on loopback) and a webhook (a server on loopback)."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import pytest
from apply_world import START, Clock, World, message, world
from moto.server import ThreadedMotoServer

from recon.fixes import queue
from recon.fixes.apply import Limits
from recon.store.audit import writing
from recon.workspace import RabbitTarget, Secret, SqsTarget, WebhookTarget

RABBITMQ = os.environ.get("RECON_TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672/")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[World]:
    with world(None, tmp_path, together=True) as made:
        made.settings.clear()
        yield made


def outcomes(shop: World, **more: object) -> list[str]:
    applier = shop.applier(**more)
    try:
        return [each.outcome for each in applier.run().done]
    finally:
        applier.close()


# --- SQS ---


@pytest.fixture(scope="module")
def sqs() -> Iterator[tuple[str, Callable[[str], str], Callable[[str], list[dict]]]]:
    """The server's address, a function that makes a queue, one that reads it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    address = f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    given = {
        "endpoint_url": address,
        "region_name": "us-east-1",
        "aws_access_key_id": "x",
        "aws_secret_access_key": "x",
    }
    client = boto3.client("sqs", **given)

    def made(name: str) -> str:
        fifo = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
        return client.create_queue(QueueName=name, Attributes=fifo)["QueueUrl"]

    def read(url: str) -> list[dict]:
        asked = {"QueueUrl": url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]}
        return client.receive_message(**asked).get("Messages", [])

    yield address, made, read
    server.stop()


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")


@pytest.mark.parametrize("tail", ["", ".fifo"])
def test_sqs_gets_one_message_with_its_key(shop: World, sqs: tuple, tail: str) -> None:
    address, made, read = sqs
    url = made(f"fixes-{uuid.uuid4().hex[:8]}{tail}")
    shop.settings["events"] = SqsTarget(url, endpoint_url=address)
    fix = message(1)
    shop.approved(fix)
    assert outcomes(shop) == ["applied"] and outcomes(shop) == []
    [got] = read(url)
    assert json.loads(got["Body"])["idempotency_key"] == fix.idempotency_key
    assert got["MessageAttributes"]["idempotency_key"]["StringValue"] == fix.idempotency_key


def test_an_sqs_queue_that_is_not_there_is_waited_for(shop: World, sqs: tuple) -> None:
    address, made, _ = sqs
    name = f"later-{uuid.uuid4().hex[:8]}"
    url = made("any").replace("any", name)
    shop.settings["events"] = SqsTarget(url, endpoint_url=address)
    shop.approved(message(1))
    clock = Clock()
    assert outcomes(shop, clock=clock, limits=Limits()) == ["failed"]
    made(name)
    clock.on(minutes=2)
    assert outcomes(shop, clock=clock, limits=Limits()) == ["applied"]


# --- RabbitMQ ---


@pytest.fixture
def rabbit() -> Iterator[tuple[str, Callable[[], list]]]:
    """The name of a queue of its own, and a function that takes what is in it."""
    import pika

    try:
        connection = pika.BlockingConnection(pika.URLParameters(RABBITMQ))
    except pika.exceptions.AMQPError as error:
        if os.environ.get("CI"):
            pytest.fail(f"RabbitMQ is not reachable, and CI needs it: {error!r}")
        pytest.skip(f"RabbitMQ is not reachable here: {error!r}")
    channel = connection.channel()
    name = f"recon-test-{uuid.uuid4().hex[:10]}"
    channel.queue_declare(name, durable=True)

    def read() -> list:
        got = []
        while (each := channel.basic_get(name, auto_ack=True))[0] is not None:
            got.append(each)
        return got

    yield name, read
    channel.queue_delete(name)
    connection.close()


def test_rabbitmq_confirms_one_persistent_message_with_its_key(shop: World, rabbit: tuple) -> None:
    name, read = rabbit
    shop.settings["events"] = RabbitTarget(Secret("env:MQ", RABBITMQ), "", name)
    fix = message(1)
    shop.approved(fix)
    assert outcomes(shop) == ["applied"] and outcomes(shop) == []
    [(_, properties, body)] = read()
    assert (properties.message_id, properties.delivery_mode) == (fix.idempotency_key, 2)
    assert json.loads(body)["message"]["key"] == "event-1"


def test_rabbitmq_without_a_queue_for_it_is_waited_for(shop: World, rabbit: tuple) -> None:
    name, read = rabbit
    shop.settings["events"] = RabbitTarget(Secret("env:MQ", RABBITMQ), "", "nobody-listens")
    shop.approved(message(1))
    clock = Clock()
    assert outcomes(shop, clock=clock, limits=Limits()) == ["failed"]
    assert "no queue takes" in shop.base.fix("FIX-1").error
    shop.settings["events"] = RabbitTarget(Secret("env:MQ", RABBITMQ), "", name)
    clock.on(minutes=2)
    assert outcomes(shop, clock=clock, limits=Limits()) == ["applied"] and len(read()) == 1


def test_an_exchange_that_is_not_there_loses_nothing(shop: World, rabbit: tuple) -> None:
    shop.settings["events"] = RabbitTarget(Secret("env:MQ", RABBITMQ), "no-such-exchange", "x")
    shop.approved(message(1))
    assert outcomes(shop, limits=Limits()) == ["failed"]
    assert "404" in shop.base.fix("FIX-1").error


# --- webhook ---


class Receiver:
    """A server on loopback. `answers`: statuses to give in turn, then 200; 0 closes the connection without an answer."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.keys: set[str] = set()
        self.answers: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((self.path, dict(self.headers), body))
                status = receiver.answers.pop(0) if receiver.answers else 200
                if status in (0, 200, 500):  # it did what was asked, whatever it says
                    receiver.keys.add(self.headers["Idempotency-Key"])
                if status == 0:
                    self.close_connection = True
                    self.connection.close()
                    return
                self.respond(status)

            def do_GET(self) -> None:
                self.respond(200 if self.path.rpartition("/")[2] in receiver.keys else 404)

            def respond(self, status: int) -> None:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


def hook(receiver: Receiver, **more: object) -> WebhookTarget:
    url = f"{receiver.address}/fixes"
    return replace(WebhookTarget(Secret(url, url)), **more)


def test_a_webhook_gets_key_and_signature(shop: World, receiver: Receiver) -> None:
    shop.settings["events"] = hook(receiver, secret=Secret("env:S", "s3cret"))
    fix = message(1)
    shop.approved(fix)
    assert outcomes(shop) == ["applied"] and outcomes(shop) == []
    [(_, headers, body)] = receiver.got
    assert headers["Idempotency-Key"] == fix.idempotency_key
    seconds, _, digest = headers["Recon-Signature"].partition(",v1=")
    signed = seconds.removeprefix("t=").encode() + b"." + body
    assert digest == hmac.new(b"s3cret", signed, hashlib.sha256).hexdigest()


def test_a_lost_answer_is_never_sent_again_in_the_blind(shop: World, receiver: Receiver) -> None:
    """The receiver did it, and its answer was lost; it can't be asked and does not drop doubles: a person has to look."""
    shop.settings["events"] = hook(receiver)
    receiver.answers = [0]
    shop.approved(message(1))
    assert outcomes(shop) == ["dead_letter"] and outcomes(shop) == []
    assert len(receiver.got) == 1 and "may have arrived" in shop.base.fix("FIX-1").error


@pytest.mark.parametrize("answer", [0, 500])
def test_a_lost_answer_is_looked_up_where_the_receiver_can_be_asked(
    shop: World, receiver: Receiver, answer: int
) -> None:
    shop.settings["events"] = hook(receiver, lookup=f"{receiver.address}/fixes/{{key}}")
    receiver.answers = [answer]
    shop.approved(message(1))
    clock = Clock()
    assert outcomes(shop, clock=clock) == ["failed"] and outcomes(shop, clock=clock) == []
    clock.on(minutes=6)
    assert outcomes(shop, clock=clock) == ["found"]
    assert len(receiver.got) == 1


def test_a_receiver_that_drops_doubles_gets_the_same_bytes_again(shop: World, receiver: Receiver) -> None:
    shop.settings["events"] = hook(receiver, deduplicates=True)
    receiver.answers = [0, 409]
    shop.approved(message(1))
    clock = Clock()
    assert outcomes(shop, clock=clock) == ["failed"]
    clock.on(minutes=6)
    assert outcomes(shop, clock=clock) == ["found"]
    (_, _, first), (_, _, second) = receiver.got
    assert first == second and len(receiver.keys) == 1


@pytest.mark.parametrize(
    ("answer", "became"),
    [(400, "dead_letter"), (422, "dead_letter"), (429, "failed"), (401, "failed"), (404, "failed")],
)
def test_what_an_answer_means(shop: World, receiver: Receiver, answer: int, became: str) -> None:
    shop.settings["events"] = hook(receiver)
    receiver.answers = [answer]
    shop.approved(message(1))
    assert outcomes(shop, limits=Limits()) == [became]


def test_a_message_that_was_in_a_killed_appliers_hands_is_not_sent_again(shop: World, receiver: Receiver) -> None:
    shop.settings["events"] = hook(receiver)
    shop.approved(message(1))
    clock = Clock()
    gone = shop.applier(clock=clock)
    with writing(shop.base.engine) as connection:
        queue.claim(connection, gone.token, "recon", gone.policy, clock(), clock() + timedelta(minutes=5))
    clock.on(minutes=6)
    assert outcomes(shop, clock=clock) == ["dead_letter"] and receiver.got == []
    with writing(shop.base.engine) as connection:
        queue.retry(connection, "FIX-1", "lee", "asked the receiver: it is not there")
    assert outcomes(shop, clock=clock) == ["applied"] and len(receiver.got) == 1


def test_an_address_that_is_not_there_is_waited_for(shop: World, receiver: Receiver) -> None:
    shop.settings["events"] = hook(receiver)
    receiver.server.shutdown()
    receiver.server.server_close()
    shop.approved(message(1))
    assert outcomes(shop, limits=Limits(), clock=Clock(START)) == ["failed"]


# --- by hand ---


def test_what_is_done_by_hand_is_handed_out_and_in_once(shop: World, tmp_path: Path) -> None:
    import csv

    from apply_world import journal
    from fix_queue import POLICY

    from recon.fixes import hands

    shop.approved(journal(1), journal(2), journal(3))
    file = tmp_path / "corrections.csv"
    given, passed = hands.hand_out(shop.base.engine, file, lambda fix: True, POLICY, "lee")
    assert len(given) == 3 and passed == []
    assert hands.hand_out(shop.base.engine, tmp_path / "again.csv", lambda fix: True, POLICY, "lee")[0] == []
    rows = list(csv.DictReader(file.open(encoding="utf-8")))
    assert rows[0]["what"].startswith("book psp_receivable 1000 KRW")
    rows[0] |= {"done": "yes", "reference": "JRN-77"}
    rows[1] |= {"done": "yes"}
    rows[2] |= {"done": "no"}
    with file.open("w", encoding="utf-8", newline="") as made:
        writer = csv.DictWriter(made, hands.COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    assert [each.outcome for each in hands.hand_in(shop.base.engine, file, "lee")] == [
        "applied",
        "refused",
        "given_back",
    ]
    assert shop.base.fix("FIX-1").receipt == {"reference": "JRN-77", "target": "by_hand"}
    assert next(each.outcome for each in hands.hand_in(shop.base.engine, file, "lee")) == "refused", (
        "it is applied already"
    )
