"""The applicant's papers: a filled form, small documents, and a receipt to verify."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from joserfc import jws
from joserfc.jwk import KeySet

from onenet.client import Network, promised
from onenet.story.cast import Citizen
from onenet.story.promises import ensure

PDF: Final = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF\n"
)
CREATED: Final = 201


def filled(schema: Mapping[str, Any], citizen: Citizen) -> dict[str, Any]:
    """Each required field with its first example, or with the citizen's own particulars."""
    own = {
        "applicant_name": citizen.name,
        "name": citizen.name,
        "id_number": citizen.id_number,
        "mobile": citizen.mobile,
    }
    properties = schema["properties"]
    return {name: own.get(name) or properties[name]["examples"][0] for name in schema["required"]}


def document(label: str) -> bytes:
    """A one-page PDF, different for each label."""
    return PDF + f"% {label}\n".encode()


def upload(network: Network, label: str) -> dict[str, Any]:
    """The stored file; its checksum is compared on both sides."""
    content = document(label)
    digest = hashlib.sha256(content)
    answer = network.send(
        "POST", "/api/v1/files", files={"file": (f"{label}.pdf", content, "application/pdf")}
    )
    stored: dict[str, Any] = promised(answer, CREATED).json()
    ensure(stored["sha256"] == digest.hexdigest(), "the file's checksum is not what was sent")
    ensure(stored["size"] == len(content), "the file's size is not what was sent")
    return stored


def checked_receipt(receipt: str, public: Network) -> Mapping[str, Any]:
    """The claims of the receipt, after its signature was verified with the published keys."""
    keys = KeySet.import_key_set(public.get("/.well-known/jwks.json"))
    signed = jws.deserialize_compact(receipt, keys, algorithms=["ES256"])
    kid = str(signed.headers().get("kid", ""))
    ensure(kid.startswith("case-"), f"the receipt is signed with {kid!r}, not a key of cases")
    claims: Mapping[str, Any] = json.loads(signed.payload)
    return claims
