//! Times as Go writes them, read into microseconds since 1970.
//!
//! Two ways are in the files: RFC 3339 (`2020-11-22T02:59:41.632471867-05:00`) and `time.Time.String`
//! (`2021-10-20 14:51:41.221546144 -0400 EDT m=+24069.05`). The name of the zone and the monotonic clock behind it are
//! not read.

use crate::civil;

/// Microseconds since 1970-01-01 UTC; parts of a microsecond are cut off. A date alone is its midnight, and a time
/// without an offset is UTC. None for anything else, for days that do not exist and for years outside 1970 to 9999 (Go
/// writes the year 1 for "never").
pub fn micros(text: &str) -> Option<i64> {
    let (date, rest) = text.trim().split_at_checked(10)?;
    let day = day(date)?;
    let rest = match rest.as_bytes().first() {
        None => return Some(day * DAY_US),
        Some(b'T' | b't' | b' ') => rest.get(1..)?,
        Some(_) => return None,
    };
    let (clock, rest) = rest.split_at_checked(8)?;
    let within = time_of_day(clock)? * SECOND_US;
    let (fraction_us, rest) = fraction(rest)?;
    let offset_us = offset_minutes(rest.trim_start())? * 60 * SECOND_US;
    let at = day * DAY_US + within + fraction_us - offset_us;
    (at >= 0).then_some(at)
}

/// Milliseconds between two times; none where the second comes first.
pub(super) fn took_ms(start_us: i64, end_us: i64) -> Option<f64> {
    let took = end_us.checked_sub(start_us).filter(|took| *took >= 0)?;
    #[allow(clippy::cast_precision_loss, reason = "times of years 1970 to 9999 in microseconds")]
    Some(took as f64 / 1000.0)
}

/// `YYYY-MM-DD` as days since 1970.
fn day(date: &str) -> Option<i64> {
    let mut parts = date.split('-');
    let year = number(parts.next()?, 4)?;
    let month = number(parts.next()?, 2)?;
    let day = number(parts.next()?, 2)?;
    if parts.next().is_some() || year < 1970 {
        return None;
    }
    civil::days(year, month, day)
}

/// `HH:MM:SS` as seconds. A leap second counts as the second before it.
fn time_of_day(clock: &str) -> Option<i64> {
    let mut parts = clock.split(':').map(|part| number(part, 2));
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let fits = hour < 24 && minute < 60 && second <= 60 && parts.next().is_none();
    fits.then(|| hour * 3600 + minute * 60 + second.min(59))
}

/// `.632471867` as microseconds, and what follows.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let Some(digits) = text.strip_prefix('.') else { return Some((0, text)) };
    let end = digits.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at_checked(end)?;
    let micros: String = digits.chars().chain("000000".chars()).take(6).collect();
    Some((micros.parse().ok()?, rest))
}

/// `-05:00`, `-0400 EDT ..`, `Z`, `UTC` or nothing, in minutes.
fn offset_minutes(text: &str) -> Option<i64> {
    let sign = match text.as_bytes().first() {
        Some(b'+') => 1,
        Some(b'-') => -1,
        Some(b'Z' | b'z' | b'U') | None => return Some(0),
        Some(_) => return None,
    };
    let digits: String =
        text.bytes().skip(1).filter(|byte| *byte != b':').take(4).map(char::from).collect();
    let (hours, minutes) = digits.split_at_checked(2)?;
    let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

fn number(digits: &str, length: usize) -> Option<i64> {
    let plain = digits.len() == length && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

const SECOND_US: i64 = 1_000_000;
const DAY_US: i64 = 86_400 * SECOND_US;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_and_none() {
        // Seconds by `date -u -d '..' +%s`.
        for (text, expected) in [
            ("2020-11-22T02:59:41.632471867-05:00", Some(1_606_031_981_632_471)),
            ("2021-10-20 14:51:41.221546144 -0400 EDT m=+24069.05", Some(1_634_755_901_221_546)),
            ("2023-03-05 16:16:10 -0500 EST", Some(1_678_050_970_000_000)),
            ("2021-05-31T12:43:21", Some(1_622_465_001_000_000)),
            ("2021-05-31T12:43:21Z", Some(1_622_465_001_000_000)),
            ("2021-05-31 12:43:21.5 +0530 IST", Some(1_622_445_201_500_000)),
            ("1970-01-01", Some(0)),
            ("2024-02-29", Some(1_709_164_800_000_000)),
            ("2023-02-29", None),
            ("1970-01-01T00:00:00+00:01", None),
            ("0001-01-01T00:00:00Z", None),
            ("0001-01-01 00:00:00 +0000 UTC", None),
            ("2021-05-31T25:00:00Z", None),
            ("2021-05-31T12:43", None),
            ("2021-05-31x", None),
            ("+021-05-31", None),
            ("2021-05-3\u{e9}", None),
            ("", None),
        ] {
            assert_eq!(micros(text), expected, "{text}");
        }
    }

    #[test]
    fn days_are_the_inverse_of_dates() {
        for day in (0..2_932_896).step_by(97) {
            let (year, month, of_month) = civil::date(day);
            assert_eq!(civil::days(year, month, of_month), Some(day));
        }
    }

    #[test]
    fn nothing_takes_less_than_no_time() {
        assert_eq!(took_ms(1_000, 3_500), Some(2.5));
        assert_eq!(took_ms(2, 1), None);
    }
}
