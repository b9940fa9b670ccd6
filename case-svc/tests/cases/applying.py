"""What applicants do, for the tests of this folder."""

from chassis.testing.plugin import token_for

from ..factories import Officer


def pointers(answer):
    return {one["pointer"]: one["code"] for one in answer.json()["errors"]}


async def person_with_item(world, **changes):
    person = await world.person()
    return Officer(person, world.client, token_for(id=person)), await world.item(**changes)


async def submit(citizen, body, key="k"):
    return await citizen.post("/api/v1/cases", body, **{"Idempotency-Key": key})
