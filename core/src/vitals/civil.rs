//! Civil timestamps as they stand in the files: no zone, no leap seconds.
//!
//! Used by format decoders and by everything that writes a time. A time is a
//! count of seconds since 1970-01-01 00:00:00, negative before it. What does
//! not fit the layout or the calendar is refused, never repaired.

/// Seconds in a civil day.
pub const DAY_SECONDS: i64 = 86_400;

/// Reads `YYYY-MM-DD`, `YYYY-MM-DD HH:MM:SS` or the same with a `T`, years
/// 0001 to 9999, validated against the Gregorian calendar; a bare date is its
/// midnight.
#[must_use]
#[inline]
pub fn parse(text: &[u8]) -> Option<i64> {
    let (date, clock) = text.split_at_checked(10)?;
    let days = parse_date(date.try_into().ok()?)?;
    if clock.is_empty() {
        return Some(days * DAY_SECONDS);
    }
    let clock: &[u8; 9] = clock.try_into().ok()?;
    if !matches!(clock[0], b' ' | b'T') || clock[3] != b':' || clock[6] != b':' {
        return None;
    }
    let hour = two(clock[1], clock[2])?;
    let minute = two(clock[4], clock[5])?;
    let second = two(clock[7], clock[8])?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some(days * DAY_SECONDS + hour * 3600 + minute * 60 + second)
}

#[inline]
fn parse_date(date: &[u8; 10]) -> Option<i64> {
    if date[4] != b'-' || date[7] != b'-' {
        return None;
    }
    let year = two(date[0], date[1])? * 100 + two(date[2], date[3])?;
    let month = two(date[5], date[6])?;
    let day = two(date[8], date[9])?;
    if year < 1 || !(1..=12).contains(&month) || day < 1 || day > month_days(year, month) {
        return None;
    }
    Some(days_from_civil(year, month, day))
}

#[inline]
fn two(tens: u8, ones: u8) -> Option<i64> {
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

/// Days since 1970-01-01 (H. Hinnant, "chrono-compatible low-level date
/// algorithms"): years run from March, so that the leap day comes last.
#[inline]
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The inverse: year, month and day of a day number.
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

/// Writes a time as `1938-10-30 00:00:00`.
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
        assert_eq!(parse(b"1938-10-30"), Some(-983_750_400));
    }

    #[test]
    fn what_is_not_a_civil_time_is_refused() {
        for text in [
            "",
            "1938",
            "1938-10-3",
            "1938-10-30 ",
            "1938-10-30 00:00",
            "1938-10-30 00:00:0",
            "1938-10-30 00:00:00Z",
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
    fn every_day_of_four_centuries_follows_the_one_before() {
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
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..30)) {
            let _ = parse(&bytes);
        }
    }
}
