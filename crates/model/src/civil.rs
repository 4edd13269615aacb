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
