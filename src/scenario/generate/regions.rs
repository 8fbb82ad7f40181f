//! The time zones of generated clients, and the holidays of their countries.

use chrono::{Datelike as _, NaiveDate, Weekday};

use super::draw::Draw;
use crate::model::{Week, plus_days};

/// When a holiday falls.
#[derive(Debug, Clone, Copy)]
enum HolidayDate {
    /// The same month and day each year.
    On(u32, u32),
    /// In a month, the nth occurrence of a weekday.
    Nth(u32, u8, Weekday),
    /// In a month, the last occurrence of a weekday.
    Last(u32, Weekday),
}

/// One time zone of a country, with the country's holidays.
#[derive(Debug, Clone, Copy)]
pub(super) struct Region {
    /// IANA zone.
    pub zone: &'static str,
    holidays: &'static [(&'static str, HolidayDate)],
}

use HolidayDate::{Last, Nth, On};

const BRITISH: &[(&str, HolidayDate)] = &[
    ("Early May Bank Holiday", Nth(5, 1, Weekday::Mon)),
    ("Summer Bank Holiday", Last(8, Weekday::Mon)),
    ("Christmas Day", On(12, 25)),
    ("Boxing Day", On(12, 26)),
    ("New Year's Day", On(1, 1)),
];

const GERMAN: &[(&str, HolidayDate)] = &[
    ("Labour Day", On(5, 1)),
    ("German Unity Day", On(10, 3)),
    ("Christmas Day", On(12, 25)),
    ("Second Day of Christmas", On(12, 26)),
    ("New Year's Day", On(1, 1)),
];

const FRENCH: &[(&str, HolidayDate)] = &[
    ("Labour Day", On(5, 1)),
    ("Bastille Day", On(7, 14)),
    ("All Saints' Day", On(11, 1)),
    ("Armistice Day", On(11, 11)),
    ("Christmas Day", On(12, 25)),
    ("New Year's Day", On(1, 1)),
];

const SPANISH: &[(&str, HolidayDate)] = &[
    ("National Day", On(10, 12)),
    ("All Saints' Day", On(11, 1)),
    ("Constitution Day", On(12, 6)),
    ("Christmas Day", On(12, 25)),
    ("New Year's Day", On(1, 1)),
];

const AMERICAN: &[(&str, HolidayDate)] = &[
    ("Memorial Day", Last(5, Weekday::Mon)),
    ("Independence Day", On(7, 4)),
    ("Labor Day", Nth(9, 1, Weekday::Mon)),
    ("Thanksgiving", Nth(11, 4, Weekday::Thu)),
    ("Christmas Day", On(12, 25)),
    ("New Year's Day", On(1, 1)),
];

const AUSTRALIAN: &[(&str, HolidayDate)] = &[
    ("Australia Day", On(1, 26)),
    ("Anzac Day", On(4, 25)),
    ("Labour Day", Nth(10, 1, Weekday::Mon)),
    ("Melbourne Cup", Nth(11, 1, Weekday::Tue)),
    ("Christmas Day", On(12, 25)),
    ("Boxing Day", On(12, 26)),
    ("New Year's Day", On(1, 1)),
];

const JAPANESE: &[(&str, HolidayDate)] = &[
    ("Showa Day", On(4, 29)),
    ("Respect for the Aged Day", Nth(9, 3, Weekday::Mon)),
    ("Sports Day", Nth(10, 2, Weekday::Mon)),
    ("Culture Day", On(11, 3)),
    ("New Year's Day", On(1, 1)),
];

const INDIAN: &[(&str, HolidayDate)] =
    &[("Republic Day", On(1, 26)), ("Independence Day", On(8, 15)), ("Gandhi Jayanti", On(10, 2))];

const SINGAPOREAN: &[(&str, HolidayDate)] = &[
    ("National Day", On(8, 9)),
    ("Labour Day", On(5, 1)),
    ("Christmas Day", On(12, 25)),
    ("New Year's Day", On(1, 1)),
];

