"""Phone fields, as people type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.phone import OLD_TO_NEW, Phone, PhoneVerdict, fault_of, masked, masked_field, read_phone

ANH_TUAN = "+84978362918"


@pytest.mark.parametrize(
    "raw",
    [
        "0978362918",
        "+84978362918",
        "84978362918",
        "978362918",
        "0084978362918",
        "0978.362.918",
        "0978-362-918",
        "0978 362 918",
        "(+84) 097 836 2918",
        "+84 (0) 978 362 918",
        "084 978 362 918",
        "\uff10\uff19\uff17\uff18\uff13\uff16\uff12\uff19\uff11\uff18",  # full-width digits
        "\u00a00978\u2011362\u2013918 ",
        "0978 362 918 (con trai)",
        "SĐT: 0978362918",
        "0978362918 / +84978362918",
        "0978362918, 113",
    ],
)
def test_every_spelling_of_a_mobile_is_one_number(raw: str) -> None:
    """Prefixes, dots, blanks, brackets, full-width digits and remarks do not hide the number (R9)."""
    assert read_phone(raw) == Phone(ANH_TUAN, PhoneVerdict.MOBILE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        *((f"016{digit}", f"03{digit}") for digit in range(2, 10)),
        ("0120", "070"),
        ("0121", "079"),
        ("0122", "077"),
        ("0126", "076"),
        ("0128", "078"),
        ("0123", "083"),
        ("0124", "084"),
        ("0125", "085"),
        ("0127", "081"),
        ("0129", "082"),
        ("0186", "056"),
        ("0188", "058"),
        ("0199", "059"),
    ],
)
def test_a_number_of_eleven_digits_is_read_with_its_prefix_of_today(old: str, new: str) -> None:
    """The change of 2018 kept the last seven digits; old dossiers still have the old prefixes."""
    expected = f"+84{new[1:]}2345678"
    for raw in (f"{old}2345678", f"{old[1:]}2345678", f"84{old[1:]}2345678", f"+84 {old[1:]} 234 5678"):
        phone = read_phone(raw)
        assert phone.e164 == expected
        assert phone.verdict in (PhoneVerdict.MOBILE, PhoneVerdict.POSSIBLE)


def test_the_table_of_old_prefixes_is_complete() -> None:
    """Twenty-one prefixes went, none onto another's new one."""
    assert len(OLD_TO_NEW) == 21
    assert len(set(OLD_TO_NEW.values())) == 21


@pytest.mark.parametrize("raw", ["0841234567", "841234567", "84841234567", "+84841234567", "084841234567"])
def test_084_is_a_prefix_and_not_always_the_country(raw: str) -> None:
    """VinaPhone's 084 must not lose its first digits to the country code 84."""
    assert read_phone(raw) == Phone("+84841234567", PhoneVerdict.MOBILE)


@pytest.mark.parametrize("raw", ["02393855555", "(0239) 3855555", "0239-385-5555", "+84 239 3855555"])
def test_a_landline_is_not_tried(raw: str) -> None:
    """Nobody reads Zalo on a landline of Hà Tĩnh."""
    assert read_phone(raw) == Phone(None, PhoneVerdict.LANDLINE)


@pytest.mark.parametrize("raw", ["19000368", "1900 0368", "18001234"])
def test_a_service_number_is_not_a_person(raw: str) -> None:
    """1900… and 1800… ring at a company."""
    assert read_phone(raw) == Phone(None, PhoneVerdict.NOT_A_PERSON)


@pytest.mark.parametrize("raw", ["0891234567", "0551234567", "0521234567", "0671234567"])
def test_a_possible_number_that_no_table_knows_is_worth_one_try(raw: str) -> None:
    """Tables of allotted numbers age; only Zalo knows."""
    assert read_phone(raw) == Phone(f"+84{raw[1:]}", PhoneVerdict.POSSIBLE)


@pytest.mark.parametrize("raw", ["+66 81 234 5678", "(+66) 812345678", "0066812345678"])
def test_a_mobile_abroad_is_worth_one_try_and_is_never_taken_for_ours(raw: str) -> None:
    """812345678 alone would be somebody in Vietnam."""
    assert read_phone(raw) == Phone("+66812345678", PhoneVerdict.POSSIBLE)


@pytest.mark.parametrize(
    "raw",
    [
        "097836291",
        "09783629188",
        "0123456789",
        "0000000000",
        "000880441093",
        "0239385555",
        "036097017416",
        "0978362918 9",
        "09783629l18",
        "113",
        "0",
        "+",
        "9" * 400,
    ],
)
def test_a_wrong_number_is_left_to_staff(raw: str) -> None:
    """A digit too few or too many, an identity number, a letter among digits: guessing would reach a stranger."""
    phone = read_phone(raw)
    assert phone.e164 is None
    assert phone.verdict == (PhoneVerdict.INVALID if any(map(str.isdigit, raw)) else PhoneVerdict.MISSING)


@pytest.mark.parametrize("raw", [None, "", "   ", "không có", "-"])
def test_a_field_without_digits_is_missing(raw: str | None) -> None:
    """No number was given: nothing to correct but the omission."""
    assert read_phone(raw) == Phone(None, PhoneVerdict.MISSING)


