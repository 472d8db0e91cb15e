"""Automations kept on a server: made where they are missing, brought up to date where they are there."""

from prefect.client.orchestration import SyncPrefectClient
from prefect.events.schemas.automations import Automation, AutomationCore


def find_automation(client: SyncPrefectClient, name: str) -> Automation | None:
    """The automation of a name; None where there is none.

    Args:
        client: Of the server.
        name: Its name.
    """
    found = client.read_automations_by_name(name)
    return found[0] if found else None


def keep_automation(client: SyncPrefectClient, wanted: AutomationCore) -> None:
    """Create an automation, or bring it up to date. One that somebody has switched off stays off.

    Args:
        client: Of the server.
        wanted: The automation; its name says which it is.
    """
    existing = find_automation(client, wanted.name)
    if existing is None:
        client.create_automation(wanted)
    else:
        client.update_automation(existing.id, wanted.model_copy(update={"enabled": existing.enabled}))
