"""Files from SFTP: a real server on loopback that shows another key, lets nobody in, drops the line, or still receives."""

from __future__ import annotations

import hashlib
import os
import socket
import threading

import asyncssh
import pytest
from far_shop import NIGHT, FarShop, says
from servers import Sftp, SftpServer

FILE = f"out/toss_{NIGHT}.csv"
SOURCE = 'transport: provider\nexpected: daily\nfiles: "toss_{date}*.csv*"'


def transport(sftp: SftpServer, more: str = "", login: str = "password: env:ACME_SFTP_PASSWORD") -> str:
    place = f'host: 127.0.0.1, port: {sftp.port}, user: acme, folder: out, host_key: "{sftp.host_key}"'
    return f"{{sftp: {{{place}, {login}{more}}}}}"


@pytest.fixture
def far(shop: FarShop, sftp: SftpServer) -> FarShop:
    """The shop with one provider's file on the server."""
    sftp.put(FILE, shop.file("toss"))
    shop.settle({"toss": SOURCE}, {"provider": transport(sftp)})
    return shop


def name(sftp: SftpServer, file: str = FILE) -> str:
    return f"sftp://127.0.0.1:{sftp.port}/{file}"


def test_a_file_from_a_server_gives_the_breaks_of_the_same_file_in_a_folder(far, sftp, near):
    answer = far.night()
    assert answer.exit == 0, answer.error
    assert far.breaks() == near.breaks() != []
    entry = far.entries()[name(sftp)]
    assert entry["sha256"] == hashlib.sha256((sftp.folder / FILE).read_bytes()).hexdigest()
    before, logins = far.everything(), sftp.accounts.tried
    (sftp.folder / FILE).unlink()
    assert far.night().exit == 0 and far.everything() == before  # a rerun reads what the night kept
    assert sftp.accounts.tried == logins + 1


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"])
def test_every_kind_of_host_key(far, sftp, kind):
    sftp.new_host_key(kind)
    far.settle({"toss": SOURCE}, {"provider": transport(sftp)})
    assert far.check().exit == 0


def test_a_server_with_another_key_hears_neither_user_nor_password(far, sftp):
    sftp.new_host_key()
    for command in (far.night, far.check):
        assert command().exit == 2
    answer = far.night()
    says(
        answer,
        2,
        "sftp-host-key",
        "the server shows SHA256:",
        "host_key is SHA256:",
        "nothing was sent",
        "ask the provider",
    )
    assert sftp.accounts.tried == 0 and far.nothing_left() and far.raw() == set()


def test_a_server_with_a_key_of_another_type(far, sftp):
    sftp.new_host_key("ssh-rsa")
    says(far.night(), 2, "sftp-host-key", "a key of another type")
    assert sftp.accounts.tried == 0


def test_two_keys_while_the_provider_changes_them(far, sftp):
    old = sftp.host_key
    sftp.new_host_key("ecdsa-sha2-nistp256")
    both = transport(sftp).replace(f'"{sftp.host_key}"', f'["{old}", "{sftp.host_key}"]')
    far.settle({"toss": SOURCE}, {"provider": both})
    assert far.night().exit == 0


def test_a_wrong_password_is_exit_2_and_is_not_shown(far, sftp):
    sftp.accounts.password = "another"
    says(far.night(), 2, "sftp-refused", "acme is not let in", "check them with the provider")
    assert far.nothing_left() and far.raw() == set()
    assert sftp.accounts.tried == 1, "a refusal is not tried again: accounts are locked for that"


@pytest.mark.parametrize("passphrase", [None, "open-sesame-4711"])
def test_a_private_key(far, sftp, passphrase):
    key = asyncssh.generate_private_key("ssh-ed25519")
    sftp.accounts.keys.append(key)
    (far.root / "key").write_bytes(key.export_private_key(passphrase=passphrase))
    more = ", key_passphrase: env:PASSPHRASE" if passphrase else ""
    far.settle({"toss": SOURCE}, {"provider": transport(sftp, more, "key: file:key")})
    assert far.night(**({"PASSPHRASE": passphrase} if passphrase else {})).exit == 0
    if passphrase:
        (far.root / "nights" / NIGHT / "manifest.json").unlink()
        says(far.night(PASSPHRASE="wrong"), 2, "sftp-key", "not a private key that can be read")


def test_a_key_that_the_server_does_not_know(far, sftp):
    sftp.accounts.keys.append(asyncssh.generate_private_key("ssh-ed25519"))
    (far.root / "key").write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_private_key())
    far.settle({"toss": SOURCE}, {"provider": transport(sftp, "", "key: file:key")})
    says(far.night(), 2, "sftp-refused", "not let in")


def test_e01_nobody_listens(far, sftp):
    sftp.stop()
    says(far.night(), 4, "sftp-unreachable", "the connection failed", "4 times", "it is safe")
    assert far.nothing_left() and far.raw() == set()


def test_e01_something_listens_that_is_no_server(far):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk() -> None:
            for _ in range(4):
                there, _ = listener.accept()
                there.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                there.close()

        threading.Thread(target=talk, daemon=True).start()
        text = (far.root / "recon.yaml").read_text("utf-8")
        port = text.partition("port: ")[2].partition(",")[0]
        (far.root / "recon.yaml").write_text(text.replace(port, str(listener.getsockname()[1])), encoding="utf-8")
        says(far.night(), 4, "sftp-unreachable")


