"""The register of templates on the ZNS host: `/template/all` and `/template/info/v2`."""

from sandbox.zalo.call import Call
from sandbox.zalo.codes import Body, Refusal
from sandbox.zalo.templates import STATUSES, Template

LIMIT_MOST = 100
CREATED = 1_760_000_000_000
DELIVERY_TIMEOUT_MS = 7_200_000
TAGS = {"1": "TRANSACTION", "2": "CUSTOMER_CARE", "3": "PROMOTION"}


def read_list(call: Call) -> None:
    """Read the parameters. `status` is a number; a word is refused with "Invalid status"."""
    parameters = call.parameters()
    status = parameters.get("status", "")
    if status and (not status.isdecimal() or int(status) not in STATUSES):
        raise Refusal(-132, "Invalid status")
    offset, limit = parameters.get("offset", "0"), parameters.get("limit", str(LIMIT_MOST))
    if not offset.isdecimal() or not limit.isdecimal() or int(limit) > LIMIT_MOST:
        raise Refusal(-132)
    call.fields = {"offset": int(offset), "limit": int(limit), "status": STATUSES[int(status)] if status else ""}


def list_all(call: Call) -> Body:
    offset, limit, status = call.fields["offset"], call.fields["limit"], call.fields["status"]
    rows = [_row(template) for template in call.world.templates.all() if status in {"", template.status}]
    data = rows[offset : offset + limit]
    return {"error": 0, "message": "Success", "data": data, "metadata": {"total": len(rows)}}


def read_info(call: Call) -> None:
    template = call.world.templates.find(call.parameters().get("template_id", ""))
    if template is None:
        raise Refusal(-109)
    call.template = template


def info(call: Call) -> Body:
    """One template. Prices are strings, `timeout` is in milliseconds."""
    template = call.template
    params = [
        {
            "name": param.name,
            "require": param.require,
            "type": param.type,
            "maxLength": param.max_length,
            "minLength": 0,
            "acceptNull": not param.require,
        }
        for param in template.params
    ]
    data = {
        "templateId": template.template_id,
        "templateName": template.name,
        "status": template.status,
        "listParams": params,
        "listButtons": list(template.buttons),
        "timeout": DELIVERY_TIMEOUT_MS,
        "previewUrl": f"https://account.zalo.cloud/znspreview/{template.template_id}",
        "templateQuality": "HIGH",
        "templateTag": TAGS.get(template.tag, template.tag),
        "price_sdt": "200",
        "price_uid": "140",
        "price": "200",
    }
    return {"error": 0, "message": "Success", "data": data}


def _row(template: Template) -> Body:
    return {
        "templateId": template.template_id,
        "templateName": template.name,
        "createdTime": CREATED,
        "status": template.status,
        "templateQuality": "HIGH",
    }
