"""Object kinds of the pretend portal: names, ids, sizes, the properties that stand for time."""

from dataclasses import dataclass

PORTAL = 44_551_100


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One object type."""

    name: str  # plural, as in paths; the ledger's stream name
    type_id: str
    records: int  # at scale 1
    first_id: int
    scope: str
    cursor: str = "hs_lastmodifieddate"
    created: str = "hs_createdate"
    defaults: tuple[str, ...] = ()
    own_name: str = ""  # of a custom object's schema
    scales: bool = True

    @property
    def qualified_name(self) -> str:
        """`p<portal>_<name>` of a custom object."""
        return f"p{PORTAL}_{self.own_name}" if self.own_name else ""

    def is_called(self, name: str) -> bool:
        """Whether a path may name it so: plural, singular, type id or qualified name."""
        names = {self.type_id, self.qualified_name} if self.own_name else {self.type_id, self.name}
        singular = {"companies": "company"}.get(self.name, self.name.removesuffix("s"))
        return name in names or (not self.own_name and name == singular)


CREATE, TICKETS = "createdate", "tickets"
DEAL_DEFAULTS = ("dealname", "amount", "closedate", "dealstage", "pipeline")
TICKET_DEFAULTS = ("subject", "content", "hs_pipeline", "hs_pipeline_stage", "hs_ticket_category")

# First ids: contacts cross from 2 to 4 digits, so that comparing ids as text goes wrong; notes
# cross 2^53, so that reading ids as floats does.
KINDS = (
    Kind(
        name="contacts",
        type_id="0-1",
        records=400,
        first_id=51,
        scope="crm.objects.contacts.read",
        cursor="lastmodifieddate",
        created=CREATE,
        defaults=("email", "firstname", "lastname"),
    ),
    Kind(
        name="companies",
        type_id="0-2",
        records=60,
        first_id=9_001,
        scope="crm.objects.companies.read",
        created=CREATE,
        defaults=("name", "domain"),
    ),
    Kind(
        name="deals",
        type_id="0-3",
        records=160,
        first_id=99_990,
        scope="crm.objects.deals.read",
        created=CREATE,
        defaults=DEAL_DEFAULTS,
    ),
    Kind(
        name="tickets",
        type_id="0-5",
        records=50,
        first_id=700,
        scope=TICKETS,
        created=CREATE,
        defaults=(*TICKET_DEFAULTS, "hs_ticket_priority"),
    ),
    Kind(
        name="appointments",
        type_id="0-421",
        records=200,
        first_id=310_000_000_001,
        scope="crm.objects.appointments.read",
        defaults=("hs_appointment_name", "hs_appointment_start"),
    ),
    Kind(name="leads", type_id="0-136", records=40, first_id=5_000, scope="crm.objects.leads.read"),
    Kind(name="products", type_id="0-7", records=25, first_id=80, scope="e-commerce"),
    Kind(name="line_items", type_id="0-8", records=120, first_id=20_100, scope="e-commerce"),
    Kind(
        name="quotes", type_id="0-14", records=30, first_id=6_100, scope="crm.objects.quotes.read"
    ),
    Kind(
        name="calls",
        type_id="0-48",
        records=120,
        first_id=99_999_999_900,
        scope="crm.objects.contacts.read",
    ),
    Kind(
        name="emails",
        type_id="0-49",
        records=80,
        first_id=41_000_000_001,
        scope="sales-email-read",
    ),
    Kind(
        name="meetings",
        type_id="0-47",
        records=40,
        first_id=42_000_000_001,
        scope="crm.objects.contacts.read",
    ),
    Kind(
        name="notes",
        type_id="0-46",
        records=100,
        first_id=2**53 - 60,
        scope="crm.objects.contacts.read",
    ),
    Kind(
        name="tasks",
        type_id="0-27",
        records=60,
        first_id=43_000_000_001,
        scope="crm.objects.contacts.read",
    ),
    Kind(
        name="users",
        type_id="0-115",
        records=12,
        first_id=900,
        scope="crm.objects.users.read",
        scales=False,
    ),
    Kind(
        name="divisions",
        type_id="2-37778609",
        records=12,
        first_id=21_500_000_001,
        scope="crm.objects.custom.read",
        own_name="division",
        scales=False,
    ),
    Kind(
        name="genius_users",
        type_id="2-42119425",
        records=30,
        first_id=22_500_000_001,
        scope="crm.objects.custom.read",
        own_name="genius_user",
        scales=False,
    ),
    Kind(
        name="zip_codes",
        type_id="2-42119500",
        records=150,
        first_id=23_500_000_001,
        scope="crm.objects.custom.read",
        own_name="zip_code",
        scales=False,
    ),
)
BY_NAME = {kind.name: kind for kind in KINDS}


def find_kind(name: str) -> Kind | None:
    """The kind that a path calls so."""
    return next((kind for kind in KINDS if kind.is_called(name)), None)
