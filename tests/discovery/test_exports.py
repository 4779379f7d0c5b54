"""Exports of well-known systems: what is written loads, every row goes through the real encoder,
and whoever has opted out ends unsubscribed, and nobody else.
"""

from pathlib import Path

import pytest

from discovery.drafted import EXPORTS, drafted, export, rows


@pytest.mark.parametrize(
    ("vendor", "counts"),
    [
        (
            "hubspot",
            {
                "hubspot_contacts_opted_out": (18, 0, 22),
                "hubspot_companies": (16, 0, 0),
                "hubspot_deals": (20, 0, 0),
                "hubspot_contacts": (40, 0, 0),
            },
        ),
        (
            "salesforce",
            {
                "salesforce_contact_opted_out": (13, 0, 32),
                "salesforce_lead_opted_out": (8, 0, 16),
                "salesforce_account": (14, 0, 1),
                "salesforce_opportunity": (15, 0, 0),
                "salesforce_contact": (42, 0, 3),
                "salesforce_lead": (24, 0, 0),
                "salesforce_campaignmember_of_contacts": (10, 0, 10),
                "salesforce_campaignmember_of_leads": (10, 0, 10),
            },
        ),
        (
            "mailchimp",
            {
                "mailchimp_cleaned_members": (16, 0, 0),
                "mailchimp_unsubscribed_members": (18, 0, 0),
                "mailchimp_members": (30, 0, 0),
            },
        ),
        (
            "klaviyo",
            {
                "klaviyo_profiles_opted_out": (14, 0, 26),
                "klaviyo_profiles": (40, 0, 0),
                "klaviyo_events": (40, 0, 0),
            },
        ),
        (
            "intercom",
            {
                "intercom_users_opted_out": (10, 0, 26),
                "intercom_companies": (15, 0, 0),
                "intercom_users": (36, 0, 0),
            },
        ),
        (
            "segment",
            {
                "segment_identifies_opted_out": (13, 0, 27),
                "segment_calls_groups": (15, 0, 45),
                "segment_groups": (20, 0, 0),
                "segment_calls_identifies": (12, 0, 48),
                "segment_identifies": (40, 0, 0),
                "segment_calls_tracks": (12, 0, 48),
                "segment_tracks": (40, 0, 8),
            },
        ),
    ],
)
def test_every_row_is_sent_or_left_out_by_a_condition_in_an_order_that_works(
    vendor, counts, tmp_path
):
    found = export(tmp_path, vendor)

    assert found.counts == counts
    assert list(found.counts) == list(counts)


def test_hubspot_unsubscribed_from_all_email_and_nobody_else(tmp_path):
    told = rows("hubspot", "*contacts*")

    out = {r["Email"] for r in told if r["Unsubscribed from all email"] in ("true", "Yes")}
    assert out
    assert export(tmp_path, "hubspot").out() == out


def test_salesforce_opted_out_or_bounced_unless_deleted(tmp_path):
    contacts, leads = rows("salesforce", "Contact.csv"), rows("salesforce", "Lead.csv")

    out = {r["Email"] for r in leads if r["HasOptedOutOfEmail"] == "1"}
    for row in contacts:
        is_out = row["HasOptedOutOfEmail"] == "true" or row["EmailBouncedDate"]
        if is_out and row["IsDeleted"] == "false":
            out.add(row["Email"])
    assert export(tmp_path, "salesforce").out() == out


def test_salesforce_people_who_were_deleted_do_not_come_back(tmp_path):
    deleted = {r["Email"] for r in rows("salesforce", "Contact.csv") if r["IsDeleted"] == "true"}

    assert deleted
    assert not deleted & set(export(tmp_path, "salesforce").people())


def test_mailchimp_unsubscribed_and_cleaned_members_and_no_subscribed_one(tmp_path):
    told = [*rows("mailchimp", "unsub*"), *rows("mailchimp", "cleaned*")]

    found = export(tmp_path, "mailchimp")

    assert found.out() == {row["Email Address"] for row in told}
    assert {row["Email Address"] for row in rows("mailchimp", "subscr*")} <= set(found.people())


