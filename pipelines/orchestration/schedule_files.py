"""Writes what runs syncs and builds every so often, looks whether they still come, and deletes what
is too old, for cron, systemd and Kubernetes. It installs nothing.
"""

import json
import re
import shlex
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from talkhouse.pipelines.monitoring.health import SOONEST_STALE, STALE_AFTER_RUNS, words
from talkhouse.pipelines.settings.extras import BUILD
from talkhouse.pipelines.settings.personal_data import configured_retention
from talkhouse.sources.settings import SettingsError, duration

MINUTE, HOUR, DAY = 60, 3_600, 86_400
NEVER = "never"
# systemd has no one way to write these, and cron makes a new line of %
UNQUOTABLE = re.compile(r"[\s%$\\\"']")

CRON = """\
# Copy to /etc/cron.d/talkhouse, or give the lines, without the user's name, to `crontab -e`.
# A sync that is still running makes the next one exit at once, with 75.
"""

SERVICE = """\
# Copy to /etc/systemd/system/{name}.service.
[Unit]
Description=Talkhouse: {what}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
User={user}
WorkingDirectory={folder}
ExecStart={command}
# {why}: no failure
SuccessExitStatus={no_failure}
TimeoutStartSec=infinity
TimeoutStopSec=15
UMask=0077
ProtectSystem=strict
ReadWritePaths={folder}
PrivateTmp=yes
PrivateDevices=yes
ProtectHome=read-only
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
NoNewPrivileges=yes
RestrictSUIDSGID=yes
RestrictRealtime=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
LockPersonality=yes
CapabilityBoundingSet=
"""

TIMER = """\
# Copy to /etc/systemd/system/{name}.timer, then: systemctl enable --now {name}.timer
[Unit]
Description=Talkhouse: {what}, every {seconds} s

[Timer]
OnBootSec=1min
OnUnitActiveSec={seconds}s
RandomizedDelaySec={spread}s

[Install]
WantedBy=timers.target
"""

CRONJOB = """\
# kubectl apply -f {name}-cronjob.yaml, with an image of the Dockerfile, a volume for /data, and
# secrets named as the environment has them: CONNECTIONS__<NAME>__<SETTING>
apiVersion: batch/v1
kind: CronJob
metadata:
  name: {name}
spec:
  schedule: "{when}"
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: {seconds}
  jobTemplate:
    spec:
      backoffLimit: 0
      template:
        spec:
          restartPolicy: Never
          terminationGracePeriodSeconds: 15
          securityContext:
            runAsNonRoot: true
            runAsUser: 10001
            fsGroup: 10001
          containers:
            - name: talkhouse
              image: talkhouse:latest
              args: {arguments}
              envFrom:
                - secretRef:
                    name: talkhouse
              securityContext:
                allowPrivilegeEscalation: false
                readOnlyRootFilesystem: true
                capabilities:
                  drop: [ALL]
              volumeMounts:
                - {{name: data, mountPath: /data}}
                - {{name: tmp, mountPath: /tmp}}
          volumes:
            - name: data
              persistentVolumeClaim:
                claimName: talkhouse
            - name: tmp
              emptyDir: {{}}
"""


@dataclass(frozen=True)
class Cadence:
    """How often, in a duration that a cron expression can say."""

    seconds: int

    @classmethod
    def of(cls, text: str) -> "Cadence":
        """`5m`, `2h`, `1d`. Raises SettingsError for what cron cannot say."""
        try:
            seconds = int(duration(text).total_seconds())
        except ValueError as e:
            raise SettingsError(f"--every: {e}") from None
        for unit, most in ((MINUTE, HOUR), (HOUR, DAY)):
            if seconds % unit == 0 and 0 < seconds < most and most % seconds == 0:
                return cls(seconds)
        if seconds in (HOUR, DAY):
            return cls(seconds)
        raise SettingsError(
            f"--every {text}: cron can say minutes that divide an hour, hours that divide a day, "
            "or 1d: 1m, 5m, 15m, 1h, 6h, 1d"
        )

    @property
    def cron(self) -> str:
        """The five fields. Off the full hour: that is when every other job calls, too."""
        if self.seconds < HOUR:
            return f"*/{self.seconds // MINUTE} * * * *"
        if self.seconds < DAY:
            return f"17 */{self.seconds // HOUR} * * *"
        return "17 3 * * *"

    @property
    def stale_after(self) -> str:
        """When a connection is stale by itself, in words, once syncs have come so often."""
        return words(max(STALE_AFTER_RUNS * self.seconds, SOONEST_STALE.total_seconds()))


