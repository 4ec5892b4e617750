"""The sentences about faults of a template and about refused deeds, in Vietnamese and English."""

from __future__ import annotations

from collections.abc import Mapping

from domain.proofreading import FaultWord, TemplateFault
from operators.wording.deeds import TemplateRefusal

_FAULTS: Mapping[FaultWord, tuple[str, str]] = {
    FaultWord.SYNTAX: ("sai cú pháp: {detail}", "wrong syntax: {detail}"),
    FaultWord.NESTED: ("các khối if, for lồng nhau quá sâu", "the blocks are nested too deeply"),
    FaultWord.CONSTRUCT: (
        "không được dùng lệnh này ({detail}); chỉ dùng {{{{ biến }}}}, if và for",
        "this construct is not allowed ({detail}); only {{{{ values }}}}, if and for are",
    ),
    FaultWord.UNKNOWN: ("không có biến «{detail}»", "there is no value “{detail}”"),
    FaultWord.NOT_ALWAYS: (
        "«{detail}» không phải lúc nào cũng có ở loại tin này: bỏ đi, hoặc đặt trong {{% if … %}}",
        "“{detail}” is not always there for this kind: leave it out, or put it into {{% if … %}}",
    ),
    FaultWord.LACKS: (
        "thiếu {{{{ {detail} }}}}, mà bản gốc có ở dòng này: thiếu nó tin không còn ích",
        "{{{{ {detail} }}}} is missing, which the founding text has in this line: a notice without it is of no use",
    ),
    FaultWord.TOO_LONG: (
        "quá dài: từ dòng này tin vượt {number} ký tự",
        "too long: above {number} characters from here on",
    ),
    FaultWord.SEGMENTS: (
        "SMS sẽ dài {detail} đoạn, quá {number} (HCC_SMS_MAX_SEGMENTS)",
        "the SMS would take {detail} segments, above {number} (HCC_SMS_MAX_SEGMENTS)",
    ),
    FaultWord.TITLE: (
        "dòng đầu là tiêu đề của thẻ, không được quá {number} ký tự",
        "the first line is the card's title, of at most {number} characters",
    ),
    FaultWord.SUBTITLE: (
        "phần sau dòng đầu là lời giải thích của thẻ: phải có, và không quá {number} ký tự",
        "what follows the first line is the card's subtitle: it is required, with at most {number} characters",
    ),
    FaultWord.EMPTY: ("tin không có chữ nào", "the text is empty"),
    FaultWord.NOT_COMPOSED: (
        "dấu tiếng Việt chưa ở dạng dựng sẵn (NFC): gõ lại dòng này bằng bảng mã Unicode dựng sẵn",
        "the Vietnamese marks are not composed (NFC): type this line again",
    ),
    FaultWord.CHARACTER: ("có ký tự không nhìn thấy ({detail})", "there is an invisible character ({detail})"),
    FaultWord.LINK: (
        "có liên kết hoặc tên máy chủ lạ; chỉ được dùng {{{{ url }}}}",
        "there is a foreign link or host name; only {{{{ url }}}} is allowed",
    ),
    FaultWord.FAILS: ("không dựng được tin ({detail})", "the text cannot be made ({detail})"),
    FaultWord.FORM_MISSING: ("thiếu tham số của mẫu đã duyệt", "the approved template's parameters are missing"),
    FaultWord.FORM_SYNTAX: ("sai cú pháp hoặc thiếu mục: {detail}", "wrong syntax, or an entry is missing: {detail}"),
    FaultWord.FORM_UNKNOWN: ("không có dữ liệu «{detail}»", "there is no fact “{detail}”"),
    FaultWord.FORM_LACKS: (
        "thiếu tham số cho dữ liệu «{detail}», mà bản gốc có",
        "there is no parameter for the fact “{detail}”, which the founding one has",
    ),
    FaultWord.FORM_SHORT: (
        "tham số «{detail}» cần ít nhất {number} ký tự (longest)",
        "the parameter “{detail}” needs at least {number} characters (longest)",
    ),
    FaultWord.FORM_NO_VALUE: (
        "tham số «{detail}» có lúc không có giá trị: thêm without",
        "the parameter “{detail}” has no value at times: add `without`",
    ),
    FaultWord.FORM_BUTTON: (
        "liên kết của nút dùng «{detail}», không phải tham số",
        "the button's link uses “{detail}”, which is no parameter",
    ),
}  # fmt: skip

_REFUSALS: Mapping[TemplateRefusal, tuple[str, str]] = {
    TemplateRefusal.UNKNOWN: ("Không có bản này.", "There is no such version."),
    TemplateRefusal.NOT_OPEN: (
        "Bản này không chờ duyệt: đã duyệt hoặc đã từ chối.",
        "This version is no open proposal: it was approved or refused.",
    ),
    TemplateRefusal.NOT_APPROVED: (
        "Bản này chưa từng được duyệt: duyệt nó, hoặc chọn bản khác.",
        "This version was never approved: approve it, or choose another one.",
    ),
    TemplateRefusal.IN_USE: ("Bản này đang được dùng.", "This version is in use."),
    TemplateRefusal.SAME_PERSON: (
        "Người đề xuất không tự duyệt được (HCC_TEMPLATE_APPROVAL=two): cần người khác.",
        "Who proposed it may not approve it (HCC_TEMPLATE_APPROVAL=two): another person has to.",
    ),
    TemplateRefusal.SAME_WORDS: (
        "Nội dung này giống bản đang dùng hoặc một bản đang chờ duyệt.",
        "This is the same as the version in use, or as an open proposal.",
    ),
    TemplateRefusal.NOT_STAFF: (
        "Không gửi thử: số hoặc mã này không phải của cán bộ đang quan tâm OA (`hcc staff add`).",
        "Not sent: this is no member of the staff who follows the OA (`hcc staff add`).",
    ),
}


def fault_said(fault: TemplateFault, language: str = "vi") -> str:
    """'message.txt.j2, dòng 2: không có biến «name».'"""
    vietnamese, english = _FAULTS[fault.word]
    told = (english if language == "en" else vietnamese).format(detail=fault.detail, number=fault.number)
    return f"{fault.file}, {'line' if language == 'en' else 'dòng'} {fault.line}: {told.rstrip('.')}."


def refusal_said(refusal: TemplateRefusal, language: str = "vi") -> str:
    """Why a deed was not done."""
    return _REFUSALS[refusal][language == "en"]
