"""Properties of the pretend portal, by object kind."""

from connectors.sandbox.hubspot.recipes import (
    Property,
    choice,
    custom,
    date,
    empty,
    flag,
    moment,
    number,
    owner,
    several,
    text,
    unique,
)

OWNER_IDS = tuple(str(70_000_100 + 7 * number) for number in range(12))
FIRST = ("Ana", "Bo", "Chloé", "Dmitri", "Eve", "Zoë", "Jean Luc", "Mae 🌞", "Xi", "O'Neil")
LAST = ("Smith", "García", "Nguyễn", "Müller", "de la Cruz", "O'Brien", "Łukasz", "Kim", "Brown")
STREETS = ("12 Elm St", "400 Oak Ave, Apt 2", "77 Main\nRear door", "9 <b>Hill</b> Rd", None)
CITIES = ("Salt Lake City", "Provo", "Boise", "Tucson", "St. George", None)
STATES = ("UT", "ID", "AZ", "NV", "co", None)
ZIPS = ("84101", "00501", "83702", "85701-1234", None)
PHONES = ("+18015550100", "(208) 555-0101", "801.555.0102 x7", "", None)
DIVISIONS = ("Utah", "Idaho", "Arizona", "Nevada", "Colorado")
SOURCES = ("ORGANIC_SEARCH", "PAID_SEARCH", "DIRECT_TRAFFIC", "OFFLINE", "REFERRALS")
LONG_NUMBER = "0.200000000000000011102230246251565404236316680908203125"
SAVINGS = "Roof & solar: save 30 %\xa0today\nCall “Ann” 📞"
EMAIL_BODY = "<div>Hi,<br>see you at 9.</div>"

