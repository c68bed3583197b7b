"""The configuration of a domain: fields, lists, campaigns, people."""

from collections.abc import Mapping
from typing import Any

from connectors.sandbox.clock import iso
from connectors.sandbox.five9.contacts import MODIFIED, SYSTEM
from connectors.sandbox.five9.soap import Fault
from connectors.sandbox.ledger import Ledger
from connectors.sandbox.vendors import World

STREAMS = (
    "contact_fields",
    "lists",
    "dispositions",
    "campaigns",
    "campaign_lists",
    "users",
    "agent_groups",
    "skills",
    "call_log",
    "agent_login_logout",
)
OPERATIONS = {
    "getContactFields": "contact_fields",
    "getListsInfo": "lists",
    "getDispositions": "dispositions",
    "getUsersGeneralInfo": "users",
    "getAgentGroups": "agent_groups",
    "getSkills": "skills",
}
CUSTOM: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    ("email", "EMAIL", "None", {}),
    ("Lead Status", "STRING", "None", {"Set": "New;Hot;Lost"}),
    ("123 metal-count", "NUMBER", "None", {"Precision": "5", "Scale": "0"}),
    ("Total_Job_Amount", "CURRENCY", "None", {"Precision": "9", "Scale": "2"}),
    ("DoNotDial", "BOOLEAN", "None", {}),
    ("Appointment Date", "DATE", "None", {"DateFormat": "MM/dd/yyyy"}),
    ("last disposition", "STRING", "LastDisposition", {}),
    ("Created", "DATE_TIME", "CreatedDateTime", {}),
    (MODIFIED, "DATE_TIME", "LastModifiedDateTime", {}),
    ("TFUID", "STRING", "None", {}),
)


def fill(ledger: Ledger, world: World) -> None:
    """Set up the configuration that a domain of this size would have."""
    for name in SYSTEM:
        kind = "PHONE" if name.startswith("number") else "STRING"
        ledger["contact_fields"].put(name, contact_field(name, kind, "None", system=True))
    for name, kind, maps, restrictions in CUSTOM:
        ledger["contact_fields"].put(
            name, contact_field(name, kind, maps, restrictions=restrictions)
        )
    for number in range(world.count(12, 4)):
        name = f"List {number} & more"
        ledger["lists"].put(name, {"name": name, "size": number * 37})
    for number, name in enumerate(("Sold", "No Answer", "Busy", "Réservé", "Do Not Call")):
        ledger["dispositions"].put(name, _disposition(name, number))
    for number in range(6):
        kind = ("OUTBOUND", "INBOUND", "AUTODIAL")[number % 3]
        name = f"{kind.title()} {number}"
        campaign = {"mode": "BASIC", "name": name, "state": "RUNNING", "trainingMode": False}
        ledger["campaigns"].put(name, {**campaign, "type": kind})
        if kind == "OUTBOUND":
            for each in range(2):
                put_campaign_list(ledger, name, f"List {each} & more", each + 1)
    for number in range(world.count(20, 3)):
        ledger["users"].put(str(1000 + number), _user(number, world))
    for number, name in enumerate(("Sales", "Support", "Nobody")):
        agents = [] if name == "Nobody" else [f"agent{each}" for each in range(number + 1)]
        group = {"agents": agents, "description": f"{name} group", "id": 50 + number, "name": name}
        ledger["agent_groups"].put(str(50 + number), group)
        skill = {"id": 70 + number, "messageOfTheDay": None, "name": name, "routeVoiceMails": True}
        ledger["skills"].put(str(70 + number), {"description": f"{name} skill", **skill})


def listed(ledger: Ledger, operation: str, campaign: str, kind: str) -> list[Any] | None:
    """What a configuration operation returns; None when it is not one."""
    if operation in OPERATIONS:
        return ledger[OPERATIONS[operation]].live()
    if operation == "getCampaigns":
        return [each for each in ledger["campaigns"].live() if kind in {"", each["type"]}]
    if operation == "getListsForCampaign":
        if ledger["campaigns"].get(campaign) is None:
            raise Fault("CampaignNotFound", f"Campaign {campaign} was not found")
        rows = ledger["campaign_lists"].live()
        return [each for each in rows if each["campaignName"] == campaign]
    return None


def contact_field(
    name: str,
    kind: str,
    maps: str,
    *,
    system: bool = False,
    restrictions: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A contact field as `getContactFields` shows it."""
    return {
        "displayAs": "Short",
        "mapTo": maps,
        "name": name,
        "restrictions": [
            {"type": each, "value": text} for each, text in (restrictions or {}).items()
        ],
        "system": system,
        "type": kind,
    }


def put_campaign_list(ledger: Ledger, campaign: str, name: str, priority: int) -> None:
    """Give a campaign a list, or another priority to it."""
    row = {"campaignName": campaign, "dialingPriority": priority, "dialingRatio": 50}
    row |= {"listName": name, "priority": priority}
    ledger["campaign_lists"].put(f"{campaign}:{name}", row)


def _disposition(name: str, number: int) -> dict[str, Any]:
    timer = {"days": 0, "hours": 1, "minutes": number, "seconds": 0}
    parameters = {"allowChangeTimer": False, "attempts": 3, "timer": timer, "useTimer": True}
    return {
        "agentMustCompleteWorksheet": False,
        "agentMustConfirm": number == 0,
        "description": None if number == 1 else f"{name} it is",
        "name": name,
        "resetAttemptsCounter": False,
        "sendEmailNotification": False,
        "sendIMNotification": False,
        "trackAsFirstCallResolution": True,
        "type": "RedialNumber" if number else "FinalDisp",
        "typeParameters": parameters if number else None,
    }


def _user(number: int, world: World) -> dict[str, Any]:
    dice = world.random("five9", "user", number)
    media = [{"enabled": True, "maxAlowed": 1, "type": kind} for kind in ("VOICE", "CHAT")]
    return {
        "active": number != 1,
        "canChangePassword": True,
        "EMail": f"agent{number}@example.com",
        "extension": f"0{number:03}",
        "firstName": f"Agent {number}",
        "fullName": f"Agent {number} Roe",
        "IEXScheduled": False,
        "id": 1000 + number,
        "lastName": "Roe",
        "locale": "en_US",
        "mediaTypeConfig": {"mediaTypes": media},
        "mustChangePassword": False,
        "osLogin": None,
        "password": f"clear-text-{number}",
        "startDate": iso(world.before_start(dice)),
        "userName": f"agent{number}",
    }