def sync_arguments(build: str) -> list[str]:
    """What a sync is called with; `build` is how often tables are built, or `never`.

    Raises SettingsError.
    """
    if build == NEVER:
        return ["sync"]
    try:
        duration(build)
    except ValueError as e:
        raise SettingsError(f"--build: {e}; or {NEVER}") from None
    if not BUILD.is_installed:
        raise SettingsError(f"--build {build} needs {BUILD}; or write --build {NEVER}")
    return ["sync", "--build", build]


@dataclass(frozen=True)
class Job:
    """A command that is run every so often. Of its exit codes, `no_failure` are none, and `why`."""

    name: str
    what: str
    arguments: list[str]
    when: str
    seconds: int
    why: str
    no_failure: str = "75"
    output: str = ""

    def files(self, user: str) -> dict[str, str]:
        """Its units and its Kubernetes file, by their names."""
        values = asdict(self) | {
            "arguments": json.dumps(self.arguments),
            "command": self.command,
            "folder": _folder(),
            "user": user,
            "spread": min(self.seconds // 10, 60),
        }
        return {
            f"{self.name}.service": SERVICE.format(**values),
            f"{self.name}.timer": TIMER.format(**values),
            f"{self.name}-cronjob.yaml": CRONJOB.format(**values),
        }

    def line(self, user: str) -> str:
        """Its line for cron."""
        folder = shlex.quote(str(_folder()))
        return f"{self.when} {user} cd {folder} && {self.command}{self.output}"

    @property
    def command(self) -> str:
        return shlex.join([str(Path(sys.executable).parent / "talkhouse"), *self.arguments])


def _folder() -> Path:
    """The working folder, which all files name. Raises SettingsError if one of their readers would
    take it for something else.
    """
    folder = Path.cwd()
    if UNQUOTABLE.search(str(folder)):
        raise SettingsError(
            f"{folder}: cron and systemd do not take a folder with a space, a quote, or one of % $ "
            "\\ in its name; schedule from another"
        )
    return folder


def jobs(cadence: Cadence, build: str) -> list[Job]:
    """What is to be run: syncs, a look whether they still come, and what is retained if something
    goes at all. Raises SettingsError.
    """
    syncing = Job(
        "talkhouse",
        "bring the warehouse up to date",
        sync_arguments(build),
        cadence.cron,
        cadence.seconds,
        "another sync is still running",
    )
    looking = Job(
        "talkhouse-status",
        "tell that no sync comes any more",
        ["status", "--alert"],
        "7,37 * * * *",
        30 * MINUTE,
        "somebody is needed, and was told; or a sync is running",
        "1 75",
        " > /dev/null",
    )
    retaining = Job(
        "talkhouse-retain",
        "delete what is older than [retention] says",
        ["retain"],
        "23 4 * * *",
        DAY,
        "a sync is running, and the next day is as good",
    )
    return [syncing, looking, *([retaining] if configured_retention() else [])]


def written(cadence: Cadence, build: str, folder: Path, user: str) -> dict[Path, str]:
    """Writes the files into the folder, and says of each where it goes.

    Raises SettingsError if one of them is there and says something else.
    """
    wanted = jobs(cadence, build)
    lines = "\n".join(f"# {job.what}\n{job.line(user)}" for job in wanted)
    texts = {folder / "talkhouse.cron": CRON + lines + "\n"}
    for job in wanted:
        texts |= {folder / name: text for name, text in job.files(user).items()}
    for file, text in texts.items():
        if file.exists() and file.read_text("utf-8") != text:
            raise SettingsError(f"{file} is there and says something else; move it away first")
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in texts.items():
        file.write_text(text, "utf-8")
    return {file: text.splitlines()[0].removeprefix("# ") for file, text in texts.items()}
