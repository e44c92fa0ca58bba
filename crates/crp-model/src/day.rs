//! A day of the calendar, such as the date that stands on a letter.

use std::{fmt, str::FromStr};

use crate::Timestamp;

/// Microseconds of a day.
const DAY_MICROSECONDS: i64 = 24 * 60 * 60 * 1_000_000;

/// The day that is counted as 0.
const EPOCH: jiff::civil::Date = jiff::civil::date(1970, 1, 1);

/// A day, counted from 1970-01-01; as text `YYYY-MM-DD`. It has no time and no time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i64);

/// A text that is no day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a day is written as YYYY-MM-DD, such as 2026-03-01")]
pub struct NotADay;

impl Day {
    /// The first day that a text can name: 0000-01-01.
    pub const FIRST: Day = Day(-719_528);
    /// The last day that a text can name: 9999-12-31.
    pub const LAST: Day = Day(2_932_896);

    /// The day of an instant in UTC.
    pub fn of(instant: Timestamp) -> Day {
        Day(instant.0.div_euclid(DAY_MICROSECONDS))
    }

    /// Days since 1970-01-01, as databases keep it.
    pub fn number(self) -> i64 {
        self.0
    }

    /// The day with this number; only for rows that [`Day::number`] made.
    pub fn from_store(number: i64) -> Day {
        Day(number)
    }
}

impl FromStr for Day {
    type Err = NotADay;

    fn from_str(text: &str) -> Result<Self, NotADay> {
        let shape = text.bytes().enumerate().all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
        if text.len() != 10 || !shape {
            return Err(NotADay);
        }
        let date: jiff::civil::Date = text.parse().map_err(|_| NotADay)?;
        let since_epoch = EPOCH.until(date).map_err(|_| NotADay)?;
        Ok(Day(since_epoch.get_days().into()))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since_epoch = jiff::Span::new().try_days(self.0).and_then(|days| EPOCH.checked_add(days));
        match since_epoch {
            Ok(date) => date.fmt(f),
            Err(_) => self.0.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_survives_its_text_and_is_the_day_of_its_instants() {
        for text in ["1970-01-01", "2024-02-29", "1899-12-31", "9999-12-31", "0001-01-01"] {
            assert_eq!(text.parse::<Day>().unwrap().to_string(), text);
        }
        let day: Day = "2026-03-01".parse().unwrap();
        let (first, last) = (Timestamp(day.number() * DAY_MICROSECONDS), Timestamp((day.number() + 1) * DAY_MICROSECONDS - 1));
        assert_eq!((Day::of(first), Day::of(last)), (day, day));
        assert_eq!((Day::FIRST.to_string(), Day::LAST.to_string()), ("0000-01-01".to_owned(), "9999-12-31".to_owned()));
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in ["", "2023-02-29", "2023-13-01", "2023-1-1", "01.02.2023", "2023-02-03T00:00", "+02023-02-03", "２０２３-02-03"] {
            assert_eq!(text.parse::<Day>(), Err(NotADay), "{text}");
        }
    }
}
