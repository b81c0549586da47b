"""What the settings say of personal data: what is done with it, and how long it is stored.

.dlt/config.toml    [privacy]    phone = "hash", body = "redact", ...
                    [retention]  messages = "400d", ...
.dlt/secrets.toml   [privacy]    key = "..."
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from talkhouse.pipelines.settings.project import HERE, Project
from talkhouse.sources.rows.personal_data import (
    ACTIONS,
    EMAIL,
    FREE_FORM,
    IDENTIFIER,
    PHONE,
    Action,
    PersonalData,
    Privacy,
)
from talkhouse.sources.settings import SettingsError, duration, refuse_unknown

SHORTEST_KEY = 16
MAKE_KEY = "write the output of `openssl rand -hex 32` to .dlt/secrets.toml, and keep a copy"
RETAINED = ("conversations", "messages", "contacts", "csat_responses")


def configured_privacy(project: Project = HERE) -> Privacy:
    """The policy of the settings; what is not named is kept. Raises SettingsError."""
    kinds = {kind.value: kind for kind in PersonalData}
    _refuse_unknown(project, "privacy", [*kinds, "key"])
    policy: dict[PersonalData, Action] = {}
    for name, kind in kinds.items():
        said = project.setting(f"privacy.{name}")
        allowed = {action.value: action for action in ACTIONS[kind]}
        if said is not None and said not in allowed:
            raise SettingsError(f"privacy.{name} is {said!r}, and must be {', '.join(allowed)}")
        policy[kind] = allowed.get(str(said), Action.KEEP)
    hides = any(action is not Action.KEEP for action in policy.values())
    if hides and project.setting("privacy.free_form") is None:
        # attributes and unknown fields may hold whatever is hidden elsewhere
        policy[FREE_FORM] = Action.DROP
    if policy[PHONE] is not Action.KEEP and project.setting("privacy.identifier") is None:
        # at most channels a customer's id is the number, or has it in it
        policy[IDENTIFIER] = Action.HASH
    key = str(project.secret("privacy.key") or "")
    if key and len(key) < SHORTEST_KEY:
        raise SettingsError(f"privacy.key has fewer than {SHORTEST_KEY} characters: {MAKE_KEY}")
    # tables whose key is an address or an identifier are keyed by its hash
    is_hashed = Action.HASH in policy.values() or any(
        policy[kind] is not Action.KEEP for kind in (EMAIL, IDENTIFIER)
    )
    if is_hashed and not key:
        raise SettingsError(f"what [privacy] hides needs privacy.key, a secret: {MAKE_KEY}")
    return Privacy(policy, key.encode())


def configured_retention(project: Project = HERE) -> dict[str, timedelta]:
    """How long the rows of each table are stored. Raises SettingsError."""
    _refuse_unknown(project, "retention", RETAINED)
    windows: dict[str, timedelta] = {}
    for table in RETAINED:
        said = project.setting(f"retention.{table}")
        if said:
            try:
                windows[table] = duration(str(said))
            except ValueError as e:
                raise SettingsError(f"retention.{table}: {e}") from None
    return windows


def _refuse_unknown(project: Project, section: str, known: Sequence[str]) -> None:
    for found in project.sections(section):
        if not isinstance(found, Mapping):
            raise SettingsError(f"[{section}] must be a table, such as {section}.{known[0]} = ...")
        refuse_unknown(f"[{section}]", found, known)
    prefix = f"{section.upper()}__"
    found = [name for name in project.environment if name.startswith(prefix)]
    named = [name.removeprefix(prefix).lower() for name in found]
    refuse_unknown(f"the environment's {prefix}", named, known)