def dropping(times: int):
    dropped: list[int] = []

    def on_read(server: Sftp, offset: int) -> None:
        if len(dropped) < times:
            dropped.append(offset)
            server.drop()

    return on_read


def test_e12_a_connection_that_drops_in_the_middle_of_a_file_is_made_again(far, sftp, near):
    Sftp.on_read = dropping(2)
    answer = far.night()
    assert answer.exit == 0, answer.error
    assert far.breaks() == near.breaks() and sftp.accounts.tried == 3


def test_e12_a_connection_that_drops_every_time_is_exit_4_and_nothing_is_kept(far, sftp):
    Sftp.on_read = dropping(99)
    says(far.night(), 4, "sftp-unreachable", name(sftp), "4 times", "it is safe")
    assert far.nothing_left() and far.raw() == set()


# --- F31: files that do not hold still -----------------------------------------------------------------------------------


def test_f31_a_file_that_grows_while_it_is_read_is_left_for_later(far, sftp, near):
    path = sftp.folder / FILE
    whole, then = path.read_bytes(), path.stat().st_mtime
    sftp.put(FILE, whole[:300])

    def rest_arrives(server: Sftp, offset: int) -> None:
        Sftp.on_read = None
        path.write_bytes(whole)
        os.utime(path, (then, then))

    Sftp.on_read = rest_arrives
    assert far.night().exit == 3
    assert far.awaiting()["toss"] == (
        f"{name(sftp)} is left for later: it had 300 bytes when it was listed, and {len(whole):,} when it was read"
    )
    assert name(sftp) not in far.entries() and far.nothing_left() is False
    assert far.night().exit == 0 and far.breaks() == near.breaks()


def test_f31_a_file_that_changed_a_moment_ago_is_left_for_later(far, sftp):
    path = sftp.folder / FILE
    sftp.put(FILE, path.read_bytes(), age_seconds=5)
    assert far.night().exit == 3
    assert "has not changed for 60 s" in far.awaiting()["toss"]
    far.settle({"toss": SOURCE + "\nsettle: 1 second"}, {"provider": transport(sftp)})
    assert far.night().exit == 0


def test_f31_a_file_under_the_name_of_an_upload_is_left_for_later(far, sftp):
    (sftp.folder / FILE).rename(sftp.folder / f"{FILE}.part")
    assert far.night().exit == 3
    assert ".part files are still being written" in far.awaiting()["toss"]
    sftp.put(FILE, (sftp.folder / f"{FILE}.part").read_bytes())
    assert far.night().exit == 0, "a part that was left beside its finished file does not count"


def test_f31_a_file_that_is_renamed_away_between_listing_and_reading(far, sftp, monkeypatch):
    """The server's uploader moves finished files out: what was listed is gone when it is asked for."""
    from recon.domain.rulebook import Moves, Source
    from recon.fetch import Connections, fetch_files
    from recon.fetch.sftp import Server
    from recon.fetch.transport import Candidate

    monkeypatch.setenv("ACME_SFTP_PASSWORD", "sesame-4711")
    from datetime import date

    from recon.config.workspace_file import load_workspace

    workspace = load_workspace(far.root)
    listed = Server.find

    def then_gone(self: Server, patterns: list[str]) -> list[list[Candidate]]:
        found = listed(self, patterns)
        (sftp.folder / FILE).unlink()
        return found

    monkeypatch.setattr(Server, "find", then_gone)
    night, later = date.fromisoformat(NIGHT), []
    source = Source("toss", "settlement_line", Moves.EVENTS, files="toss_{date}*.csv", transport="provider")
    with Connections(workspace.root, workspace.transports) as connections:
        files = fetch_files(connections.of(source), workspace.raw, source, night, night, 60, (), later.append)
    assert files == [] and [each.why for each in later] == ["it was there when the folder was listed, and is gone"]
    assert far.raw() == set()


def test_e15_names_on_the_server_are_names_only(shop, sftp):
    data = shop.file("toss").decode()
    head, *rows = data.splitlines()
    names = ["toss_a\nb.csv", "Toss_Twin.csv", "toss_twin.csv", "toss_..csv", "toss_한글.csv"]
    for file, row in zip(names, rows, strict=False):
        sftp.put(f"out/deep/er/{file}", f"{head}\n{row}\n".encode())
    shop.settle({"toss": 'transport: provider\nfiles: "**/[tT]oss_*.csv"'}, {"provider": transport(sftp)})
    answer = shop.night()
    assert answer.exit == 0, answer.error
    far = [each for each in shop.entries() if each.startswith("sftp:")]
    assert len(far) == min(len(names), len(rows)) and name(sftp, "out/deep/er/toss_a\\u{a}b.csv") in far
    assert all(len(each) == 64 and each.isalnum() for each in shop.raw())


def test_a_folder_that_is_not_there(far, sftp):
    far.settle({"toss": SOURCE}, {"provider": transport(sftp).replace("folder: out", "folder: elsewhere")})
    assert far.check().exit == 2
    assert far.night().exit == 3  # nothing has come, as far as a night can tell


def test_check_reads_no_file(far, sftp):
    read: list[int] = []
    Sftp.on_read = lambda server, offset: read.append(offset)
    assert far.check().exit == 0 and read == []
    sftp.accounts.password = "another"
    assert far.check().exit == 2
    sftp.stop()
    assert far.check().exit == 4
