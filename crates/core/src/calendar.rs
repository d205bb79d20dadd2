//! Timestamps as files write them.
//!
//! Used by format decoders and by everything that writes a time. A time is a
//! count of seconds since 1970-01-01 00:00:00, negative before it; there are
//! no leap seconds. A time with a zone is converted to UTC; one without is used
//! as written. Text that does not match the layouts or the calendar must be
//! refused, never repaired, and so must `03/04/1938`, which is ambiguous.

/// Seconds in a civil day.
pub const DAY_SECONDS: i64 = 86_400;

/// 0001-01-01 00:00:00 and 9999-12-31 23:59:59.
const LIMITS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// Parses `YYYY-MM-DD` or `YYYYMMDD` as midnight of that day; or either followed by
/// `T` or a blank and ` HH:MM`, with optional `:SS`, a fraction (ignored) and a zone
/// (`Z`, `UTC`, `±HH:MM`, `±HHMM`, `±HH`). Years are 0001 to 9999, days those of the
/// Gregorian calendar.
///
/// ```
/// use sce_core::calendar;
///
/// assert_eq!(calendar::parse(b"1970-01-02"), Some(calendar::DAY_SECONDS));
/// assert_eq!(calendar::parse(b"1970-01-01T01:00+01:00"), Some(0));
/// assert_eq!(calendar::parse(b"1938-02-29"), None);
/// assert_eq!(calendar::format(86_399), "1970-01-01 23:59:59");
/// ```
#[must_use]
#[inline]
pub fn parse(text: &[u8]) -> Option<i64> {
    // Written out for speed: every row of every input file has a time.
    let (date, clock) = match text.split_first_chunk::<10>() {
        Some((date, clock)) if date[4] == b'-' => (*date, clock),
        _ => compact_date(text)?,
    };
    let days = parse_date(&date)?;
    match clock {
        [] => Some(days * DAY_SECONDS),
        [b' ' | b'T', hour1, hour2, b':', minute1, minute2, rest @ ..] => {
            let (hour, minute) = (two(*hour1, *hour2)?, two(*minute1, *minute2)?);
            let (second, zone) = match rest {
                [b':', second1, second2, zone @ ..] => (two(*second1, *second2)?, fraction(zone)?),
                zone => (0, zone),
            };
            if hour > 23 || minute > 59 || second > 59 {
                return None;
            }
            let time = days * DAY_SECONDS + hour * 3600 + minute * 60 + second;
            if zone.is_empty() { Some(time) } else { in_utc(time, zone) }
        }
        _ => None,
    }
}

/// Rewrites a leading `YYYYMMDD` as `YYYY-MM-DD`; returns it and the rest.
#[cold]
fn compact_date(text: &[u8]) -> Option<([u8; 10], &[u8])> {
    let ([y1, y2, y3, y4, m1, m2, d1, d2], clock) = text.split_first_chunk::<8>()?;
    Some(([*y1, *y2, *y3, *y4, b'-', *m1, *m2, b'-', *d1, *d2], clock))
}

/// Skips a fraction of a second, if there is one.
#[inline]
fn fraction(rest: &[u8]) -> Option<&[u8]> {
    let [b'.' | b',', digits @ ..] = rest else { return Some(rest) };
    let end = digits.iter().position(|b| !b.is_ascii_digit()).unwrap_or(digits.len());
    (end > 0).then_some(&digits[end..])
}

#[cold]
fn in_utc(time: i64, zone: &[u8]) -> Option<i64> {
    let zone = zone.strip_prefix(b" ").unwrap_or(zone);
    let (sign, hour, minute) = match zone {
        b"Z" | b"UTC" => (0, 0, 0),
        [sign @ (b'+' | b'-'), h1, h2, minutes @ ..] => {
            let minute = match minutes {
                [] => 0,
                [b':', m1, m2] | [m1, m2] => two(*m1, *m2)?,
                _ => return None,
            };
            (if *sign == b'+' { 1 } else { -1 }, two(*h1, *h2)?, minute)
        }
        _ => return None,
    };
    let time = time - sign * (hour * 3600 + minute * 60);
    // A zone can move a time at the edge of the calendar out of it.
    (hour <= 14 && minute <= 59 && is_in_range(time)).then_some(time)
}

/// True if the time can be written: years 0001 to 9999.
#[must_use]
pub fn is_in_range(time: i64) -> bool {
    LIMITS.contains(&time)
}

#[inline]
fn parse_date(date: &[u8; 10]) -> Option<i64> {
    if date[4] != b'-' || date[7] != b'-' {
        return None;
    }
    let year = two(date[0], date[1])? * 100 + two(date[2], date[3])?;
    let month = two(date[5], date[6])?;
    let day = two(date[8], date[9])?;
    self::day(year, month, day)
}

#[inline]
fn two(tens: u8, ones: u8) -> Option<i64> {
    // Wraps for bytes below `0`, so that one comparison checks both bounds.
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then(|| i64::from(tens * 10 + ones))
}

#[inline]
const fn month_days(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 (H. Hinnant, "chrono-compatible low-level date algorithms"):
/// years start in March, so that the leap day is the last of its year.
#[inline]
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The inverse: converts a day number to year, month and day.
const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let years = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * years + years / 4 - years / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = years + era * 400 + (month <= 2) as i64;
    (year, month, day)
}

