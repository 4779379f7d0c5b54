from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from .conftest import Api
from .operations import ACME, identify, of_object, of_person, to_acme

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; DROP TABLE people; --",
    "{{7*7}}",
    "{% raw %}",
    "javascript:alert(1)",
    "</td></table>",
]


def shown(api: Api, path: str, status: int = 200) -> str:
    answer = httpx.get(api.client.base_url.join(path))
    assert answer.status_code == status, answer.text
    return answer.text


def profile_of(api: Api, person: str) -> str:
    found = re.search(r'href="(/people/\w+)"', shown(api, f"/people?q={person}"))
    assert found is not None
    return shown(api, found[1])


def test_an_empty_workspace_says_what_to_do_next(api: Api) -> None:
    pages = {path: shown(api, path) for path in ("/", "/people", "/objects", "/requests")}

    assert "Point a client of the Track API at this address" in pages["/"]
    assert all('class="empty"' in html for html in pages.values())


def test_the_overview_counts_what_is_there_and_shows_the_latest_requests(api: Api) -> None:
    api.batch(identify(), identify("2"), of_object("identify"), {"type": "nothing"})
    html = shown(api, "/")

    assert re.search(r">People</a></dt><dd>2</dd>", html)
    assert "207 partly refused" in html
    assert '<meter min="0" max="500000"' in html


def test_people_are_found_by_identifier_beginning_and_attribute(api: Api) -> None:
    api.take(identify("alpha", email="Ann@Example.com"), identify("beta", city="Überlingen"))
    found = {
        sought: len(set(re.findall(r"/people/\w{12}", shown(api, f"/people?q={sought}"))))
        for sought in (
            "alpha",
            "alp",
            "ANN@",
            "ÜBERL",
            "lingen",
            "city",
            "nobody",
            "%25",
            "000000000002",
        )
    }

    assert found == {
        "alpha": 1,
        "alp": 1,
        "ANN@": 1,
        "ÜBERL": 1,
        "lingen": 1,
        "city": 0,
        "nobody": 0,
        "%25": 0,
        "000000000002": 1,
    }


def test_people_are_paged_and_each_is_on_one_page(api: Api) -> None:
    api.batch(*(identify(str(number)) for number in range(120)))
    path: str | None = "/people"
    seen: list[str] = []
    while path:
        html = shown(api, path)
        seen += re.findall(r'href="/people/(\w+)"', html)
        following = re.search(r'href="([^"]+)" rel="next"', html)
        path = following and following[1]

    assert len(seen) == len(set(seen)) == 120


def test_a_profile_shows_attributes_devices_relationships_and_the_timeline(api: Api) -> None:
    device = {"token": "tok-1", "platform": "ios", "attributes": {"app_version": "3"}}
    api.take(identify(plan="free"), identify(plan="pro"), of_person("add_device", device=device))
    api.take(of_object("identify", attributes={"name": "Acme Ltd"}))
    api.take(of_person("add_relationships", cio_relationships=to_acme(role="owner")))
    api.take(of_person("event", name="bought", timestamp=1_600_000_000, attributes={"n": 1.50}))
    html = profile_of(api, "1")

    for word in ("pro", "tok-1", "app_version", "Acme Ltd", "owner", "bought", "profile create"):
        assert word in html
    assert '<time datetime="2020-09-13T12:26:40Z">2020-09-13 12:26:40</time>' in html
    assert "<del><bdi>free</bdi></del> <ins><bdi>pro</bdi></ins>" in html


def test_an_object_leads_to_its_people_and_back(api: Api) -> None:
    api.take(of_object("add_relationships", cio_relationships=[{"identifiers": {"id": "1"}}]))
    link = re.search(r'href="(/objects/\w+)"', shown(api, "/objects"))
    assert link is not None
    html = shown(api, link[1])
    person = re.search(r'href="(/people/\w+)"', html)

    assert ACME["object_id"] in html
    assert person is not None
    assert link[1] in shown(api, person[1])


def test_objects_are_narrowed_by_type_and_text(api: Api) -> None:
    for of, name in (("1", "red"), ("2", "red"), ("2", "blue")):
        told = {"object_type_id": of, "object_id": name}
        api.take(of_object("identify", told, attributes={"name": f"the {name} one"}))
    counts = {
        query: shown(api, f"/objects?{query}").count('scope="row"')
        for query in ("type=2", "object=the+red", "type=1&object=blue", "type=2&object=BLUE")
    }

    assert counts == {
        "type=2": 2,
        "object=the+red": 2,
        "type=1&object=blue": 0,
        "type=2&object=BLUE": 1,
    }


