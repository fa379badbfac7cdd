"""Phone numbers in one way of writing, E.164."""

from __future__ import annotations

from cotrace.errors import CotraceError, OptionError, PrivacyError

__all__ = ["normalised"]


def normalised(numbers: list[str], country: str) -> list[str]:
    """Return phone numbers as E.164: ``+8613800138000``.

    Parameters
    ----------
    numbers : list of str
        As they are written: with spaces, dashes, 0086 or +86, or without any country code.
    country : str
        Two letters: the country of numbers without a country code.

    Raises
    ------
    PrivacyError
        Some are no phone numbers: how many, and which first.
    OptionError
        There is no such country.
    """
    try:
        import phonenumbers
    except ImportError:
        raise CotraceError("e164= needs phonenumbers: pip install 'cotrace[privacy]'") from None
    if country not in phonenumbers.SUPPORTED_REGIONS:
        raise OptionError(f"e164={country!r} is no country of two capital letters, such as 'CN'")
    written, bad = [], []
    for place, number in enumerate(numbers):
        try:
            parsed = phonenumbers.parse(number, country)
        except phonenumbers.NumberParseException:
            parsed = None
        # 'possible' looks at the length alone: what is 'valid' changes with every edition of the library
        if parsed is None or not phonenumbers.is_possible_number(parsed):
            bad.append(place)
            continue
        written.append(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))
    if bad:
        raise PrivacyError(
            f"{len(bad):,} of {len(numbers):,} distinct ids are no phone numbers (the first is number {bad[0]}, by "
            "order of first sight): leave e164= out, or take these rows away"
        )
    return written
