"""The exported tables and made-up rows for them; values are text, as Athena hands them out."""

import json
import string
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from random import Random

Row = dict[str, str | None]
Items = dict[int, tuple[str | None, str | None]]
"""Line items by number: type and amount, the amount as a decimal."""

TEXT, MOMENT, MONEY = "VARCHAR", "TIMESTAMP_MS", "DECIMAL(12,2)"

TABLES: Mapping[str, Mapping[str, str]] = {
    "customer": {
        "customer_id": TEXT,
        "estimate_id": TEXT,
        "company_id": TEXT,
        "company_name": TEXT,
        "customer_first_name": TEXT,
        "customer_last_name": TEXT,
        "crm_source": TEXT,
        "crm_source_id": TEXT,
        "created_at": MOMENT,
        "updated_at": MOMENT,
    },
    "credit_applications": {
        "leap_credit_app_id": TEXT,
        "company_id": TEXT,
        "company_name": TEXT,
        "sales_rep_id": TEXT,
        "customer_id": TEXT,
        "credit_app_vendor": TEXT,
        "credit_app_vendor_id": TEXT,
        "credit_app_amount": MONEY,
        "credit_app_status": TEXT,
        "credit_app_note": TEXT,
        "created_at": MOMENT,
        "updated_at": MOMENT,
    },
    "estimate": {
        "estimate_id": TEXT,
        "company_id": TEXT,
        "company_name": TEXT,
        "office_id": TEXT,
        "office_name": TEXT,
        "sales_rep_id": TEXT,
        "sales_rep_first_name": TEXT,
        "sales_rep_last_name": TEXT,
        "customer_id": TEXT,
        "customer_first_name": TEXT,
        "customer_last_name": TEXT,
        "street_address": TEXT,
        "city": TEXT,
        "state": TEXT,
        "zip_code": TEXT,
        "sale_amount": MONEY,
        "is_sale": "BOOLEAN",
        "job_type": TEXT,
        "finance_amount": "DOUBLE",
        "bank_name": TEXT,
        "loan_name": TEXT,
        "down_payment": MONEY,
        "has_credit_app": "BOOLEAN",
        "document_count": "BIGINT",
        "created_at": MOMENT,
        "updated_at": MOMENT,
    },
    "lead_results": {
        "estimate_id": TEXT,
        "company_id": TEXT,
        "lead_results": TEXT,
        "created_at": MOMENT,
        "updated_at": MOMENT,
    },
    "user_activity": {
        "user_id": TEXT,
        "customer_id": TEXT,
        "estimate_id": TEXT,
        "company_id": TEXT,
        "activity_identifier": TEXT,
        "activity_note": TEXT,
        "key_metric": TEXT,
        "price_type": TEXT,
        "price": "DOUBLE",
        "local_customer_uuid": TEXT,
        "original_row_num": "BIGINT",
        "created_at": MOMENT,
    },
}
"""Name of each table, and its columns with their DuckDB types, in the order of the export."""

COMPANY: Row = {"company_id": "hgCompany1", "company_name": "Home Works"}
OFFICES = ("officeNo1x", "officeNo2x")
FIRST = ("Ana", "Bo & Cleo", "José", "Li", "Mary (call first)", "Zoë 🏠")
LAST = ("O'Neil", "Smith", "van der Berg", "")
JOBS = ("Roof", "Windows", "Siding", "Gutters", "Bath")
LONG_LABEL = "Color Selection (" + "name every colour that the homeowner has chosen, " * 4 + "all)"
IDS = string.ascii_letters + string.digits


