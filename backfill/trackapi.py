"""The Journeys Track API v2 as data: hosts, paths, actions, names and limits.

The only thing the engine and the sandbox share. Every fact says where it is from:
[overview] the Track API overview page, [spec] the vendor's OpenAPI document,
[docs: X] the page X of the vendor's documentation, [observed] seen on the live API.
"""

from __future__ import annotations

from typing import Final, Literal

# --- Where it is -----------------------------------------------------------------------------

#: Region to base address.  [overview]
HOSTS: Final = {"us": "https://track.customer.io", "eu": "https://track-eu.customer.io"}

#: The vendor's domain: a redirect may lead only below it.  [observed: the vendor's Node client]
VENDOR_DOMAIN: Final = "customer.io"

#: Answers {"url", "region": "us" | "eu", "environment_id"} to valid credentials on either host,
#: 401 otherwise: the cheapest check of a key.  [spec]
REGION_PATH: Final = "/api/v1/accounts/region"
BATCH_PATH: Final = "/api/v2/batch"
ENTITY_PATH: Final = "/api/v2/entity"

# --- What it takes ---------------------------------------------------------------------------

EntityType = Literal["person", "object", "delivery"]
Action = Literal[
    "identify",
    "identify_anonymous",
    "delete",
    "event",
    "screen",
    "page",
    "add_relationships",
    "delete_relationships",
    "add_device",
    "delete_device",
    "merge",
    "suppress",
    "unsuppress",
]

#: The actions each type of operation has.  [spec: person_, object_ and delivery_operations]
ACTIONS: Final[dict[EntityType, frozenset[Action]]] = {
    "person": frozenset(
        {
            "identify",
            "delete",
            "event",
            "screen",
            "page",
            "add_relationships",
            "delete_relationships",
            "add_device",
            "delete_device",
            "merge",
            "suppress",
            "unsuppress",
        }
    ),
    "object": frozenset(
        {"identify", "identify_anonymous", "delete", "add_relationships", "delete_relationships"}
    ),
    "delivery": frozenset({"event"}),
}

#: Actions that carry their own time and an id, so that order does not matter.  [spec]
EVENT_ACTIONS: Final[frozenset[Action]] = frozenset({"event", "page", "screen"})

PersonKind = Literal["id", "email", "phone", "cio_id"]

#: A person's identifiers; exactly one names the person of an operation.  [spec: person_common]
PERSON_KINDS: Final[tuple[PersonKind, ...]] = ("id", "email", "phone", "cio_id")

#: Those that may name a person in a merge or in an object's relationships: `phone` is not
#: listed for either.  [spec]
RELATED_PERSON_KINDS: Final[tuple[PersonKind, ...]] = ("id", "email", "cio_id")

#: [spec: device_object_common]
PLATFORMS: Final = ("ios", "android")

#: [spec: delivery_operations]
DELIVERY_EVENTS: Final = ("opened", "converted", "delivered")

# --- Names that are not free -----------------------------------------------------------------

#: Not accepted as a person's attribute: server-made or read-only.  [docs: reserved attributes]
REFUSED_PERSON_ATTRIBUTES: Final = frozenset(
    {"cio_id", "anonymous_id", "_created_in_customerio_at", "timezone_valid"}
)

#: Not accepted as an object's attribute.  [docs: create objects]
REFUSED_OBJECT_ATTRIBUTES: Final = frozenset(
    {"cio_object_id", "object_id", "objectId", "relationship"}
)

#: Names that begin so are internal: no segmenting, searching or triggering.  [docs: attributes]
INTERNAL_PREFIX: Final = "_"

#: Event attributes that override a message's settings, and so whom it reaches.  [spec]
MESSAGE_OVERRIDES: Final = frozenset({"recipient", "from_address", "reply_to"})

# --- Limits: bytes of UTF-8, inclusive ---------------------------------------------------------

#: Body of POST /api/v2/batch. Documented as "500kb or smaller"; kb read as 1000, the smaller
#: reading.  [overview: v2 API limits]
BODY_BYTES_MAX: Final = 500_000

#: One entry of a batch, and the body of POST /api/v2/entity: "32kb or smaller"; kb read as
#: 1000.  [overview: v2 API limits]
OPERATION_BYTES_MAX: Final = 32_000

#: A person's or an object's identifier.  [overview]
IDENTIFIER_BYTES_MAX: Final = 150

#: [overview: people, objects and relationships alike]
ATTRIBUTE_NAME_BYTES_MAX: Final = 150
ATTRIBUTE_VALUE_BYTES_MAX: Final = 1_000
ATTRIBUTES_MAX: Final = 300

#: All attributes of one object, or of one relationship: "100 kilobytes".  [overview]
OBJECT_ATTRIBUTES_BYTES_MAX: Final = 100_000

#: [overview, headed "for the /v1/track call"; applied to v2 all the same]
EVENT_NAME_BYTES_MAX: Final = 100
EVENT_DATA_BYTES_MAX: Final = 100_000

#: Requests a second, v1 and v2 together. Soft: sustained excess may throttle or drop data.
#: [overview]
REQUESTS_PER_S_MAX: Final = 1_000

# --- Time -------------------------------------------------------------------------------------

#: An event younger than this may trigger campaigns; an older one never does.
#: [docs: backfill historical data]
CAMPAIGN_WINDOW_S: Final = 72 * 3600

#: Unix seconds from the year 3000 on: read as milliseconds by mistake. The API stores them and
#: they match no time condition.  [docs: FAQ timestamps; the bound is ours]
TIMESTAMP_BOUND: Final = 32_503_680_000