/// Returns the month of a time, counted from January of the year 0.
#[must_use]
#[inline]
pub const fn month(time: i64) -> i64 {
    let (year, month, _) = civil_from_days(time.div_euclid(DAY_SECONDS));
    year * 12 + month - 1
}

/// Returns the number of a day, counted from 1970-01-01; `None` if there is no such
/// day.
#[must_use]
pub fn day(year: i64, month: i64, day: i64) -> Option<i64> {
    let exists = (1..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=month_days(year, month)).contains(&day);
    exists.then(|| days_from_civil(year, month, day))
}

/// Returns the day with the same date `years` later; for 29 February, 1 March if that year
/// is not a leap year.
#[must_use]
pub const fn years_after(day: i64, years: i64) -> i64 {
    let (year, month, day) = civil_from_days(day);
    days_from_civil(year + years, month, day)
}

/// Formats a time as `1938-10-30 00:00:00`.
#[must_use]
pub fn format(time: i64) -> String {
    let (year, month, day) = civil_from_days(time.div_euclid(DAY_SECONDS));
    let second = time.rem_euclid(DAY_SECONDS);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_times() {
        let table = [
            ("1970-01-01 00:00:00", 0),
            ("1969-12-31 23:59:59", -1),
            ("1938-10-30 00:00:00", -983_750_400),
            ("2000-02-29T12:34:56", 951_827_696),
            ("0001-01-01 00:00:00", -62_135_596_800),
            ("9999-12-31 23:59:59", 253_402_300_799),
        ];
        for (text, seconds) in table {
            assert_eq!(parse(text.as_bytes()), Some(seconds), "{text}");
            assert_eq!(format(seconds), text.replace('T', " "));
        }
        for same in ["1938-10-30", "19381030", "1938-10-30 00:00", "19381030T00:00:00"] {
            assert_eq!(parse(same.as_bytes()), Some(-983_750_400), "{same}");
        }
    }

    #[test]
    fn months_count_on_over_the_years() {
        let month = |text: &str| super::month(parse(text.as_bytes()).expect("a time"));
        assert_eq!(month("1938-10-30"), 1938 * 12 + 9);
        assert_eq!(month("1938-12-31 23:59:59") + 1, month("1939-01-01"));
        assert_eq!(month("2000-02-29"), month("2000-02-01"));
    }

    #[test]
    fn zones_are_converted_to_utc_and_fractions_ignored() {
        for same in [
            "2020-03-01 00:30:00",
            "2020-03-01T00:30:00Z",
            "2020-03-01T00:30:00.999Z",
            "2020-03-01 00:30:00.5 UTC",
            "2020-02-29T19:30-05:00",
            "2020-02-29 19:30:00-0500",
            "2020-03-01T06:00:00,25+05:30",
            "20200301 01:30:00+01",
        ] {
            assert_eq!(parse(same.as_bytes()), Some(1_583_022_600), "{same}");
        }
    }

    #[test]
    fn what_is_not_a_civil_time_is_refused() {
        for text in [
            "",
            "1938",
            "1938-10-3",
            "1938-10-30 ",
            "1938-10-30 00:0",
            "1938-10-30 00:00:0",
            "1938-10-30 00:00:00.",
            "1938-10-30 00:00:00 EST",
            "1938-10-30 00:00:00+15:00",
            "1938-10-30 00:00:00+1",
            "0001-01-01 00:00:00+01:00",
            "9999-12-31 23:59:59-01:00",
            "1938-10-30 00:00:00 ",
            "1938-1030",
            "193810-30",
            "03/04/1938",
            "1938-10-30x00:00:00",
            "1938/10/30",
            "30-10-1938",
            "1938-13-01",
            "1938-00-01",
            "1938-01-00",
            "1938-01-32",
            "1938-04-31",
            "1938-02-29",
            "1900-02-29",
            "0000-01-01",
            "1938-10-30 24:00:00",
            "1938-10-30 00:60:00",
            "1938-10-30 00:00:60",
            "1938-1a-01",
            "-938-10-30",
            "1938-10-30 0\u{e9}:00:00",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert!(parse(b"2000-02-29").is_some() && parse(b"1904-02-29").is_some());
    }

    #[test]
    fn days_of_four_centuries_are_consecutive() {
        let (mut day, mut expected) = (parse(b"1799-12-31").expect("a date"), (1799, 12, 31));
        while expected.0 < 2201 {
            day += DAY_SECONDS;
            expected = match expected {
                (year, 12, 31) => (year + 1, 1, 1),
                (year, month, day) if day == month_days(year, month) => (year, month + 1, 1),
                (year, month, day) => (year, month, day + 1),
            };
            let text = format!("{:04}-{:02}-{:02}", expected.0, expected.1, expected.2);
            assert_eq!(parse(text.as_bytes()), Some(day));
        }
    }

    proptest! {
        #[test]
        fn text_and_time_are_inverse(time in -62_135_596_800_i64..=253_402_300_799) {
            prop_assert_eq!(parse(format(time).as_bytes()), Some(time));
        }

        #[test]
        fn any_bytes_are_parsed_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..30)) {
            let _ = parse(&bytes);
        }
    }
}
