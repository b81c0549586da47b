"""Writes what runs a sync every so often, for cron, systemd and Kubernetes. It installs nothing."""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from sources.settings import SettingsError, duration

MINUTE, HOUR, DAY = 60, 3_600, 86_400

CRON = """\
# Copy to /etc/cron.d/talkhouse, or give the line, without the user's name, to `crontab -e`.
# A sync that is still running makes the next one exit at once, with 75.
{when} {user} cd {folder} && {command}
"""

SERVICE = """\
# Copy to /etc/systemd/system/talkhouse.service.
[Unit]
Description=Talkhouse: bring the warehouse up to date
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
User={user}
WorkingDirectory={folder}
ExecStart={command}
# another sync is still running: no failure
SuccessExitStatus=75
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
# Copy to /etc/systemd/system/talkhouse.timer, then: systemctl enable --now talkhouse.timer
[Unit]
Description=Talkhouse, every {every}

[Timer]
OnBootSec=1min
OnUnitActiveSec={seconds}s
RandomizedDelaySec={spread}s

[Install]
WantedBy=timers.target
"""

CRONJOB = """\
# kubectl apply -f talkhouse-cronjob.yaml, with an image of the Dockerfile, a volume for /data, and
# secrets named as the environment has them: CONNECTIONS__<NAME>__<SETTING>
apiVersion: batch/v1
kind: CronJob
metadata:
  name: talkhouse
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
              args: ["sync"]
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

    every: str
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
                return cls(text, seconds)
        if seconds in (HOUR, DAY):
            return cls(text, seconds)
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


def written(cadence: Cadence, folder: Path, user: str) -> dict[Path, str]:
    """Writes the files into the folder, and says of each where it goes.

    Raises SettingsError if one of them is there and says something else.
    """
    working = Path.cwd()
    command = [str(Path(sys.executable).parent / "talkhouse"), "sync"]
    values = {
        "when": cadence.cron,
        "every": cadence.every,
        "seconds": cadence.seconds,
        "spread": min(cadence.seconds // 10, 60),
        "user": user,
        "folder": working,
        "command": shlex.join(command),
    }
    files = {
        "talkhouse.cron": CRON,
        "talkhouse.service": SERVICE,
        "talkhouse.timer": TIMER,
        "talkhouse-cronjob.yaml": CRONJOB,
    }
    texts = {folder / name: text.format(**values) for name, text in files.items()}
    for file, text in texts.items():
        if file.exists() and file.read_text("utf-8") != text:
            raise SettingsError(f"{file} is there and says something else; move it away first")
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in texts.items():
        file.write_text(text, "utf-8")
    return {file: text.splitlines()[0].removeprefix("# ") for file, text in texts.items()}
