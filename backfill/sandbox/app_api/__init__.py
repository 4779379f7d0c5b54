"""The App API's calls that read a workspace back: all of them but /messages."""

from __future__ import annotations

from typing import Final

from backfill.sandbox.app_api import activities, customers, objects, search, segments
from backfill.sandbox.app_api.answers import answering, problem
from backfill.sandbox.calls import Lookup

__all__ = ["LOOKUPS", "problem"]

_HANDLERS: Final = {
    ("GET", "/customers"): customers.by_email,
    ("POST", "/customers"): search.people,
    ("POST", "/customers/attributes"): customers.attributes_of_many,
    ("GET", "/customers/{customer_id}/attributes"): customers.attributes,
    ("GET", "/customers/{customer_id}/activities"): activities.of_customer,
    ("GET", "/customers/{customer_id}/relationships"): customers.relationships,
    ("GET", "/customers/{customer_id}/segments"): customers.segments,
    ("GET", "/customers/{customer_id}/subscription_preferences"): (
        customers.subscription_preferences
    ),
    ("GET", "/activities"): activities.every,
    ("GET", "/object_types"): objects.types,
    ("POST", "/objects"): search.objects,
    ("GET", "/objects/{object_type_id}/{object_id}/attributes"): objects.attributes,
    ("GET", "/objects/{object_type_id}/{object_id}/relationships"): objects.relationships,
    ("GET", "/segments"): segments.every,
    ("GET", "/segments/{segment_id}"): segments.one,
    ("GET", "/segments/{segment_id}/customer_count"): segments.customer_count,
    ("GET", "/segments/{segment_id}/membership"): segments.membership,
}

#: Under the prefix of the specifications, and under the one that [docs: managing credentials]
#: still prints.
LOOKUPS: Final = tuple(
    Lookup(method, prefix + path, answering(handle))
    for prefix in ("/v1", "/v1/api")
    for (method, path), handle in _HANDLERS.items()
)
