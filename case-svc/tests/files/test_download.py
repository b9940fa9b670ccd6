"""GET and HEAD /api/v1/files/{file_id}"""

from sqlalchemy import select

from case_svc.files.models import StoredFile
from chassis import clock

from ..ratings.factories import DEPARTMENT, REGION, make_case, make_material
from .factories import PDF, upload


async def kept(client, who, **options):
    response = await upload(client, who, **options)
    return f"/api/v1/files/{response.json()['file_id']}"


async def test_the_uploader_gets_the_content_as_a_download(client, token):
    who = token()
    path = await kept(client, who, name='张"三.pdf')
    response = await client.get(path, headers=who)
    assert response.status_code == 200
    assert response.content == PDF
    assert response.headers["content-type"] == "application/pdf"
    assert response.headers["content-length"] == str(len(PDF))
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "private, no-cache"
    assert response.headers["content-disposition"] == (
        "attachment; filename=\"___.pdf\"; filename*=UTF-8''%E5%BC%A0_%E4%B8%89.pdf"
    )
    assert "sandbox" in response.headers["content-security-policy"]


async def test_what_the_client_holds_is_304(client, token):
    who = token()
    path = await kept(client, who)
    tag = (await client.get(path, headers=who)).headers["etag"]
    for match in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        response = await client.get(path, headers=who | {"If-None-Match": match})
        assert (response.status_code, response.content) == (304, b"")
    assert (await client.get(path, headers=who | {"If-None-Match": '"x"'})).status_code == 200


async def test_head_tells_without_content(client, token):
    who = token()
    path = await kept(client, who)
    response = await client.head(path, headers=who)
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-length"] == str(len(PDF))
    tag = response.headers["etag"]
    assert (await client.head(path, headers=who | {"If-None-Match": tag})).status_code == 304


async def test_a_large_file_comes_back_whole(client, token):
    who = token()
    content = PDF + b"x" * 2_000_000
    path = await kept(client, who, content=content)
    assert (await client.get(path, headers=who)).content == content


async def test_nobody_is_401(client, token):
    path = await kept(client, token())
    assert (await client.get(path)).status_code == 401
    assert (await client.head(path)).status_code == 401


async def test_strangers_get_404_like_for_an_unknown_file(client, token):
    path = await kept(client, token())
    staff = token("staff", department="D", region="511602000000", roles=["clerk"])
    for who in (token(), staff, token("system", department="D")):
        assert (await client.get(path, headers=who)).status_code == 404
        assert (await client.head(path, headers=who)).status_code == 404
    unknown = await client.get(f"/api/v1/files/{clock.new_id()}", headers=token())
    assert unknown.status_code == 404
    assert (await client.get("/api/v1/files/not-an-id", headers=token())).status_code == 422


async def test_a_lost_object_is_a_clean_503(client, process, session, token):
    who = token()
    path = await kept(client, who)
    await process.files.delete(await session.scalar(select(StoredFile.object_key)))
    response = await client.get(path, headers=who)
    assert response.status_code == 503
    assert response.headers["retry-after"] == "5"
    assert response.json()["type"] == "urn:onenet:problem:content-unreachable"


async def test_the_party_and_the_staff_of_the_case_get_it(client, session, token, recorded):
    citizen, agent = clock.new_id(), clock.new_id()
    path = await kept(client, token(id=agent), name="户口簿.pdf")
    case = await make_case(session, citizen)
    await make_material(session, case, file_id=path.rpartition("/")[2])
    assert (await client.get(path, headers=token(id=citizen))).content == PDF
    assert await recorded("case.footprint_recorded.v1") == []
    place = {"department": DEPARTMENT, "region": REGION, "roles": ["clerk"], "post": "受理岗"}
    officer = clock.new_id()
    assert (await client.get(path, headers=token("staff", id=officer, **place))).content == PDF
    (look,) = await recorded("case.footprint_recorded.v1")
    assert look["data"]["person_id"] == str(citizen)
    assert look["data"]["actor_id"] == str(officer)
    assert look["data"]["case_id"] == str(case.case_id)
    assert "户口簿.pdf" not in str(look)
    for changes in ({"department": "X"}, {"region": "511603000000"}):
        response = await client.get(path, headers=token("staff", **place | changes))
        assert response.status_code == 404
    assert len(await recorded("case.footprint_recorded.v1")) == 1
