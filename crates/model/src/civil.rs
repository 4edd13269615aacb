//! Seconds since 1970 as a date and a time, UTC. No clock is asked.

/// `YYYY-MM-DD HH:MM:SS` of a time in seconds since 1970-01-01, cut to whole seconds.
///
/// None for times before 1970 or after the year 9999: no probe measured then.
pub(crate) fn date_time(epoch_secs: f64) -> Option<String> {
    if !(0.0..END_SECS).contains(&epoch_secs) {
        return None;
    }
    #[allow(clippy::cast_possible_truncation, reason = "range checked")]
    let seconds = epoch_secs as i64;
    let (year, month, day) = date(seconds / DAY_SECS);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    Some(format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"))
}

/// Year, month and day of a number of days since 1970-01-01; before it for negative ones.
///
/// Counts from 0000-03-01, so that the leap day ends its year: Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms", `civil_from_days`.
pub fn date(days: i64) -> (i64, i64, i64) {
    let days = days.saturating_add(719_468);
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// Number of days since 1970-01-01 of a date; none where there is no such day. The inverse of [`date`], by the same source's `days_from_civil`.
pub fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(0..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let march_year = year - i64::from(month <= 2);
    let (era, year_of_era) = (march_year.div_euclid(400), march_year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    (date(days) == (year, month, day)).then_some(days)
}

/// Microseconds since 1970-01-01 of `YYYY-MM-DD HH:MM:SS`, as OONI writes times (df-000). A `T` may stand for the blank, a fraction and a `Z` may
/// follow; another offset from UTC may not. None for any other text, and for times before 1970.
pub fn micros(text: &str) -> Option<i64> {
    let text = text.trim().trim_end_matches('Z');
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = text.get(from..to)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let marks = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    if !marks.iter().all(|(at, mark)| bytes.get(*at) == Some(mark))
        || !matches!(bytes.get(10), Some(b' ' | b'T'))
    {
        return None;
    }
    let days = days(number(0, 4)?, number(5, 7)?, number(8, 10)?)?;
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if days < 0 || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let fraction = match text.get(19..)? {
        "" => 0,
        rest => {
            let digits = rest.strip_prefix('.').filter(|digits| !digits.is_empty())?;
            if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            format!("{digits:0<6}").get(..6)?.parse().ok()?
        }
    };
    Some(((days * 24 + hour) * 3600 + minute * 60 + second) * 1_000_000 + fraction)
}

const DAY_SECS: i64 = 86_400;
/// 10000-01-01.
const END_SECS: f64 = 253_402_300_800.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times() {
        for (seconds, text) in [
            (0.0, "1970-01-01 00:00:00"),
            (951_782_399.0, "2000-02-28 23:59:59"),
            (951_782_400.5, "2000-02-29 00:00:00"),
            (1_446_726_576.0, "2015-11-05 12:29:36"),
            (1_709_164_800.0, "2024-02-29 00:00:00"),
            (253_402_300_799.0, "9999-12-31 23:59:59"),
        ] {
            assert_eq!(date_time(seconds).as_deref(), Some(text));
        }
        for none in [-1.0, END_SECS, f64::NAN, f64::INFINITY] {
            assert_eq!(date_time(none), None);
        }
    }

    #[test]
    fn written_times_are_read() {
        for (text, micros_) in [
            ("1970-01-01 00:00:00", Some(0)),
            ("2000-02-29T00:00:00Z", Some(951_782_400_000_000)),
            ("2015-11-05 12:29:36.5", Some(1_446_726_576_500_000)),
            ("2015-11-05 12:29:36.1234567", Some(1_446_726_576_123_456)),
            ("2015-02-29 12:29:36", None),
            ("2015-11-05", None),
            ("2015-11-05 12:29:36+02:00", None),
            ("2015-11-05 24:00:00", None),
            ("1969-12-31 23:59:59", None),
            ("2015-1١-05 12:29:36", None),
            ("", None),
        ] {
            assert_eq!(micros(text), micros_, "{text}");
        }
    }

    #[test]
    fn days_and_dates_are_inverse() {
        for day in -400_000..200_000 {
            let (year, month, of_month) = date(day);
            assert_eq!(days(year, month, of_month), (year >= 0).then_some(day));
        }
        assert_eq!(days(2023, 4, 31), None);
        assert_eq!(days(2100, 2, 29), None);
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut last = date(0);
        for day in 1..200_000 {
            let next = date(day);
            let same_month = (next.0, next.1) == (last.0, last.1) && next.2 == last.2 + 1;
            let new_month = next.2 == 1 && last.2 >= 28 && (next.0, next.1) > (last.0, last.1);
            assert!(same_month || new_month, "{last:?} {next:?}");
            last = next;
        }
    }
}