CONTACTS = (
    unique("email", lambda row, _id: f"customer{row}@example.com"),
    unique("vendorleadid", lambda row, id_: f"L{id_:09d}-{row % 7}"),
    text("firstname", *FIRST),
    text("lastname", *LAST),
    text("phone", *PHONES),
    text("address", *STREETS),
    text("city", *CITIES),
    text("state", *STATES),
    text("zip", *ZIPS),
    text("country", "United States", "USA", None),
    custom("division", *DIVISIONS),
    custom("division_id", "1", "2", "3", "4", "5"),
    custom("comments", SAVINGS, "", None, "null", "N/A"),
    custom("adgroupid", "128849", "9007199254740993", None),
    custom("campaign_name", "Spring roofs", "Windows '26", None),
    custom("campaign_content", "banner-a", "banner-b", None),
    custom("clicktype", "gclid", "fbclid", None),
    text("hs_google_click_id", "Cj0KCQiA", None),
    custom("search_terms", "roof repair near me", "windows;doors", None),
    choice("vertical", "roofing", "windows", "solar", "bath"),
    custom("trustedform_cert_url", "https://cert.example.com/4f1c", None),
    choice("original_lead_source", "web", "canvass", "referral", "event"),
    moment("original_lead_source_created"),
    number("price", 0, 900, 2, "1e3"),
    number("lead_cost", 1, 160, 2, LONG_NUMBER, ""),
    choice("tier", "gold", "silver", "bronze"),
    custom("reference_code", "R-1", "R-2", None),
    number("lead_status_code", 0, 9),
    flag("lead_is_duplicate"),
    flag("lead_opted_in"),
    number("lead_external_id", 10**17, 10**18 - 1),
    moment("lead_added_on"),
    moment("lead_assigned_on"),
    moment("lead_copied_on"),
    custom("lead_salesrep_first_name", *FIRST[:4], None),
    custom("lead_salesrep_last_name", *LAST[:4], None),
    choice("lead_opt_in_confirmed", "Yes", "No", "Unknown"),
    several("lead_interests", "roof", "windows", "doors", "siding", "gutters"),
    custom("prospect_company", "Acme Homes", None),
    number("prospect_age", 18, 99),
    date("prospect_birthday", 25_000),
    date("contract_date"),
    choice("hs_analytics_source", *SOURCES, empty=0),
    text("hs_analytics_source_data_1", "google", "bing", None),
    moment("hs_analytics_first_timestamp", calculated=True),
    number("hs_analytics_num_page_views", 0, 80),
    choice("hs_latest_source", *SOURCES),
    choice("lifecyclestage", "lead", "marketingqualifiedlead", "opportunity", "customer"),
    choice("hs_lead_status", "NEW", "OPEN", "IN_PROGRESS", "UNQUALIFIED"),
    number("num_notes", 0, 25),
    number("num_associated_deals", 0, 4),
    moment("notes_last_contacted"),
    moment("notes_last_updated"),
    flag("hs_is_unworked"),
    owner("hubspot_owner_id", OWNER_IDS),
    custom("canvasser", "Pat", "Sam", None),
    custom("hatch_id", "h-100", None),
    custom("marketsharp_id", "ms-7", None),
    custom("sales_rabbit_lead_id", "501", "502", None),
    custom("hge_primary_source", "Web", "TV", None),
    text("hs_merged_object_ids", None),
    text("hs_calculated_merged_vids", None),
    empty("fax"),
    moment("hs_lastmodifieddate"),
)
COMPANIES = (
    unique("domain", lambda row, _id: f"company{row}.example.com"),
    text("name", "Acme Homes", "Bright & Sons", "Ünlü Çati", "Roofs <R> Us"),
    text("phone", *PHONES),
    text("city", *CITIES),
    choice("industry", "CONSTRUCTION", "REAL_ESTATE", "UTILITIES"),
    number("annualrevenue", 10_000, 9_000_000, 0, "1e6"),
    number("numberofemployees", 1, 900),
    owner("hubspot_owner_id", OWNER_IDS),
    text("hs_merged_object_ids", None),
    empty("about_us"),
)
DEALS = (
    unique("dealname", lambda row, _id: f"Roof replacement {row}"),
    number("amount", 500, 60_000, 2, "0", "1.5e4"),
    number("amount_in_home_currency", 500, 60_000, 2),
    choice("deal_currency_code", "USD", "CAD", empty=0),
    moment("closedate"),
    choice("pipeline", "default", "88001", empty=0),
    choice("dealstage", "appointmentscheduled", "closedwon", "closedlost", "990017", empty=0),
    choice("dealtype", "newbusiness", "existingbusiness"),
    text("description", SAVINGS, "", None),
    choice("hs_priority", "low", "medium", "high"),
    custom("division", *DIVISIONS),
    custom("priority", "1", "2", None),
    moment("hs_v2_date_entered_appointmentscheduled", calculated=True),
    owner("hubspot_owner_id", OWNER_IDS),
    text("hs_merged_object_ids", None),
    moment("hs_createdate"),
)
TICKETS = (
    unique("subject", lambda row, _id: f"Leak at house {row}"),
    text("content", SAVINGS, "Water in the attic", None),
    choice("hs_pipeline", "0", empty=0),
    choice("hs_pipeline_stage", "1", "2", "4", empty=0),
    choice("hs_ticket_category", "PRODUCT_ISSUE", "BILLING_ISSUE"),
    choice("hs_ticket_priority", "LOW", "HIGH"),
    owner("hubspot_owner_id", OWNER_IDS),
)
APPOINTMENTS = (
    unique("appointment_id", lambda row, _id: f"A-{row}"),
    unique("genius_appointment_id", lambda row, _id: str(40_000 + row)),
    text("hs_appointment_name", "In-home estimate", "Inspection", "Re-visit"),
    moment("hs_appointment_start"),
    moment("hs_appointment_end"),
    number("hs_duration", 900_000, 7_200_000),
    custom("first_name", *FIRST),
    custom("last_name", *LAST),
    custom("email", "a@example.com", "null", None),
    custom("phone1", *PHONES),
    custom("address1", *STREETS),
    custom("city", *CITIES),
    custom("state", *STATES),
    custom("zip", *ZIPS),
    date("date"),
    custom("time", "09:00:00", "14:30", None),
    choice("appointment_status", "scheduled", "completed", "cancelled", "no_show"),
    choice("is_complete", "true", "false", "Yes"),
    custom("cancel_reason", "Weather", None),
    custom("arrivy_status", "COMPLETE", "ENROUTE", None),
    custom("arrivy_object_id", "6011", None),
    custom("salespro_deadline", "30 days", None),
    number("salespro_job_size", 1, 80, 1),
    several("interested_in", "roof", "windows", "bath"),
    owner("hubspot_owner_id", OWNER_IDS),
    owner("hs_all_owner_ids", OWNER_IDS),
)
LEADS = (
    unique("hs_lead_name", lambda row, _id: f"Lead {row}"),
    choice("hs_lead_type", "NEW_BUSINESS", "UPSELL"),
    choice("hs_lead_label", "HOT", "WARM", "COLD"),
    owner("hubspot_owner_id", OWNER_IDS),
)
PRODUCTS = (
    unique("hs_sku", lambda row, _id: f"SKU-{row:04d}"),
    text("name", "Shingle, grey", "Window 24x36", "Gutter 10'"),
    number("price", 5, 900, 2),
    number("hs_cost_of_goods_sold", 1, 500, 4),
)
LINE_ITEMS = (
    text("name", "Shingle, grey", "Window 24x36"),
    number("quantity", 1, 40),
    number("price", 5, 900, 2),
    number("amount", 5, 9000, 2),
)
QUOTES = (
    unique("hs_title", lambda row, _id: f"Quote {row}"),
    choice("hs_status", "DRAFT", "APPROVAL_NOT_NEEDED", "REJECTED"),
    number("hs_quote_amount", 500, 60_000, 2),
    moment("hs_expiration_date"),
)
CALLS = (
    moment("hs_timestamp"),
    text("hs_call_title", "Call with Ana", None),
    text("hs_call_body", "<p>Left a message</p>", None),
    number("hs_call_duration", 0, 900_000),
    choice("hs_call_direction", "INBOUND", "OUTBOUND"),
    owner("hubspot_owner_id", OWNER_IDS),
)
EMAILS = (
    moment("hs_timestamp"),
    unique("hs_email_subject", lambda row, _id: f"Your appointment #{row}"),
    text("hs_email_html", EMAIL_BODY, "<p>" + "long " * 400 + "</p>"),
    choice("hs_email_direction", "EMAIL", "INCOMING_EMAIL"),
)
MEETINGS = (
    moment("hs_timestamp"),
    text("hs_meeting_title", "Estimate", "Kick-off"),
    moment("hs_meeting_start_time"),
    choice("hs_meeting_outcome", "SCHEDULED", "COMPLETED", "NO_SHOW"),
)
NOTES = (
    moment("hs_timestamp"),
    text("hs_note_body", "<p>Dog in the yard 🐕</p>", "gate code\t1234", None),
)
TASKS = (
    moment("hs_timestamp"),
    unique("hs_task_subject", lambda row, _id: f"Call back {row}"),
    choice("hs_task_status", "NOT_STARTED", "COMPLETED"),
    choice("hs_task_priority", "LOW", "HIGH", "NONE"),
)
USERS = (
    unique("hs_email", lambda row, _id: f"user{row}@example.com"),
    text("hs_given_name", *FIRST),
    text("hs_family_name", *LAST),
    text("hs_job_title", "Sales rep", "Canvasser", None),
    flag("hs_deactivated"),
)
DIVISION = (
    unique("division_code", lambda row, _id: f"D{row:02d}"),
    custom("division_name", *DIVISIONS),
    custom("division_label", *DIVISIONS),
    choice("status", "active", "closed"),
    custom("region", "West", "Mountain"),
    custom("manager_name", "Ana Smith", None),
    custom("manager_email", "ana@example.com", None),
    custom("phone", *PHONES),
    custom("address1", *STREETS),
    custom("city", *CITIES),
    custom("state", *STATES),
    custom("zip", *ZIPS),
)
GENIUS_USER = (
    unique("user_id", lambda row, _id: str(3000 + row)),
    custom("name", *FIRST),
    custom("email", "rep@example.com", None),
    custom("job_title", "Rep", "Manager", None),
    custom("division", *DIVISIONS),
    custom("division_id", "1", "2", "3"),
    custom("arrivy_user_id", "5501", None),
    choice("user_status_inactive", "0", "1"),
)
ZIP_CODE = (
    unique("zipcode", lambda row, _id: f"{84001 + row:05d}"),
    custom("division", *DIVISIONS),
    custom("city", *CITIES),
    custom("state", *STATES),
    custom("county", "Salt Lake", "Ada", None),
)

BY_KIND: dict[str, tuple[Property, ...]] = {
    "contacts": CONTACTS,
    "companies": COMPANIES,
    "deals": DEALS,
    "tickets": TICKETS,
    "appointments": APPOINTMENTS,
    "leads": LEADS,
    "products": PRODUCTS,
    "line_items": LINE_ITEMS,
    "quotes": QUOTES,
    "calls": CALLS,
    "emails": EMAILS,
    "meetings": MEETINGS,
    "notes": NOTES,
    "tasks": TASKS,
    "users": USERS,
    "divisions": DIVISION,
    "genius_users": GENIUS_USER,
    "zip_codes": ZIP_CODE,
}