def test_klaviyo_unsubscribed_or_suppressed_and_nobody_who_was_never_asked(tmp_path):
    told = rows("klaviyo", "profiles.csv")

    found = export(tmp_path, "klaviyo")

    assert found.out() == {
        row["Email"]
        for row in told
        if row["Email Marketing Consent"] == "UNSUBSCRIBED" or row["Email Suppressions"]
    }
    assert "neither opted in nor out, and reachable: 20 of the rows looked at" in found.confirms


def test_intercom_unsubscribed_bounced_or_complained(tmp_path):
    told = rows("intercom", "users.csv", ";")

    columns = ("Unsubscribed from Emails", "Has hard bounced", "Marked email as spam")
    out = {row["Email"] for row in told if any(row[name] == "true" for name in columns)}
    assert export(tmp_path, "intercom").out() == out


def test_segment_consent_that_was_refused(tmp_path):
    told = rows("segment", "identifies.csv")

    assert export(tmp_path, "segment").out() == {
        row["email"] for row in told if row["email_opt_in"] == "false"
    }


def test_objects_have_types_of_their_own_and_people_are_tied_to_companies(tmp_path):
    sent = export(tmp_path, "hubspot").sent

    types = {
        name: {each["identifiers"]["object_type_id"] for each in sent[name].operations}
        for name in ("hubspot_companies", "hubspot_deals")
    }
    assert types == {"hubspot_companies": {"1"}, "hubspot_deals": {"2"}}
    ties = [each for each in sent["hubspot_contacts"].operations if "cio_relationships" in each]
    assert len(ties) == sum(
        bool(r["Associated Company IDs"]) for r in rows("hubspot", "*contacts*")
    )


def test_ids_and_codes_arrive_digit_by_digit(tmp_path):
    users = export(tmp_path, "intercom").sent["intercom_users"].operations

    assert [each["identifiers"]["id"] for each in users] == [f"{i:06}" for i in range(36)]


def test_creation_dates_of_every_vendor_become_created_at(tmp_path):
    for vendor in ("hubspot", "salesforce", "mailchimp", "klaviyo", "intercom"):
        sent = export(tmp_path / vendor, vendor).sent
        people = [one for one in sent.values() if "created_at" in one.stream.attributes]

        assert [one for one in people if one.stream.operation == ("person", "identify")], vendor


def test_events_have_the_name_time_and_key_of_the_export(tmp_path):
    event = export(tmp_path, "klaviyo").sent["klaviyo_events"].stream.event

    assert event is not None
    assert (event.name.column, event.timestamp.column, event.key) == (
        "Metric Name",
        "Timestamp",
        "Event ID",
    )


@pytest.mark.parametrize("vendor", ["hubspot", "klaviyo"])
def test_the_config_reads_as_the_golden_one(vendor, tmp_path, request):
    golden = Path(__file__).parent / "golden" / f"{vendor}.yaml"
    text = export(tmp_path, vendor).text
    if request.config.getoption("--regold"):
        golden.write_text(text, encoding="utf-8")

    assert text == golden.read_text(encoding="utf-8")


def test_the_sample_data_has_the_streams_an_expert_wrote(tmp_path):
    sample = EXPORTS.parents[2] / "sample_data"
    names = [str(path) for path in sorted(sample.iterdir())]

    found = drafted(tmp_path, *names)

    assert found.counts == {
        "gdpr_erased": (5, 0, 0),
        "contacts_opted_out": (26, 1, 473),
        "unsubscribed": (25, 1, 0),
        "companies": (43, 1, 0),
        "contacts": (484, 4, 12),
        "orders": (1992, 8, 0),
        "page_views": (297, 3, 0),
        "devices": (117, 3, 0),
        "merges": (5, 1, 0),
    }
    assert found.sent["page_views"].stream.operation == ("person", "page")
    assert found.sent["contacts"].stream.timestamp.column == "updated_at"
