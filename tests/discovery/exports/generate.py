"""Writes the exports beside it anew, byte for byte: made-up people at example.* domains.

The headers are those of the vendors' exports; the mess is what exports have: blanks, a byte order
mark, line breaks in quotes, leading zeros, ids of 19 digits, days before months.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FIRST = ("Ada", "Björn", "Chloé", "Dmitri", "Esi", "Farah", "Göran", "Hana", "Iñigo", "Jürgen")
LAST = ("Andersson", "Núñez", "O'Neil", "Ekström", "Weiß", "van Dijk", "Ito", "Smith, Jr.")
CITIES = ("Berlin", "Malmö", "Porto", "", "Gent")
TOWN = "Main Street {}\nBack entrance"


def email(i: int) -> str:
    return f"person.{i}@example.{('com', 'net', 'org')[i % 3]}"


def first(i: int) -> str:
    return FIRST[i % len(FIRST)]


def last(i: int) -> str:
    return LAST[i % len(LAST)]


def day(i: int) -> str:
    return f"20{18 + i % 6}-{i % 12 + 1:02}-{i * 7 % 28 + 1:02}"


def clock(i: int) -> str:
    return f"{i * 5 % 24:02}:{i * 11 % 60:02}"


def table(
    path: str,
    header: Sequence[str],
    rows: Iterable[Sequence[Any]],
    encoding: str = "utf-8",
    delimiter: str = ",",
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    _write(path, text.getvalue().encode(encoding))


def lines(path: str, records: Iterable[dict[str, Any]]) -> None:
    _write(path, "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records).encode())


def _write(path: str, content: bytes) -> None:
    target = HERE / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


def hubspot() -> None:
    table(
        "hubspot/hubspot-crm-exports-all-contacts-2024-05-02.csv",
        ("Record ID", "First Name", "Last Name", "Email", "Phone Number", "Contact owner",
         "Lifecycle Stage", "Lead Status", "Create Date", "Last Modified Date", "City",
         "Unsubscribed from all email", "Opted out of email: Product news",
         "Marketing contact status", "Associated Company IDs", "Associated Company",
         "Number of Pageviews", "Message"),
        (
            (
                90071992547409 * 100 + i, first(i), last(i), email(i),
                f"+49 30 00{i:05}" if i % 4 else "", "Sales Team",
                ("Lead", "Customer", "Subscriber")[i % 3], "", f"{day(i)} {clock(i)}",
                f"2024-04-{i % 28 + 1:02} 08:00", CITIES[i % 5],
                ("", "false", "true")[i % 3] if i % 5 else "Yes", "true" if i % 6 == 0 else "",
                "Marketing contact", 5500 + i % 8 if i % 7 else "", f"Company {i % 8}",
                i * 3, "First line\nsecond line" if i % 9 == 0 else "",
            )
            for i in range(1, 41)
        ),
        "utf-8-sig",
    )  # fmt: skip
    table(
        "hubspot/hubspot-crm-exports-all-companies-2024-05-02.csv",
        ("Record ID", "Company name", "Company owner", "Create Date", "Phone Number", "City",
         "Country/Region", "Industry", "Company Domain Name", "Number of Employees",
         "Annual Revenue"),
        (
            (
                5500 + i, f"Company {i}", "Sales Team", f"{day(i)} {clock(i)}", f"0{i}0-123",
                CITIES[i % 5], "Germany", "Retail", f"company{i}.example", 10 * i + 1,
                f"{1000 * i}.50" if i % 3 else "",
            )
            for i in range(16)
        ),
    )  # fmt: skip
    table(
        "hubspot/hubspot-crm-exports-all-deals-2024-05-02.csv",
        ("Record ID", "Deal Name", "Deal Stage", "Pipeline", "Close Date", "Deal owner", "Amount",
         "Create Date", "Associated Contact IDs", "Associated Company IDs"),
        (
            (
                770000 + i, f"Deal {i}", "Closed Won", "Sales Pipeline", f"{day(i)} {clock(i)}",
                "Sales Team", f"{i * 100}", f"{day(i + 3)} {clock(i)}",
                f"{9007199254740900 + i};{9007199254740901 + i}" if i % 2 else "", 5500 + i % 8,
            )
            for i in range(1, 21)
        ),
    )  # fmt: skip


def salesforce() -> None:
    def key(prefix: str, i: int) -> str:
        return f"{prefix}5g00000{i:05}AAB"

    def stamp(i: int) -> str:
        return f"{day(i)}T{clock(i)}:07.000Z"

    table(
        "salesforce/Contact.csv",
        ("Id", "IsDeleted", "MasterRecordId", "AccountId", "LastName", "FirstName", "Salutation",
         "MailingStreet", "MailingCity", "MailingPostalCode", "Phone", "Email", "Birthdate",
         "OwnerId", "HasOptedOutOfEmail", "DoNotCall", "CreatedDate", "LastModifiedDate",
         "SystemModstamp", "EmailBouncedDate"),
        (
            (
                key("003", i), "true" if i % 15 == 14 else "false", "", key("001", i % 10), last(i),
                first(i), "Ms.", TOWN.format(i), CITIES[i % 5], f"0{i:04}", "", email(i),
                f"19{60 + i % 40}-{i % 12 + 1:02}-11", key("005", 1),
                "true" if i % 4 == 1 else "false", "true" if i % 10 == 0 else "false", stamp(i),
                stamp(i + 9), stamp(i + 9), stamp(i) if i % 13 == 3 else "",
            )
            for i in range(45)
        ),
    )  # fmt: skip
    table(
        "salesforce/Lead.csv",
        ("Id", "IsDeleted", "LastName", "FirstName", "Company", "Email", "Status", "LeadSource",
         "HasOptedOutOfEmail", "IsConverted", "ConvertedDate", "ConvertedAccountId",
         "ConvertedContactId", "CreatedDate", "LastModifiedDate"),
        (
            (
                key("00Q", i), "false", last(i), first(i), f"Firm {i}", email(500 + i),
                "Open - Not Contacted", "Web", "1" if i % 3 == 0 else "0",
                "true" if i % 8 == 0 else "false", day(i) if i % 8 == 0 else "", "",
                key("003", i) if i % 8 == 0 else "", stamp(i), stamp(i + 1),
            )
            for i in range(24)
        ),
    )  # fmt: skip
    table(
        "salesforce/Account.csv",
        ("Id", "IsDeleted", "Name", "Type", "ParentId", "BillingStreet", "BillingCity",
         "BillingCountry", "Industry", "AnnualRevenue", "NumberOfEmployees", "CreatedDate"),
        (
            (
                key("001", i), "true" if i == 11 else "false", f"Account {i}", "Customer", "",
                TOWN.format(i), CITIES[i % 5], "Sweden", "Energy", f"{i}00000.0", i * 4, stamp(i),
            )
            for i in range(15)
        ),
    )  # fmt: skip
    table(
        "salesforce/Opportunity.csv",
        ("Id", "IsDeleted", "AccountId", "Name", "StageName", "Amount", "Probability", "CloseDate",
         "Type", "IsClosed", "IsWon", "ForecastCategory", "CreatedDate", "ContactId"),
        (
            (
                key("006", i), "false", key("001", i % 10), f"Opportunity {i}", "Closed Won",
                f"{i * 10}.25", "100.0", day(i), "New", "true", "true", "Closed", stamp(i),
                key("003", i) if i % 3 else "",
            )
            for i in range(15)
        ),
    )  # fmt: skip
    table(
        "salesforce/CampaignMember.csv",
        ("Id", "IsDeleted", "CampaignId", "LeadId", "ContactId", "Status", "HasResponded",
         "CreatedDate", "FirstRespondedDate"),
        (
            (
                key("00v", i), "false", key("701", i % 3), "" if i % 2 else key("00Q", i),
                key("003", i) if i % 2 else "", "Sent", "false", stamp(i), "",
            )
            for i in range(20)
        ),
    )  # fmt: skip


def mailchimp() -> None:
    shared = ("Email Address", "First Name", "Last Name", "Address", "Birthday", "MEMBER_RATING",
              "OPTIN_TIME", "OPTIN_IP", "CONFIRM_TIME", "CONFIRM_IP", "LATITUDE", "LONGITUDE",
              "GMTOFF", "DSTOFF", "TIMEZONE", "CC", "REGION")  # fmt: skip
    behind = ("LAST_CHANGED", "LEID", "EUID", "NOTES", "TAGS")

    def member(i: int) -> tuple[Any, ...]:
        joined = f"{day(i)} {clock(i)}:11"
        return (
            email(i), first(i), last(i), f"Street {i}  {CITIES[i % 5]}  0{i:04}  DE",
            f"{i % 12 + 1:02}/{i % 28 + 1:02}", i % 5 + 1, joined if i % 3 else "",
            f"192.0.2.{i}" if i % 3 else "", joined, f"198.51.100.{i}", f"52.{i:05}00",
            f"13.{i:05}00", "1", "2", "Europe/Berlin", "DE", "BE",
        )  # fmt: skip

    def tail(i: int) -> tuple[Any, ...]:
        note = "Met at the fair,\nwants a call" if i % 10 == 0 else ""
        return (f"2024-03-{i % 28 + 1:02} 10:00:00", 1000 + i, f"{i:010x}", note, '"vip","trial"')

    name = "segment_export_0a1b2c3d4e"
    table(f"mailchimp/subscribed_{name}.csv", (*shared, *behind),
          ((*member(i), *tail(i)) for i in range(30)))  # fmt: skip
    table(
        f"mailchimp/unsubscribed_{name}.csv",
        (*shared, "UNSUB_TIME", "UNSUB_CAMPAIGN_TITLE", "UNSUB_CAMPAIGN_ID", "UNSUB_REASON",
         "UNSUB_REASON_OTHER", *behind),
        (
            (*member(i), f"2024-02-{i % 28 + 1:02} 09:00:00", "Spring", "c0ffee", "NORMAL", "",
             *tail(i))
            for i in range(100, 118)
        ),
    )  # fmt: skip
    table(
        f"mailchimp/cleaned_{name}.csv",
        (*shared, "CLEAN_TIME", "CLEAN_CAMPAIGN_TITLE", "CLEAN_CAMPAIGN_ID", *behind),
        (
            (*member(i), f"2024-01-{i % 28 + 1:02} 09:00:00", "Winter", "decade", *tail(i))
            for i in range(200, 216)
        ),
    )


def klaviyo() -> None:
    consent = ("SUBSCRIBED", "UNSUBSCRIBED", "NEVER_SUBSCRIBED", "")
    table(
        "klaviyo/profiles.csv",
        ("Email", "Klaviyo ID", "First Name", "Last Name", "Organization", "Title", "Phone Number",
         "Address", "City", "Zip Code", "Email Marketing Consent",
         "Email Marketing Consent Timestamp", "SMS Marketing Consent", "Email Suppressions",
         "Initial Source", "Profile Created On", "Last Active", "Loyalty Points"),
        (
            (
                email(i), f"01HX{i:022}", first(i), last(i), "", "", f"+4930000{i:04}", "",
                CITIES[i % 5], f"0{i:04}", consent[i % 4], f"{day(i)} 07:30:00+00:00",
                "NEVER_SUBSCRIBED", "USER_SUPPRESSED" if i % 12 == 0 else "", "Footer form",
                f"{day(i)} {clock(i)}:00+00:00", "", f"{i}",
            )
            for i in range(40)
        ),
    )  # fmt: skip
    table(
        "klaviyo/events.csv",
        (
            "Event ID",
            "Metric Name",
            "Profile ID",
            "Email",
            "Timestamp",
            "Value",
            "Event Properties",
        ),
        (
            (
                f"5{i:05}x",
                ("Placed Order", "Started Checkout")[i % 2],
                f"01HX{i % 20:022}",
                email(i % 20),
                f"{day(i)} {clock(i)}:30+00:00",
                f"{i}.90",
                json.dumps({"items": [{"sku": f"00{i}", "n": 1}]}),
            )
            for i in range(40)
        ),
    )


def intercom() -> None:
    table(
        "intercom/users.csv",
        ("Name", "Email", "User id", "Intercom ID", "Phone", "Signed up", "Last seen",
         "Last contacted", "Web sessions", "City", "Country", "Browser Language", "Company ID",
         "Company name", "Unsubscribed from Emails", "Has hard bounced", "Marked email as spam"),
        (
            (
                f"{first(i)} {last(i)}", email(i), f"{i:06}", f"{i:024x}", "",
                f"{day(i)} {clock(i)}", f"2024-04-{i % 28 + 1:02} 12:00", "", i, CITIES[i % 5],
                "Sweden", "sv", f"{i % 6:04}", f"Company {i % 6}",
                "true" if i % 5 == 2 else "false", "true" if i % 11 == 3 else "false",
                "true" if i == 17 else "false",
            )
            for i in range(36)
        ),
        delimiter=";",
    )  # fmt: skip
    table(
        "intercom/companies.csv",
        ("Company name", "Company ID", "Company last seen", "Company created at", "People", "Plan",
         "Monthly spend", "Company size", "Company industry", "Company website"),
        (
            (
                f"Company {i}", f"{i:04}", f"2024-04-{i % 28 + 1:02} 12:00", f"{day(i)} 00:00",
                i + 1, "Pro", f"{i}9.00", 10 * i, "Software", f"https://company{i}.example",
            )
            for i in range(15)
        ),
        delimiter=";",
    )  # fmt: skip


def segment() -> None:
    def times(i: int) -> tuple[str, ...]:
        return tuple(f"{day(i)} {clock(i)}:{s:02}.123 UTC" for s in (1, 2, 3, 4))

    kept = ("received_at", "original_timestamp", "sent_at", "timestamp")
    table(
        "segment/identifies.csv",
        ("id", *kept, "user_id", "anonymous_id", "email", "first_name", "plan", "context_ip",
         "context_library_name", "email_opt_in", "uuid_ts"),
        (
            (
                f"ajs-{i:032x}", *times(i), f"u{i % 25:05}", f"anon-{i}", email(i % 25),
                first(i), ("free", "pro")[i % 2], f"192.0.2.{i}", "analytics.js",
                ("true", "false", "")[i % 25 % 3], times(i)[0],
            )
            for i in range(40)
        ),
    )  # fmt: skip
    table(
        "segment/tracks.csv",
        ("id", *kept, "event", "event_text", "user_id", "anonymous_id", "context_ip",
         "context_library_name", "uuid_ts"),
        (
            (
                f"ajs-t{i:031x}", *times(i), "order_completed", "Order Completed",
                f"u{i % 25:05}" if i % 6 else "", f"anon-{i}", f"192.0.2.{i}", "analytics.js",
                times(i)[0],
            )
            for i in range(48)
        ),
    )  # fmt: skip
    table(
        "segment/groups.csv",
        ("id", *kept, "group_id", "user_id", "anonymous_id", "name", "industry", "context_ip",
         "uuid_ts"),
        (
            (
                f"ajs-g{i:031x}", *times(i), f"g{i % 5:03}", f"u{i:05}", f"anon-{i}",
                f"Group {i % 5}", "Toys", f"192.0.2.{i}", times(i)[0],
            )
            for i in range(20)
        ),
    )  # fmt: skip

    def call(i: int) -> dict[str, Any]:
        kind = ("identify", "track", "group", "page")[i % 4]
        told: dict[str, Any] = {
            "type": kind, "messageId": f"m-{i:05}", "userId": f"u{i:05}" if i % 5 else None,
            "anonymousId": f"anon-{i}", "timestamp": f"{day(i)}T{clock(i)}:05.100Z",
            "receivedAt": f"{day(i)}T{clock(i)}:06.100Z", "context": {"ip": f"192.0.2.{i}"},
        }  # fmt: skip
        if kind == "track":
            return told | {
                "event": "Order Completed",
                "properties": {"id": 9007199254740993 * 1000},
            }
        if kind == "group":
            return told | {"groupId": f"g{i % 5:03}", "traits": {"name": f"Group {i % 5}"}}
        if kind == "page":
            return told | {"name": "Home", "properties": {"path": "/"}}
        return told | {"traits": {"email": email(i), "first_name": first(i)}}

    lines("segment/calls.jsonl", (call(i) for i in range(60)))


if __name__ == "__main__":
    for write in (hubspot, salesforce, mailchimp, klaviyo, intercom, segment):
        write()
