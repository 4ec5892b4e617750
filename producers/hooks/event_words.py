"""Maps Zalo's event names to our words, in one literal table.

A name that is not in the table is recorded as `unknown`, with its name only, and counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class EventWord(StrEnum):
    """What an event means to us; the names are stored in the ledger."""

    FOLLOWED = "followed"
    UNFOLLOWED = "unfollowed"
    SUBMITTED = "submitted"  # the person shared a phone
    INTERACTED = "interacted"  # opens the window in which the OA may write
    WROTE = "wrote"  # an interaction that may want an answer
    WITHDREW = "withdrew"  # wants personal data erased
    RECEIVED = "received"  # a message is on the phone
    SEEN = "seen"
    ECHO = "echo"  # a text that the OA sent, by us or by a clerk in the chat tool
    NOTED = "noted"  # known, and nothing follows from it
    UNKNOWN = "unknown"
    ODD = "odd"  # known and genuine, but not in the documented shape


Path = tuple[str, ...]

USER_SENT: Path = ("sender", "id")
OA_SENT: Path = ("recipient", "id")
FOLLOWER: Path = ("follower", "id")
NAMED: Path = ("user_id",)


@dataclass(frozen=True, slots=True)
class EventForm:
    """Our word, and the paths to the user in the body; the first path that leads to a user counts."""

    word: EventWord
    user: tuple[Path, ...] = ()


_WRITTEN = EventForm(EventWord.INTERACTED, (USER_SENT,))
_NOTED = EventForm(EventWord.NOTED)

KINDS: Mapping[str, EventForm] = {
    "follow": EventForm(EventWord.FOLLOWED, (FOLLOWER,)),
    "unfollow": EventForm(EventWord.UNFOLLOWED, (FOLLOWER,)),
    "user_submit_info": EventForm(EventWord.SUBMITTED, (USER_SENT,)),
    "user_withdraw": EventForm(EventWord.WITHDREW, (NAMED, USER_SENT, FOLLOWER)),
    "user_received_message": EventForm(EventWord.RECEIVED, (OA_SENT,)),
    "user_seen_message": EventForm(EventWord.SEEN, (OA_SENT,)),
    "oa_send_text": EventForm(EventWord.ECHO, (OA_SENT,)),
    # what Zalo counts as an interaction ("Tin tư vấn": within 7 days of one the OA may write)
    "user_click_chatnow": EventForm(EventWord.INTERACTED, (NAMED, USER_SENT)),
    "user_reply_consent": _WRITTEN,
    "user_call_oa": _WRITTEN,
    "user_send_text": EventForm(EventWord.WROTE, (USER_SENT,)),
    "user_send_image": _WRITTEN,
    "user_send_gif": _WRITTEN,
    "user_send_link": _WRITTEN,
    "user_send_audio": _WRITTEN,
    "user_send_video": _WRITTEN,
    "user_send_sticker": _WRITTEN,
    "user_send_location": _WRITTEN,
    "user_send_business_card": _WRITTEN,
    "user_send_file": _WRITTEN,
    # known, and without consequences for us
    **dict.fromkeys(
        (
            "oa_send_image", "oa_send_gif", "oa_send_list", "oa_send_file", "oa_send_sticker", "oa_send_consent",
            "oa_call_user", "user_reacted_message", "oa_reacted_message",
            "add_user_to_tag", "remove_user_from_tag", "remove_tag", "update_user_info",
            "widget_interaction_accepted", "widget_failed_to_sync_user_external_id",
            "change_oa_daily_quota", "change_oa_template_tags", "change_template_status", "change_template_quality",
            "change_template_quota", "user_feedback", "user_click_response_button",
            "event_journey_acknowledged", "event_journey_time_out", "extension_purchased",
            "create_group", "delete_group", "update_group_info", "add_group_admin", "remove_group_admin",
            "user_join_group", "user_out_group", "user_leave_group", "user_request_join_group",
            "accept_request_join_group", "reject_request_join_group",
            "anonymous_send_text", "anonymous_send_image", "anonymous_send_file", "anonymous_send_sticker",
            "oa_send_anonymous_text", "oa_send_anonymous_image", "oa_send_anonymous_file", "oa_send_anonymous_sticker",
        ),
        _NOTED,
    ),
}  # fmt: skip