/// Regions weighted by their number of clients, in per cent: Europe 40, America 33, Australia 17, Asia 10.
const REGIONS: [(Region, f64); 14] = [
    region("Europe/London", 18.0, BRITISH),
    region("Europe/Berlin", 10.0, GERMAN),
    region("Europe/Paris", 8.0, FRENCH),
    region("Europe/Madrid", 4.0, SPANISH),
    region("America/New_York", 15.0, AMERICAN),
    region("America/Chicago", 8.0, AMERICAN),
    region("America/Denver", 2.0, AMERICAN),
    region("America/Los_Angeles", 8.0, AMERICAN),
    region("Australia/Sydney", 8.0, AUSTRALIAN),
    region("Australia/Melbourne", 6.0, AUSTRALIAN),
    region("Australia/Perth", 3.0, AUSTRALIAN),
    region("Asia/Singapore", 4.0, SINGAPOREAN),
    region("Asia/Tokyo", 3.0, JAPANESE),
    region("Asia/Kolkata", 3.0, INDIAN),
];

const fn region(zone: &'static str, weight: f64, holidays: &'static [(&'static str, HolidayDate)]) -> (Region, f64) {
    (Region { zone, holidays }, weight)
}

impl Region {
    /// A random region.
    pub fn random(draw: &mut Draw) -> Self {
        *draw.weighted(&REGIONS)
    }

    /// The holidays that fall in the weeks, by date.
    pub fn holidays(&self, start: Week, weeks: u32) -> Vec<(NaiveDate, &'static str)> {
        let (first, end) = (start.monday(), start.plus(i64::from(weeks)).monday());
        let years = first.year()..=end.year();
        let dated = |(name, date): &(&'static str, HolidayDate), year| Some((date.in_year(year)?, *name));
        let mut days: Vec<_> = years
            .flat_map(|year| self.holidays.iter().filter_map(move |holiday| dated(holiday, year)))
            .filter(|(date, _)| (first..end).contains(date))
            .collect();
        days.sort_unstable();
        days
    }
}

impl HolidayDate {
    fn in_year(self, year: i32) -> Option<NaiveDate> {
        match self {
            On(month, day) => NaiveDate::from_ymd_opt(year, month, day),
            Nth(month, nth, weekday) => NaiveDate::from_weekday_of_month_opt(year, month, weekday, nth),
            Last(month, weekday) => {
                // A weekday occurs four or five times in a month.
                [5, 4].into_iter().find_map(|nth| NaiveDate::from_weekday_of_month_opt(year, month, weekday, nth))
            }
        }
    }
}

/// The days after the fourth Thursday of November that fall in the weeks.
pub(super) fn black_fridays(start: Week, weeks: u32) -> Vec<NaiveDate> {
    let (first, end) = (start.monday(), start.plus(i64::from(weeks)).monday());
    let thursdays = (first.year()..=end.year()).filter_map(|year| Nth(11, 4, Weekday::Thu).in_year(year));
    thursdays.map(|thursday| plus_days(thursday, 1)).filter(|day| (first..end).contains(day)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn autumn_holidays_have_the_right_dates() {
        let start: Week = "2026-W37".parse().unwrap();
        let days = |zone: &str| {
            let (region, _) = REGIONS.iter().find(|(region, _)| region.zone == zone).unwrap();
            region.holidays(start, 12).into_iter().map(|(date, name)| format!("{date} {name}")).collect::<Vec<_>>()
        };
        assert_eq!(days("America/New_York"), ["2026-09-07 Labor Day", "2026-11-26 Thanksgiving"]);
        assert_eq!(days("Australia/Sydney"), ["2026-10-05 Labour Day", "2026-11-03 Melbourne Cup"]);
        assert_eq!(black_fridays(start, 12).iter().map(ToString::to_string).collect::<Vec<_>>(), ["2026-11-27"]);
    }

    #[test]
    fn every_region_has_a_known_time_zone() {
        for (region, _) in REGIONS {
            assert!(region.zone.parse::<crate::model::Zone>().is_ok(), "{}", region.zone);
        }
    }
}