def moment(instant: datetime) -> str:
    """`2026-01-02 03:04:05.678`: a timestamp(3) as Athena writes it, UTC without saying so."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def object_id(dice: Random) -> str:
    """A Parse-style id."""
    return "".join(dice.choices(IDS, k=10))


def stamps(dice: Random, created: datetime, changed: datetime | None) -> Row:
    """Both times; 1 in 50 rows was never given the second one."""
    never = dice.random() < 0.02  # noqa: PLR2004
    return {
        "created_at": moment(created),
        "updated_at": None if never or changed is None else moment(changed),
    }


def customer(dice: Random, customer_id: str | None, estimate_id: str | None) -> Row:
    """A customer of one estimate, without its times."""
    return {
        "customer_id": customer_id,
        "estimate_id": estimate_id,
        **COMPANY,
        "customer_first_name": dice.choice(FIRST),
        "customer_last_name": dice.choice(LAST),
        "crm_source": dice.choice(["", "hubspot", None]),
        "crm_source_id": dice.choice(["", str(dice.randrange(10**9)), None]),
    }


def credit_application(dice: Random, customer_id: str) -> Row:
    """A credit application, without its times."""
    return {
        "leap_credit_app_id": object_id(dice),
        **COMPANY,
        "sales_rep_id": object_id(dice),
        "customer_id": customer_id,
        "credit_app_vendor": dice.choice(["GreenSky", "Foundation"]),
        "credit_app_vendor_id": dice.choice(["", str(dice.randrange(10**6))]),
        "credit_app_amount": dice.choice([None, f"{dice.randrange(10**7) / 100:.2f}"]),
        "credit_app_status": dice.choice(["approved", "declined", "pending"]),
        "credit_app_note": dice.choice([None, "", "two lines\r\nof it", "long " * 200]),
    }


def estimate(dice: Random, customer_id: str | None) -> Row:
    """An estimate, without its times."""
    sale = dice.random() < 0.3  # noqa: PLR2004
    money = f"{dice.randrange(1_000_000, 9_000_000) / 100:.2f}"
    office = dice.randrange(len(OFFICES))
    return {
        "estimate_id": object_id(dice),
        **COMPANY,
        "office_id": OFFICES[office],
        "office_name": f"Office {office + 1}",
        "sales_rep_id": object_id(dice),
        "sales_rep_first_name": dice.choice(FIRST),
        "sales_rep_last_name": dice.choice(LAST),
        "customer_id": customer_id,
        "customer_first_name": dice.choice(FIRST),
        "customer_last_name": dice.choice(LAST),
        "street_address": f"{dice.randrange(1, 999)} Main St",
        "city": dice.choice(["Trenton", ""]),
        "state": "NJ",
        "zip_code": f"{dice.randrange(100_000):05d}",
        "sale_amount": money if sale else "0.00",
        "is_sale": dice.choice(["true"] if sale else ["false", "false", None]),
        "job_type": dice.choice(JOBS),
        "finance_amount": dice.choice([None, "0.0", "12500.5", "1.25E7", "1.0E-4"]),
        "bank_name": dice.choice([None, ""]),
        "loan_name": None,
        "down_payment": dice.choice([None, "500.00"]),
        "has_credit_app": dice.choice(["true", "false"]),
        "document_count": dice.choice([None, "0", "3", "12"]),
    }


def activity(dice: Random, estimate_id: str, number: int) -> Row:
    """Something a user did, without its time."""
    return {
        "user_id": object_id(dice),
        "customer_id": None,
        "estimate_id": estimate_id,
        "company_id": COMPANY["company_id"],
        "activity_identifier": dice.choice(["openedEstimate", "changedPrice"]),
        "activity_note": dice.choice([None, "", "saw page 3"]),
        "key_metric": None,
        "price_type": dice.choice([None, "oneYear"]),
        "price": dice.choice([None, "99.5", "1.2E7"]),
        "local_customer_uuid": None,
        "original_row_num": str(number),
    }


def answers(dice: Random) -> tuple[str | None, Items | None]:
    """The JSON of a lead result, and the line items it holds; None when nobody can read it."""
    draw = dice.random()
    if draw < 0.02:  # noqa: PLR2004 - a few are broken, empty or missing
        text = dice.choice(['[{"title": "Result", "val', "[]", "", None])
        return text, {} if text in {"[]", "", None} else None
    pairs: list[tuple[str, str | None]] = [
        ("Appointment Result", dice.choice(["[CC] Sold", "[DNS] Demo not sold", "-Undecided"])),
        ("Both Homeowners Present?", dice.choice(["Yes", "No", "N/A"])),
        ("Deposit Type-", dice.choice(["Check", "-", "None"])),
        ("Closing Notes (what was said & done)", dice.choice(["fine 👍", "line\r\nline", None])),
        (LONG_LABEL, "white"),
        ("Favourite Snack \u2014 new question", dice.choice(["nuts", "n/a"])),
    ]
    items: Items = {}
    if draw < 0.2:  # noqa: PLR2004 - the form of a one-job company
        job, cents = dice.choice(JOBS), dice.randrange(100, 5_000_000)
        pairs += [("Job Type", job), ("Job Size", f"${cents / 100:,.2f}")]
        items[1] = (job, f"{cents / 100:.2f}")
    else:
        for number in range(1, dice.randrange(1, 5)):
            job, cents = dice.choice(JOBS), dice.randrange(100, 5_000_000)
            pairs += [
                (f"Job Type {number} ", job),
                (f"Job Type {number} Amount", f"${cents / 100:,.2f}"),
            ]
            items[number] = (job, f"{cents / 100:.2f}")
    shown = [{"title": title, "value": value} for title, value in pairs]
    return json.dumps(shown, ensure_ascii=dice.random() < 0.5), items  # noqa: PLR2004


def office(dice: Random, office_id: str, changed: datetime) -> Row:
    """A row of the offices' CSV export."""
    return {
        "objectId": office_id,
        "name": f"Office {office_id[-2]} {dice.choice(['North', 'South'])}",
        "companyId": COMPANY["company_id"],
        "company": COMPANY["company_name"],
        "canSearchAllEstimates": dice.choice(["true", "false"]),
        "last_edit_user": "",
        "createdAt": zulu(changed - timedelta(days=400)),
        "updatedAt": zulu(changed),
        "last_edit_date": zulu(changed),
    }


def user(dice: Random, user_id: str, changed: datetime) -> Row:
    """A row of the users' CSV export."""
    flags = ("isActive", "isManager", "isAvailableToCall", "canActivateUsers")
    more = ("canChangeSettings", "canSubmitCreditApps", "disableChangeCompany")
    return {
        "objectId": user_id,
        "username": f"{user_id.lower()}@example.test",
        "nameFirst": dice.choice(FIRST),
        "nameLast": dice.choice(LAST),
        "email": f"{user_id.lower()}@example.test",
        "phoneNumber": f"0{dice.randrange(10**9):09d}",
        **{flag: dice.choice(["true", "false"]) for flag in flags + more},
        "company": COMPANY["company_name"],
        "selectedOffice": OFFICES[0],
        "allowedOffices": json.dumps(list(OFFICES)),
        "identifier": "",
        "licenseNumber": "",
        "createdAt": zulu(changed - timedelta(days=300)),
        "updatedAt": zulu(changed),
        "lastLoginDate": dice.choice(["", zulu(changed)]),
        "deactivatedDate": "",
    }


def zulu(instant: datetime) -> str:
    """`2026-01-02T03:04:05.678Z`, as the CSV exports write an instant."""
    return moment(instant).replace(" ", "T") + "Z"
