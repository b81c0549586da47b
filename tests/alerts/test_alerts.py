"""Alerts: delivered to a real receiver, once for each change, and never a reason to fail."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from support.account import Open
from support.mail_server import PASSWORD, USER, mail_server
from support.receiving import Receiver, receiving
from support.shell import Shell, octopush
from talkhouse.pipelines.alerts.alert_log import Ledger
from talkhouse.pipelines.alerts.channels import Alert, NotDelivered
from talkhouse.pipelines.alerts.send import send_alerts
from talkhouse.pipelines.analytics.publish import Publication
from talkhouse.pipelines.audit.notes import note_build
from talkhouse.pipelines.warehouse.interface import AlreadySyncing, Destination
from talkhouse.simulator import Fault, Simulator


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def shell(tmp_path: Path, receiver: Receiver, simulator: Simulator) -> Shell:
    shell = Shell(tmp_path / "shop", tmp_path / "home")
    shell.configure(hotline=octopush(simulator, messages=False))
    shell.environment = {"ALERTS__WEBHOOK": receiver.url}
    return shell


def test_each_change_is_told_once(shell: Shell, receiver: Receiver, simulator: Simulator) -> None:
    shell("sync")
    assert receiver.received == []
    simulator.faults.add(Fault("status", status=401, times=None))
    for _ in range(2):
        shell("sync", exit_code=1)
    [failure] = receiver.received
    assert list(failure) == ["text"]
    assert failure["text"].startswith("Talkhouse: hotline fails since this sync: octopush: ")
    # what to do about it is told, too
    assert "set api_login and api_key" in failure["text"]
    simulator.faults.clear()
    for _ in range(2):
        shell("sync")
    assert [each["text"].partition(", ")[0] for each in receiver.received[1:]] == [
        "Talkhouse: hotline is well again"
    ]


def test_a_receiver_that_stumbles_is_asked_again(
    shell: Shell, receiver: Receiver, simulator: Simulator
) -> None:
    simulator.faults.add(Fault("status", status=401, times=None))
    receiver.statuses = [500]
    shell("sync", exit_code=1)
    assert len(receiver.received) == 1


def test_what_was_not_delivered_is_delivered_by_a_later_run(
    shell: Shell, receiver: Receiver, simulator: Simulator
) -> None:
    simulator.faults.add(Fault("status", status=401, times=None))
    receiver.statuses = [404] * 3
    told = shell("sync", exit_code=1).stderr
    assert "the alert was not delivered: the webhook answered 404; the next run tries again" in told
    assert "a-secret-path" not in told
    simulator.faults.clear()
    receiver.statuses = [404] * 3
    shell("sync")
    assert receiver.received == []
    for _ in range(2):
        shell("sync")
    assert [each["text"].partition(": octopush")[0] for each in receiver.received] == [
        "Talkhouse: hotline fails since this sync",
        "Talkhouse: hotline is well again, 13 rows were loaded",
    ]


def test_each_channel_is_told_once(shell: Shell, receiver: Receiver, simulator: Simulator) -> None:
    with receiving() as program:
        shell.environment["ALERTS__JSON_WEBHOOK"] = program.url
        simulator.faults.add(Fault("status", status=401, times=None))
        program.statuses = [503] * 3
        assert "the json_webhook answered 503" in shell("sync", exit_code=1).stderr
        for _ in range(2):
            shell("sync", exit_code=1)
        assert len(receiver.received) == 1
        [told] = program.received
    [(run_id, noted_at)] = shell.rows("select run_id, noted_at from audit.alerts")
    assert told == {
        "kind": "failed",
        "connection": "hotline",
        "is_over": False,
        "text": receiver.received[0]["text"],
        "run_id": run_id,
        "at": noted_at.isoformat(),
    }


def test_what_is_no_address_is_refused(shell: Shell) -> None:
    shell.environment = {"ALERTS__WEBHOOK": "the-team"}
    assert "alerts.webhook is no address" in shell("sync", exit_code=2).stderr


def test_that_no_sync_comes_any_more_is_told_by_status(shell: Shell, receiver: Receiver) -> None:
    shell("sync")
    shell("status", "--alert")
    assert receiver.received == []
    with duckdb.connect(shell.folder / "talkhouse.duckdb") as connection:
        connection.execute("update audit.runs set started_at = started_at - interval 3 days")
    shell("status", exit_code=1)
    assert receiver.received == []
    for _ in range(2):
        shell("status", "--alert", exit_code=1)
    [stale] = receiver.received
    assert stale["text"].startswith("Talkhouse: hotline is stale: no sync has ended well since 2")
    assert "does the scheduler still run `talkhouse sync`?" in stale["text"]
    shell("sync")
    assert receiver.received[1:] == [{"text": "Talkhouse: hotline is fresh again"}]


def test_wrong_settings_of_one_connection_are_told_once(
    shell: Shell, receiver: Receiver, simulator: Simulator
) -> None:
    good = octopush(simulator, messages=False)
    shell.configure(hotline=good, other=octopush(simulator, lookbak="1h"))
    for _ in range(2):
        shell("sync", exit_code=1)
    shell.configure(hotline=good, other=good)
    shell("sync")
    assert [each["text"] for each in receiver.received] == [
        "Talkhouse: other has wrong settings, and is not synced: [connections.other]: unknown "
        "setting lookbak; did you mean lookback?",
        "Talkhouse: other has right settings again",
    ]


def test_a_warehouse_that_cannot_be_opened_is_told_once(shell: Shell, receiver: Receiver) -> None:
    file = shell.folder / "talkhouse.duckdb"
    file.write_bytes(b"no database" * 1_000)
    shell("sync", exit_code=2)
    shell("status", "--alert", exit_code=2)
    [outage] = receiver.received
    assert outage["text"].startswith(
        "Talkhouse: the warehouse cannot be written, and nothing is synced: talkhouse.duckdb cannot"
    )
    file.unlink()
    for _ in range(2):
        shell("sync")
    assert receiver.received[1:] == [{"text": "Talkhouse: the warehouse can be written again"}]


def test_that_another_sync_is_still_at_it_is_no_news(shell: Shell, receiver: Receiver) -> None:
    shell("sync")
    with duckdb.connect(shell.folder / "talkhouse.duckdb"):
        shell("sync", exit_code=75)
        shell("status", "--alert", exit_code=75)
    assert receiver.received == []


@pytest.mark.deep
def test_that_it_is_held_for_an_hour_is_told_once(shell: Shell, receiver: Receiver) -> None:
    shell("sync")
    since = shell.folder / ".dlt/warehouse_held_since"
    with duckdb.connect(shell.folder / "talkhouse.duckdb"):
        shell("sync", exit_code=75)
        noted = datetime.fromisoformat(since.read_text("utf-8")) - timedelta(minutes=61)
        since.write_text(noted.isoformat(), "utf-8")
        for _ in range(2):
            shell("status", "--alert", exit_code=75)
    [held] = receiver.received
    assert held["text"].startswith(
        "Talkhouse: the warehouse cannot be written, and nothing is synced: "
        f"since {noted:%Y-%m-%d %H:%M:%S} UTC talkhouse.duckdb is open in another process ("
    )
    shell("sync")
    assert receiver.received[1:] == [{"text": "Talkhouse: the warehouse can be written again"}]
    assert not since.exists()


def test_each_channel_is_told_of_an_outage_once(shell: Shell, receiver: Receiver) -> None:
    shell.environment["LOGS__FILE"] = "-"
    (shell.folder / "talkhouse.duckdb").write_bytes(b"no database" * 1_000)
    with receiving() as program:
        shell.environment["ALERTS__JSON_WEBHOOK"] = program.url
        program.statuses = [503] * 3
        told = shell("sync", exit_code=2).stderr
        why = "the alert was not delivered: the json_webhook answered 503; the next run tries again"
        assert f"talkhouse: {why}\n" in told
        events = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
        [sent] = [each for each in events if each["event"] == "alerts_sent"]
        assert (sent["outcome"], sent["alerts"], sent["error"]) == ("failed", 1, why)
        for _ in range(2):
            shell("sync", exit_code=2)
        assert (len(receiver.received), len(program.received)) == (1, 1)


def test_a_warehouse_that_is_gone_is_told_once(shell: Shell, receiver: Receiver) -> None:
    shell("sync")
    (shell.folder / "talkhouse.duckdb").unlink()
    for _ in range(2):
        shell("status", "--alert", exit_code=1)
    assert [each["text"] for each in receiver.received] == [
        "Talkhouse: the warehouse cannot be written, and nothing is synced: talkhouse.duckdb is "
        "not there: put back what was moved away, or run `talkhouse sync`, which reads everything"
    ]
    shell("sync")
    assert receiver.received[1:] == [{"text": "Talkhouse: the warehouse can be written again"}]


def test_settings_that_let_nothing_be_synced_are_told_once(
    shell: Shell, receiver: Receiver, simulator: Simulator
) -> None:
    shell("sync")
    shell.configure(hotline=octopush(simulator, lookbak="1h"))
    for _ in range(2):
        shell("sync", exit_code=2)
        shell("status", "--alert", exit_code=2)
    assert [each["text"] for each in receiver.received] == [
        "Talkhouse: nothing is synced: [connections.hotline]: unknown setting lookbak; did you "
        "mean lookback?"
    ]
    shell.configure(hotline=octopush(simulator, messages=False))
    shell("sync")
    assert receiver.received[1:] == [{"text": "Talkhouse: the settings are right again"}]


def test_a_policy_that_is_not_applied_is_told_once(shell: Shell, receiver: Receiver) -> None:
    shell("sync")
    shell.environment["PRIVACY__NAME"] = "drop"
    for _ in range(2):
        shell("sync", exit_code=2)
        # it says so as well; that it is over, only a sync finds out
        shell("status", "--alert", exit_code=1)
    [told] = receiver.received
    assert told["text"].startswith("Talkhouse: nothing is synced: the rows that are stored are ")
    del shell.environment["PRIVACY__NAME"]
    shell("sync")
    assert receiver.received[1:] == [{"text": "Talkhouse: the settings are right again"}]


def test_the_warehouse_is_not_held_while_a_channel_is_waited_for(
    shell: Shell, receiver: Receiver, simulator: Simulator
) -> None:
    shell("sync")
    simulator.faults.add(Fault("status", status=401, times=None))
    opened: list[bool] = []

    def write() -> None:
        with duckdb.connect(shell.folder / "talkhouse.duckdb") as other:
            other.execute("create table audit.meanwhile (n int)")
            opened.append(True)

    receiver.meanwhile = write
    shell("sync", exit_code=1)
    assert opened == [True]
    assert shell.rows("select undelivered from audit.alerts") == [("",)]


def test_that_nobody_is_alerted_is_said(shell: Shell) -> None:
    shell("sync")
    shell.environment = {}
    told = shell("status", "--alert").stderr
    assert told == "talkhouse: nobody is alerted: set alerts in .dlt/secrets.toml\n"


@pytest.mark.parametrize("security", ["starttls", "tls", "none"])
def test_an_e_mail_is_sent(
    security: str, shell: Shell, simulator: Simulator, tmp_path: Path
) -> None:
    with mail_server(security, tmp_path) as server:
        shell.environment = {
            "ALERTS__SMTP__HOST": "127.0.0.1",
            "ALERTS__SMTP__PORT": str(server.port),
            "ALERTS__SMTP__SECURITY": security,
            "ALERTS__SMTP__FROM": "talkhouse@example.com",
            "ALERTS__SMTP__TO": "anna@example.com, ben@example.com",
        }
        if security != "none":
            shell.environment["ALERTS__SMTP__USER"] = USER
            shell.environment["ALERTS__SMTP__PASSWORD"] = "another"
        simulator.faults.add(Fault("status", status=401, times=None))
        told = shell("sync", exit_code=1).stderr
        if security != "none":
            assert server.mails == []
            # nobody vouches for its certificate
            assert "the mail server did not take it: SSLCertVerificationError" in told
            shell.environment["SSL_CERT_FILE"] = str(server.certificate)
            told = shell("sync", exit_code=1).stderr
            assert "the alert was not delivered: the mail server answered 535" in told
            assert "another" not in told.replace("another process", "")
            shell.environment["ALERTS__SMTP__PASSWORD"] = PASSWORD
            shell("sync", exit_code=1)
        [mail] = server.mails
    head, body = mail.split("\n\n", 1)
    assert head.splitlines()[:3] == [
        "Subject: Talkhouse: hotline fails since this sync",
        "From: talkhouse@example.com",
        "To: anna@example.com, ben@example.com",
    ]
    assert body.startswith("Talkhouse: hotline fails since this sync: octopush: GET ")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"FROM": ""}, "alerts.smtp: from and to are missing"),
        ({"SECURITY": "ssl"}, "alerts.smtp.security must be one of starttls, tls, none"),
        ({"SECURITY": "none", "USER": "u"}, "would send the password in the clear"),
        ({"PORT": "smtp"}, "alerts.smtp.port is no number"),
    ],
)
def test_wrong_settings_of_mail_are_refused(
    settings: dict[str, str], said: str, shell: Shell, simulator: Simulator
) -> None:
    given = {"HOST": "mail.example.com", "FROM": "t@example.com", "TO": "a@example.com"} | settings
    shell.environment = {f"ALERTS__SMTP__{name}": value for name, value in given.items()}
    assert said in shell("sync", exit_code=2).stderr
    assert not simulator.requests


@pytest.fixture
def told(account_of: Open, destination: Destination) -> "Told":
    return Told(destination)


class Told:
    """What one channel was told of an account, in this process."""

    def __init__(self, destination: Destination) -> None:
        self.destination = destination
        self.alerts: list[Alert] = []

    def after(self, account: object, publication: Publication | None = None) -> list[str]:
        self.alerts.clear()
        known = {"webhook": self.alerts.append}
        connection = account.connection  # type: ignore[attr-defined]
        assert send_alerts(known, [connection], {}, self.destination, publication) == []
        return [each.text for each in self.alerts]


@pytest.mark.twin
def test_a_field_is_told_when_it_is_first_met(account_of: Open, told: Told) -> None:
    account = account_of("octopush")
    account.synced()
    assert told.after(account) == []
    account.fault("extra_field", records="all", field="mood", value="a secret of a customer")
    account.fault("extra_field", records="all", field="weather", value=1)
    account.fault("extra_field", records="all", field="+4915112345678", value=1)
    account.later()
    account.synced(full=True)
    fields = [
        field
        for table in ("agents", "conversations", "messages")
        for field in (f"a field of {table}", f"{table}.mood", f"{table}.weather")
    ]
    shown = ", ".join(f"{field} (unknown field)" for field in fields[:5])
    assert told.after(account) == [
        f"Talkhouse: shop sends what is not declared: {shown}, 4 more. Nothing is lost: it is kept "
        "in _extra, and audit.drift lists it; a newer Talkhouse may have a column for it"
    ]
    account.synced(full=True)
    assert told.after(account) == []
    # a field may be named by what it holds
    [row] = account.warehouse.rows("select about from audit.alerts")
    assert "4915112345678" not in row["about"] and "mood" not in row["about"]
    old = [
        [each["table_name"], each["field"], each["problem"]]
        for each in account.warehouse.rows("select * from octopush.drift")
    ]
    account.warehouse.execute("update audit.alerts set about = %s", [json.dumps(old)])
    assert told.after(account) == []


@pytest.mark.twin
def test_rows_that_could_not_be_loaded_are_told_when_there_are_more(
    account_of: Open, told: Told
) -> None:
    account = account_of("chatwoot")
    first, second = (each.id for each in account.world.served("chatwoot")[:2])
    account.fault("status", f"/conversations/{first}/messages", status=500)
    account.synced()
    assert told.after(account) == [
        "Talkhouse: shop has 1 more rows that could not be loaded: messages 1 in all. "
        "audit.rejects says which and why; full scans try again what cannot be read"
    ]
    account.later()
    account.synced()
    assert told.after(account) == []
    account.fault("status", f"/conversations/{second}/messages", status=500)
    account.later()
    account.synced(full=True)
    [alert] = told.after(account)
    assert "shop has 1 more rows that could not be loaded: messages 2 in all." in alert


@pytest.mark.twin
def test_an_unusual_volume_is_told_and_its_end(account_of: Open, told: Told) -> None:
    account = account_of("octopush")
    account.synced()
    run = "select run_id, started_at from audit.runs"
    [synced] = account.warehouse.rows(run)
    for weeks in (1, 2, 3):
        account.warehouse.execute(
            "insert into audit.scans (run_id, account, provider, list, mode, is_finished, "
            "is_whole, pages, requests, rows_seen, rows_new, rows_deleted, rows_quarantined, "
            "messages_missing, rows_left, throttled_seconds) values (%s, 'shop', 'octopush', "
            "'conversations', 'recent', true, false, 1, 1, 1, 900, 0, 0, 0, 0, 0)",
            [f"{synced['started_at'] - timedelta(weeks=weeks, hours=2):%Y%m%dT%H%M%S}"],
        )
    [alert] = told.after(account)
    assert alert.startswith("Talkhouse: shop has an unusual volume: ")
    assert told.after(account) == []
    account.warehouse.execute(
        "update audit.scans set rows_new = 900 where run_id = %s and list = 'conversations'",
        [synced["run_id"]],
    )
    assert told.after(account) == ["Talkhouse: shop has its usual volume again"]


@pytest.mark.twin
def test_a_failed_build_and_a_failed_publication_are_told(account_of: Open, told: Told) -> None:
    account = account_of("octopush")
    account.synced()
    note_build(account.warehouse, False, "")
    for expected in (
        [
            "Talkhouse: the last build failed: `talkhouse build` says why; its tables are as they "
            "were, and none is published",
            "Talkhouse: no copy is published: the disk is full",
        ],
        [],
    ):
        publication = Publication("copy.duckdb", error="the disk is full")
        assert told.after(account, publication) == expected
    note_build(account.warehouse, True, "")
    assert told.after(account, Publication("copy.duckdb")) == [
        "Talkhouse: the build is good again",
        "Talkhouse: a copy is published again",
    ]


def test_nothing_is_noted_while_nobody_is_told(account_of: Open, destination: Destination) -> None:
    account = account_of("octopush")
    account.fault("status", status=401)
    account.sync()
    assert send_alerts({}, [account.connection], {}, destination) == []
    assert "alerts" not in account.warehouse.tables("audit") or not account.warehouse.rows(
        "select * from audit.alerts"
    )


@pytest.mark.twin
def test_a_channel_that_breaks_is_said_and_is_no_outage(
    account_of: Open, destination: Destination
) -> None:
    def breaks(alert: Alert) -> None:
        raise UnicodeEncodeError("ascii", "anna@exämple.com", 7, 8, "a secret")

    account = account_of("octopush")
    account.fault("status", status=401)
    account.sync()
    got: list[Alert] = []
    known = {"smtp": breaks, "webhook": got.append}
    assert send_alerts(known, [account.connection], {}, destination) == [
        "the alert was not delivered: smtp: UnicodeEncodeError; the next run tries again"
    ]
    assert [each.kind for each in got] == ["failed"]
    [row] = account.warehouse.rows("select undelivered from audit.alerts")
    assert row == {"undelivered": "smtp"}


@pytest.mark.twin
def test_what_nobody_took_for_a_day_is_told_no_more(account_of: Open, told: Told) -> None:
    account = account_of("octopush")
    account.synced()
    for hours in (23, 25):
        account.warehouse.execute(
            "insert into audit.alerts values (%s, %s, 'build', '', false, %s, '', '', 'webhook')",
            [str(hours), datetime.now(UTC) - timedelta(hours=hours), f"{hours} hours ago"],
        )
    assert told.after(account) == ["23 hours ago"]
    assert told.after(account) == []


def test_a_channel_that_was_taken_away_is_waited_for_no_more(
    account_of: Open, destination: Destination
) -> None:
    def refuse(alert: Alert) -> None:
        raise NotDelivered("the webhook answered 404")

    account = account_of("octopush")
    account.fault("status", status=401)
    account.sync()
    [why] = send_alerts({"webhook": refuse}, [account.connection], {}, destination)
    assert why == "the alert was not delivered: the webhook answered 404; the next run tries again"
    [row] = account.warehouse.rows("select undelivered from audit.alerts")
    assert row == {"undelivered": "webhook"}
    got: list[Alert] = []
    assert send_alerts({"smtp": got.append}, [account.connection], {}, destination) == []
    [row] = account.warehouse.rows("select undelivered from audit.alerts")
    assert (row, got) == ({"undelivered": ""}, [])


def test_what_was_told_and_could_not_be_noted_is_told_again(
    account_of: Open, destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = account_of("octopush")
    account.fault("status", status=401)
    account.sync()
    got: list[Alert] = []
    channels = {"webhook": got.append}

    def held(ledger: Ledger, alerts: object) -> None:
        raise AlreadySyncing("another has it")

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "delivered", held)
        said = send_alerts(channels, [account.connection], {}, destination)
    assert said == ["what was told is not noted, and will be told again: another has it"]
    assert send_alerts(channels, [account.connection], {}, destination) == []
    assert [each.kind for each in got] == ["failed", "failed"]
