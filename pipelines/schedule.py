"""Writes what runs syncs and builds every so often, and looks whether they still come, for cron,
systemd and Kubernetes. It installs nothing.
"""

import json
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from sources.settings import SettingsError, duration

MINUTE, HOUR, DAY = 60, 3_600, 86_400
NEVER = "never"
LOOK_EVERY_SECONDS = 30 * MINUTE

CRON = """\
# Copy to /etc/cron.d/talkhouse, or give the lines, without the user's name, to `crontab -e`.
# A sync that is still running makes the next one exit at once, with 75.
{when} {user} cd {folder} && {sync}
# That no sync comes any more is told where `alerts` say.
7,37 * * * * {user} cd {folder} && {look} > /dev/null
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
    return ["sync", "--build", build]


def written(cadence: Cadence, build: str, folder: Path, user: str) -> dict[Path, str]:
    """Writes the files into the folder, and says of each where it goes.

    Raises SettingsError if one of them is there and says something else.
    """
    program = str(Path(sys.executable).parent / "talkhouse")
    sync, look = sync_arguments(build), ["status", "--alert"]
    shared = {"user": user, "folder": Path.cwd()}
    commands = {"sync": shlex.join([program, *sync]), "look": shlex.join([program, *look])}
    syncing = {
        "name": "talkhouse",
        "what": "bring the warehouse up to date",
        "command": commands["sync"],
        "arguments": json.dumps(sync),
        "when": cadence.cron,
        "seconds": cadence.seconds,
        "spread": min(cadence.seconds // 10, 60),
        "why": "another sync is still running",
        "no_failure": "75",
    }
    looking = {
        "name": "talkhouse-status",
        "what": "tell that no sync comes any more",
        "command": commands["look"],
        "arguments": json.dumps(look),
        "when": "7,37 * * * *",
        "seconds": LOOK_EVERY_SECONDS,
        "spread": 60,
        "why": "somebody is needed, and was told; or a sync is running",
        "no_failure": "1 75",
    }
    texts = {folder / "talkhouse.cron": CRON.format(when=cadence.cron, **shared, **commands)}
    for job in (syncing, looking):
        name = job["name"]
        texts[folder / f"{name}.service"] = SERVICE.format(**shared, **job)
        texts[folder / f"{name}.timer"] = TIMER.format(**job)
        texts[folder / f"{name}-cronjob.yaml"] = CRONJOB.format(**job)
    for file, text in texts.items():
        if file.exists() and file.read_text("utf-8") != text:
            raise SettingsError(f"{file} is there and says something else; move it away first")
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in texts.items():
        file.write_text(text, "utf-8")
    return {file: text.splitlines()[0].removeprefix("# ") for file, text in texts.items()}