def test_visitors_are_listed_until_they_are_recognised(api: Api) -> None:
    api.take(of_person("event", "v-1", "anonymous_id", name="looked"))
    before = shown(api, "/visitors")
    api.take(identify(anonymous_id="v-1"))

    assert "v-1" in before
    assert "v-1" not in shown(api, "/visitors")


def test_a_request_tells_each_refusal(api: Api) -> None:
    api.batch(identify(x="y" * 1001), identify())
    html = shown(api, "/requests/1")

    assert "attributes.x" in html
    assert "property value cannot be longer than 1000 bytes" in html


@pytest.mark.parametrize(
    "path",
    [
        "/people/000000000099",
        "/people/%3Cscript%3E",
        "/people/..%2F..%2Fetc",
        "/objects/ob99",
        "/objects/x",
        "/requests/0",
        "/requests/-1",
        "/requests/99999999999999999999999",
        "/requests/%00",
    ],
)
def test_what_is_not_there_is_a_page_that_leads_on(shared_api: Api, path: str) -> None:
    assert "Not here" in shown(shared_api, path, 404)


@pytest.mark.parametrize(
    "path",
    [
        "/people?after=x",
        "/people?after=-5",
        "/people?after=99999999999999999999",
        "/people?q=" + "x" * 2000,
        "/people?q=%00%ff%F0%9F%98%80",
        "/objects?type=%00&object=%25",
        "/requests?before=x",
        "/visitors?after=%00",
    ],
)
def test_parameters_that_make_no_sense_break_nothing(shared_api: Api, path: str) -> None:
    assert "<h1>" in shown(shared_api, path)


def test_a_timeline_has_an_end_wherever_it_is_asked_for(api: Api) -> None:
    api.take(identify())
    link = re.search(r'href="(/people/\w+)"', shown(api, "/people"))
    assert link is not None

    assert "Nothing happened before that" in shown(api, f"{link[1]}?page=999999999999999999")


@pytest.mark.parametrize("text", HOSTILE)
def test_imported_text_is_shown_as_text_wherever_it_stands(api: Api, text: str) -> None:
    thing = {"object_type_id": "1", "object_id": text}
    api.take(identify(text, **{text: text, "nested": {text: [text]}}))
    api.take(of_object("identify", thing, attributes={"name": text, text: text}))
    tie: dict[str, Any] = {"identifiers": thing, "relationship_attributes": {text: text}}
    api.take(of_person("add_relationships", text, cio_relationships=[tie]))
    api.take(of_person("event", text, name=text[:90], attributes={text: text}))
    api.take(of_person("event", text, "anonymous_id", name="x"))
    cio_id = "000000000001"
    pages = [
        shown(api, path)
        for path in ("/", "/people", f"/people/{cio_id}", "/objects", "/objects/ob1", "/visitors")
    ]

    for html in pages:
        assert text not in html or not set(text) & set("<>\"'")
        assert not re.search(r"<script|<img|onerror=\w+>\s*<(?!/bdi)|href=\"javascript", html)
        assert "49" not in re.findall(r"<bdi>(49)</bdi>", html)


def test_characters_that_hide_or_turn_text_are_written_out(api: Api) -> None:
    api.take(identify(a="x\u202ey", b="n\u0000l", c="z\u200bw"))
    html = profile_of(api, "1")

    assert "x[U+202E]y" in html
    assert "n[U+0000]l" in html
    assert "z[U+200B]w" in html


def test_the_page_may_load_and_run_nothing_but_its_own_style(shared_api: Api) -> None:
    for path in ("/", "/people", "/people/x", "/static/page.css"):
        headers = httpx.get(shared_api.client.base_url.join(path)).headers
        policy = headers["content-security-policy"]

        assert policy.startswith("default-src 'none'; style-src 'self';")
        assert "script" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in headers


def test_looking_leaves_no_trace_in_the_log_of_requests(api: Api) -> None:
    shown(api, "/")

    assert '<dt><a href="/requests">Requests</a></dt><dd>0</dd>' in shown(api, "/")


def test_what_was_accepted_and_not_applied_is_counted_and_listed_with_whom_it_named(
    api: Api,
) -> None:
    api.take(identify("1", email="a@b.c"), identify("2"), identify("2", email="a@b.c"))
    api.take(of_person("suppress", "gone"), identify("gone"), of_person("event", "gone", name="x"))
    html = shown(api, "/failures")

    assert ">Accepted, not applied</a></dt><dd>3</dd>" in shown(api, "/")
    for why in ("id 2: an identifier belongs to another", "id gone: the person is suppressed"):
        assert why in html
    assert "/people/000000000002" in html
