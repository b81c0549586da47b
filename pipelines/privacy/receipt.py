"""The receipt of an erasure."""

import hmac
import json
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

from talkhouse.pipelines.console import print_json, results
from talkhouse.sources.rows.personal_data import Privacy
from talkhouse.sources.settings import SettingsError


@dataclass
class Receipt:
    """What was erased: rows, and texts of others that named the person, by table. `kept_out` is how
    many keyed hashes keep the person out of later syncs. `made_up` are tables whose rows an earlier
    command deleted that did not come to its end, and gave no receipt. `failures` are what could not
    be done after that. `signature` is an HMAC of all else, with the secret `privacy.key`.
    """

    receipt_id: str
    erased_at: str
    destination: str
    asked_by: str
    connections: list[str]
    contacts: int
    conversations: int
    rows: dict[str, int] = field(default_factory=dict)
    texts: dict[str, int] = field(default_factory=dict)
    kept_out: int = 0
    made_up: list[str] = field(default_factory=list)
    published: str | None = None
    failures: list[str] = field(default_factory=list)
    talkhouse_version: str = field(default_factory=lambda: version("talkhouse"))
    signature: str = ""

    @property
    def file_name(self) -> str:
        """What its file is called."""
        return f"erased-{self.receipt_id}.json"

    def signed(self, privacy: Privacy) -> "Receipt":
        """The receipt with its signature."""
        document = json.dumps(asdict(self) | {"signature": ""}, sort_keys=True)
        self.signature = hmac.new(privacy.key, document.encode(), "sha256").hexdigest()
        return self


def make_folder(folder: Path) -> None:
    """Makes the folder of the receipts. Raises SettingsError if that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        why = f"--receipts: {folder} cannot be made: {e.strerror}; nothing was erased"
        raise SettingsError(why) from None


def write_receipt(receipt: Receipt, folder: Path) -> Path:
    """Writes the receipt to a file of its own, in a folder that is there."""
    file = folder / receipt.file_name
    file.touch(mode=0o600)
    file.write_text(json.dumps(asdict(receipt), indent=2) + "\n")
    return file


def show_receipt(receipt: Receipt, as_json: bool, *, done: bool) -> None:
    """Prints what was erased, or would be."""
    if as_json:
        print_json(asdict(receipt))
        return
    console = results()
    verb = "Erased" if done else "Would erase"
    lines = [
        f"{verb} {receipt.contacts:,} contacts and {receipt.conversations:,} conversations in "
        f"{receipt.destination}: {', '.join(receipt.connections) or 'nobody is known by that'}",
        *(f"  {table}: {rows:,} rows" for table, rows in receipt.rows.items()),
        *(f"  {table}: {rows:,} texts named the person" for table, rows in receipt.texts.items()),
    ]
    if done:
        lines.append(f"  kept out of later syncs by {receipt.kept_out:,} keyed hashes")
    if receipt.made_up:
        what = "made up" if done else "to be made up"
        lines.append(f"  what an earlier `talkhouse erase` began: {what}")
    if receipt.published:
        lines.append(f"  published anew: {receipt.published}")
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)
