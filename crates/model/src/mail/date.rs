//! INTERNALDATE as an instant.

use std::fmt;

/// The instant at which a message arrived (INTERNALDATE, RFC 9051 section 2.3.3), in seconds since
/// 1970-01-01 00:00:00 UTC; negative before. The zone in which a server happens to write it is not kept:
/// it says nothing about the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InternalDate(i64);

impl InternalDate {
    /// From seconds since the epoch.
    pub const fn from_unix(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since the epoch.
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// From a civil date and time with an offset east of UTC in minutes. `None` where one is out of its range
    /// (second 60 is taken: leap seconds occur in mail).
    pub fn from_civil(
        (year, month, day): (i32, u8, u8),
        (hour, minute, second): (u8, u8, u8),
        offset_minutes: i32,
    ) -> Option<Self> {
        let in_range = (1..=12).contains(&month)
            && day >= 1
            && day <= days_in_month(year, month)
            && hour < 24
            && minute < 60
            && second <= 60
            && offset_minutes.abs() < 24 * 60;
        if !in_range {
            return None;
        }
        let day_seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
        Some(Self(
            days_from_civil(year, month, day) * 86_400 + day_seconds - i64::from(offset_minutes) * 60,
        ))
    }
}

impl fmt::Display for InternalDate {
    /// As people read it, in UTC: `2026-11-23 16:04:05 UTC`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.0.div_euclid(86_400));
        let second = self.0.rem_euclid(86_400);
        write!(
            f,
            "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC",
            second / 3600,
            second / 60 % 60,
            second % 60
        )
    }
}

fn days_in_month(year: i32, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar. Years are counted from March, so that the
/// leap day is the last of its year and months have lengths that one linear formula gives.
fn days_from_civil(year: i32, month: u8, day: u8) -> i64 {
    let year = i64::from(year) - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (i64::from(month) + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The reverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unix(date: (i32, u8, u8), time: (u8, u8, u8), offset: i32) -> Option<i64> {
        InternalDate::from_civil(date, time, offset).map(InternalDate::unix)
    }

    #[test]
    fn counts_seconds_from_the_epoch() {
        assert_eq!(unix((1970, 1, 1), (0, 0, 0), 0), Some(0));
        assert_eq!(unix((1969, 12, 31), (23, 59, 59), 0), Some(-1));
        assert_eq!(unix((2000, 2, 29), (12, 0, 0), 60), Some(951_822_000));
        assert_eq!(unix((2038, 1, 19), (3, 14, 8), 0), Some(2_147_483_648));
        assert_eq!(unix((2040, 6, 1), (0, 0, 0), -330), Some(2_222_141_400));
        assert_eq!(unix((1899, 12, 30), (0, 0, 0), 0), Some(-2_209_161_600));
    }

    #[test]
    fn refuses_what_no_calendar_has() {
        assert_eq!(unix((2023, 2, 29), (0, 0, 0), 0), None);
        assert_eq!(unix((2023, 13, 1), (0, 0, 0), 0), None);
        assert_eq!(unix((2023, 0, 1), (0, 0, 0), 0), None);
        assert_eq!(unix((2023, 1, 1), (24, 0, 0), 0), None);
    }

    #[test]
    fn every_day_is_shown_as_it_was_given() {
        for (date, shown) in [
            ((1970, 1, 1), "1970-01-01 00:00:01 UTC"),
            ((1899, 12, 31), "1899-12-31 00:00:01 UTC"),
            ((2000, 2, 29), "2000-02-29 00:00:01 UTC"),
            ((2100, 3, 1), "2100-03-01 00:00:01 UTC"),
            ((2026, 12, 31), "2026-12-31 00:00:01 UTC"),
        ] {
            let at = InternalDate::from_civil(date, (0, 0, 1), 0).unwrap();
            assert_eq!(at.to_string(), shown);
        }
        for day in (-200_000..200_000).step_by(97) {
            let (year, month, day_of_month) = civil_from_days(day);
            let back = days_from_civil(
                i32::try_from(year).unwrap(),
                u8::try_from(month).unwrap(),
                u8::try_from(day_of_month).unwrap(),
            );
            assert_eq!(back, day);
        }
    }
}