@pytest.mark.parametrize(
    "raw",
    [
        "0978362918 / 0912345678",
        "0978362918;0912345678",
        "0978362918,0912345678",
        "0978 362 918 hoặc 0912 345 678",
        "0978362918-0912345678",
        "0978 362 918 – 0912 345 678",
        "0978362918 0912345678",
        "0978362918 (0912345678)",
        "0978362918+84912345678",
        "0978.362.918\n0912.345.678",
    ],
)
def test_of_several_mobiles_the_first_is_taken_and_the_field_flagged(raw: str) -> None:
    """One person is told; staff can see that the field held another one."""
    assert read_phone(raw) == Phone(ANH_TUAN, PhoneVerdict.MOBILE, several=True)


@pytest.mark.parametrize("raw", ["02393855555 / 0978362918", "02393855555 - 0978 362 918", "097836291 / 0978362918"])
def test_beside_a_number_that_cannot_be_reached_the_mobile_is_taken_without_doubt(raw: str) -> None:
    """A landline beside a mobile leaves one line to try."""
    assert read_phone(raw) == Phone(ANH_TUAN, PhoneVerdict.MOBILE)


def test_a_mobile_goes_before_a_possible_number_and_that_before_a_landline() -> None:
    """The best line of a field is taken, wherever it stands."""
    assert read_phone("0671234567 / 0978362918") == Phone(ANH_TUAN, PhoneVerdict.MOBILE, several=True)
    assert read_phone("02393855555 / 0671234567") == Phone("+84671234567", PhoneVerdict.POSSIBLE)
    assert read_phone("097836291 / 02393855555") == Phone(None, PhoneVerdict.LANDLINE)


def test_a_number_is_shown_without_its_middle() -> None:
    """Enough to recognise one's own, not enough to call a stranger."""
    assert masked(ANH_TUAN) == "+84978***918"
    assert masked("+6591234567") == "+6591***567"


@pytest.mark.parametrize("raw", ["", "0978362918", "+29063787", "Nguyễn Anh Tuấn", "+84978362918\n"])
def test_what_is_short_or_no_number_is_hidden_whole(raw: str) -> None:
    """A mask that meets raw input shows nothing of it."""
    assert masked(raw) == "***"


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        ("097836291", "09*****91"),
        ("0978 362 918 (Nguyễn Anh Tuấn)", "09******18"),
        ("\uff10\uff19\uff17\uff18\uff13\uff16\uff12\uff19\uff11\uff18", "09******18"),
        ("1234567", "*******"),
        ("không có", None),
        (None, None),
        ("1" * 100, f"11{'*' * 26}11"),
    ],
)
def test_staff_see_the_ends_of_a_field_and_how_long_it_is(raw: str | None, seen: str | None) -> None:
    """Enough to find the slip in the dossier; no letters, which may be a name."""
    assert masked_field(raw) == seen


@given(st.one_of(st.text(), st.from_regex(r"0[35789][0-9]{8}", fullmatch=True)))
def test_a_masked_field_never_shows_more_than_four_digits(raw: str) -> None:
    """R42: whatever was typed."""
    assert sum(char.isdigit() for char in masked_field(raw) or "") <= 4


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        ("0978362918", None),
        ("+84978362918", None),
        ("0978362918 / 0912345678", "several numbers"),
        ("0671234567", "not an allotted number"),
        ("02393855555", "landline"),
        ("19000368", "service number"),
        ("097836291", "invalid phone number"),
        ("không có", "no phone number"),
    ],
)
def test_what_staff_should_look_at_is_named(raw: str, fault: str | None) -> None:
    """R9: also what is tried all the same, because it may be wrong."""
    assert fault_of(read_phone(raw)) == fault


def test_a_phone_does_not_print_its_number() -> None:
    """Its repr ends in logs and tracebacks."""
    assert "978" not in repr(read_phone("0978362918"))


typed = st.text(alphabet="0123456789+-.()/;, \nađ\uff18\uff14\u2212", max_size=40)


@given(st.one_of(st.text(), typed))
def test_reading_never_raises_and_twice_equals_once(raw: str) -> None:
    """Whatever is in the field, the number that comes out reads as itself and is there exactly when it may be tried."""
    phone = read_phone(raw)
    assert (phone.e164 is not None) == (phone.verdict in (PhoneVerdict.MOBILE, PhoneVerdict.POSSIBLE))
    if phone.e164 is not None:
        assert read_phone(phone.e164) == Phone(phone.e164, phone.verdict)


@given(st.from_regex(r"0(3[2-9]|7[06-9]|8[1-8]|9[0-46-8])[0-9]{7}", fullmatch=True), st.data())
def test_blanks_and_dots_anywhere_do_not_change_the_number(national: str, data: st.DataObject) -> None:
    """People group digits as they like."""
    marks = data.draw(st.lists(st.sampled_from(["", "", " ", ".", "-"]), min_size=10, max_size=10))
    spaced = "".join(digit + mark for digit, mark in zip(national, marks, strict=True))
    assert read_phone(spaced) == read_phone(national)
    assert read_phone(national).e164 == f"+84{national[1:]}"
