"""Checks the forms of consultation messages and their limits: -201 for a field, -210 for a limit, -233 for a form."""

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.zalo.call import text_of
from sandbox.zalo.codes import Body, Refusal, invalid

TEXT_MOST = 2000
BUTTONS_MOST = 5
TITLE_MOST = 100
SUBTITLE_MOST = 500
QUERY_MOST = 1000
SMS_MOST = 160
MEDIA = {"image", "gif", "sticker"}


def check_message(message: Body) -> None:
    """A message is a text of at most 2,000 characters, an attachment, or both. Raises `Refusal`."""
    attachment = message.get("attachment", {})
    if not isinstance(attachment, dict):
        raise invalid("attachment")
    _check_text(message, required=not attachment)
    if attachment:
        _check_attachment(attachment, message)


def _check_text(message: Body, *, required: bool) -> None:
    if "quote_message_id" in message:
        text_of(message, "quote_message_id")
        required = True
    if not required and "text" not in message:
        return
    if len(text_of(message, "text")) > TEXT_MOST:
        raise Refusal(-210)


def _check_attachment(attachment: Body, message: Body) -> None:
    payload = attachment.get("payload")
    if not isinstance(payload, dict):
        raise invalid("payload")
    if attachment.get("type") == "file":
        text_of(payload, "token")
        return
    form = str(payload.get("template_type", "buttons"))
    # `list` was a form of the second version and is refused like any other word.
    if attachment.get("type") != "template" or form not in FORMS:
        raise Refusal(-233)
    FORMS[form](payload)
    if form == "buttons":
        text_of(message, "text")


def _check_request_user_info(payload: Body) -> None:
    element = _only_element(payload)
    text_of(element, "image_url")
    if len(text_of(element, "title")) > TITLE_MOST or len(text_of(element, "subtitle")) > SUBTITLE_MOST:
        raise Refusal(-210)


def _check_media(payload: Body) -> None:
    element = _only_element(payload)
    if text_of(element, "media_type") not in MEDIA:
        raise Refusal(-233)
    if not element.get("url") and not element.get("attachment_id"):
        raise invalid("attachment_id")


def _only_element(payload: Body) -> Body:
    elements = payload.get("elements")
    if not isinstance(elements, list) or len(elements) != 1 or not isinstance(elements[0], dict):
        raise invalid("elements")
    return elements[0]


def _check_buttons(payload: Body) -> None:
    buttons = payload.get("buttons")
    if not isinstance(buttons, list) or not all(isinstance(button, dict) for button in buttons) or not buttons:
        raise invalid("buttons")
    if len(buttons) > BUTTONS_MOST:
        raise Refusal(-210)
    for button in buttons:
        if len(text_of(button, "title")) > TITLE_MOST:
            raise Refusal(-210)
        if text_of(button, "type") not in BUTTONS:
            raise invalid("type")
        BUTTONS[button["type"]](button.get("payload"))


def _check_query(payload: Any) -> None:
    if not isinstance(payload, str):
        raise invalid("payload")
    if len(payload) > QUERY_MOST:
        raise Refusal(-210)


def _check_url(payload: Any) -> None:
    if not isinstance(payload, dict) or not text_of(payload, "url").startswith(("https://", "http://")):
        raise invalid("url")


def _check_phone(payload: Any) -> None:
    if not isinstance(payload, dict):
        raise invalid("payload")
    text_of(payload, "phone_code")


def _check_sms(payload: Any) -> None:
    _check_phone(payload)
    if len(text_of(payload, "content")) > SMS_MOST:
        raise Refusal(-210)


FORMS: Mapping[str, Callable[[Body], None]] = {
    "request_user_info": _check_request_user_info,
    "media": _check_media,
    "buttons": _check_buttons,  # the form without a template_type
}

BUTTONS: Mapping[str, Callable[[Any], None]] = {
    "oa.open.url": _check_url,
    "oa.query.show": _check_query,
    "oa.query.hide": _check_query,
    "oa.open.phone": _check_phone,
    "oa.open.sms": _check_sms,
}
