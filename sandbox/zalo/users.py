"""People and the OA itself, as the OA host describes them."""

from datetime import date, timedelta
from typing import Any

from sandbox.zalo.call import Call, count_of, read_data, read_json, text_of
from sandbox.zalo.clock import vietnam
from sandbox.zalo.codes import Body, invalid, success
from sandbox.zalo.people import Person

COUNT_MOST = 50
OFFSET_MOST = 9951
AVATAR = "https://s{0}-ava-talk.zadn.vn/hop-cat/{0}/{1}.jpg"


def read_detail(call: Call) -> None:
    read_data(call)
    text_of(call.fields, "user_id")


def detail(call: Call) -> Body:
    """One person. The last interaction is a date without a time; recorded replies omit data that was never shared."""
    person = call.person
    data: Body = {
        "user_id": person.user_id,
        "user_id_by_app": person.user_id_by_app,
        "display_name": person.display_name,
        "user_alias": person.display_name,
        "is_sensitive": False,
        "user_last_interaction_date": _day(person.last_interaction),
        "user_is_follower": person.follows,
        "avatar": AVATAR.format(120, person.user_id),
        "avatars": {size: AVATAR.format(size, person.user_id) for size in ("120", "240")},
        "tags_and_notes_info": {"notes": [], "tag_names": []},
    }
    if person.shared or call.world.switches.rich_replies:
        data |= {"user_external_id": "", "dynamic_param": "", "shared_info": _shared_info(person)}
    return success(data)


def read_getlist(call: Call) -> None:
    read_data(call)
    count_of(call.fields, "count", COUNT_MOST, COUNT_MOST)
    count_of(call.fields, "offset", 0, OFFSET_MOST)
    call.fields["days"] = _period(call.fields.get("last_interaction_period"), call.world.clock.now())


def getlist(call: Call) -> Body:
    """A page of people; `count` echoes the request."""
    offset, count = call.fields.get("offset", 0), call.fields.get("count", COUNT_MOST)
    wanted = call.fields.get("is_follower")
    days = call.fields["days"]
    people = [
        person
        for person in call.world.people.all()
        if (wanted is None or person.follows == wanted) and (days is None or _interacted(person, days))
    ]
    users = [{"user_id": person.user_id} for person in people[offset : offset + count]]
    return success({"total": len(people), "count": count, "offset": offset, "users": users})


def getoa(call: Call) -> Body:
    """The OA; usable as a health check without side effects."""
    return success(
        {
            "oa_id": call.grant.oa_id,
            "name": call.grant.oa_name,
            "description": "Tài khoản của hộp cát",
            "oa_alias": "",
            "is_verified": True,
            "oa_type": 4,
            "cate_name": "Cơ quan nhà nước",
            "num_follower": sum(person.follows for person in call.world.people.all()),
            "avatar": AVATAR.format(240, call.grant.oa_id),
            "cover": AVATAR.format(240, call.grant.oa_id),
            "package_name": "Nâng cao",
            "package_valid_through_date": "31/12/2030",
            "package_auto_renew_date": "",
            "linked_ZCA": "",
        }
    )


def read_quota(call: Call) -> None:
    read_json(call)
    text_of(call.fields, "user_id")


def quota(call: Call) -> Body:
    """A person's quotas; the only call that returns the exact time of the last interaction."""
    last = call.person.last_interaction
    data = {
        "last_interaction": "" if last is None else str(int(last * 1000)),
        "cs_reply": {"remain": 8, "total": 8},
        "promotion": {"daily_remain": 1, "daily_total": 1, "monthly_remain": 4, "monthly_total": 4},
    }
    return success(data)


def read_nothing(call: Call) -> None:
    if call.query:
        raise invalid(call.query.partition("=")[0])


def _period(given: Any, now: float) -> tuple[date, date] | None:
    """First and last day (inclusive) of a documented word or of `YYYY_MM_DD:YYYY_MM_DD`."""
    if given is None:
        return None
    today = vietnam(now).date()
    back = {"TODAY": (0, 0), "YESTERDAY": (1, 1), "L7D": (6, 0), "L30D": (29, 0)}
    if given in back:
        first, last = back[given]
        return today - timedelta(days=first), today - timedelta(days=last)
    try:
        first_day, last_day = (date.fromisoformat(part.replace("_", "-")) for part in str(given).split(":"))
    except ValueError:
        raise invalid("last_interaction_period") from None
    return first_day, last_day


def _interacted(person: Person, days: tuple[date, date]) -> bool:
    last = person.last_interaction
    return last is not None and days[0] <= vietnam(last).date() <= days[1]


def _day(moment: float | None) -> str:
    return "" if moment is None else vietnam(moment).strftime("%d/%m/%Y")


def _shared_info(person: Person) -> Body:
    """The shared data; a missing phone is the number 0."""
    shared = person.shared
    phone = shared.get("phone", "")
    blank = {"address": "", "city": "", "district": ""}
    return blank | {
        "phone": int(phone) if phone.isdecimal() else 0,
        "name": shared.get("name", ""),
        "user_dob": shared.get("user_dob", ""),
    }
