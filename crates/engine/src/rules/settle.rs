//! Inputs of functions made consistent: what cannot be together is taken back.

use jiff::civil::{Date, ISOWeekDate, Weekday};

use super::facts::{Fact, List, PostFacts};
use super::inputs::Input;
use crate::model::Channel;

/// Takes back what cannot be together, of an input that was made out of another one: a post without an asset has none
/// of its marks, what is doubted was assessed, a date is of one day, and every other post of the day has a channel and
/// an hour.
pub(super) fn settle(input: &mut Input, start: &Input) {
    settle_date(&mut input.post, &start.post);
    settle_others(&mut input.post);
    if !input.post.has_asset {
        input.post.asset_score = 0.0;
        input.post.asset_kind = "".into();
        input.post.asset_title = "".into();
        input.post.asset_tags = List::default();
        input.post.has_content = false;
    }
    input.ctx.assessed |= input.ctx.reality_gap > 0.0 || input.ctx.reality_confidence < 1.0;
}

/// Puts a post on a day.
pub(super) fn on_day(post: &mut PostFacts, date: Date) {
    post.date = date.to_string().into();
    post.day = i64::from(date.day());
    post.month = i64::from(date.month());
    post.week = i64::from(date.iso_week_date().week());
    post.weekday = i64::from(date.weekday().to_monday_zero_offset());
}

/// Makes date, day, month, week and weekday those of one day: of the date where that differs from the start's, else of
/// week and weekday where the week does, else of month, day and weekday.
fn settle_date(post: &mut PostFacts, start: &PostFacts) {
    let Ok(of_start) = start.date.parse::<Date>() else { return };
    let settled = match post.date.parse::<Date>() {
        Ok(date) if date != of_start => Some(date),
        _ if post.week != start.week => day_of_week(post.week, post.weekday),
        _ => day_of_month(of_start.year(), post.month, post.day, post.weekday),
    };
    on_day(post, settled.unwrap_or(of_start));
}

/// Gives each other post of the day a channel and an hour.
fn settle_others(post: &mut PostFacts) {
    let (channels, hours) = (post.channels_of_day.len(), post.hours_of_day.len());
    let filled = |list: &List, count: usize, filling: Fact| -> List {
        list.iter().cloned().chain(std::iter::repeat_n(filling, count.saturating_sub(list.len()))).collect()
    };
    if channels < hours {
        post.channels_of_day = filled(&post.channels_of_day, hours, Fact::Text(Channel::Fb.name().into()));
    } else if hours < channels {
        post.hours_of_day = filled(&post.hours_of_day, channels, Fact::Whole(post.hour));
    }
}

/// A day of an ISO week, counted from Monday, in a year that has 53 weeks.
fn day_of_week(week: i64, weekday: i64) -> Option<Date> {
    let weekday = Weekday::from_monday_zero_offset(i8::try_from(weekday).ok()?).ok()?;
    Some(ISOWeekDate::new(2026, i8::try_from(week).ok()?, weekday).ok()?.date())
}

/// The day of a month, or the month's last one where it has no such day, in the first year from `year` on in which it
/// has the weekday.
fn day_of_month(year: i16, month: i64, day: i64, weekday: i64) -> Option<Date> {
    let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    // After 28 years every date has had every weekday.
    (year..year + 28).find_map(|year| {
        let last = Date::new(year, month, 1).ok()?.days_in_month();
        let date = Date::new(year, month, day.min(last)).ok()?;
        (i64::from(date.weekday().to_monday_zero_offset()) == weekday).then_some(date)
    })
}

#[cfg(test)]
mod tests {
    use super::super::inputs::tests::input;
    use super::*;

    fn start() -> Input {
        let mut start = input();
        on_day(&mut start.post, "2026-07-01".parse().unwrap());
        start
    }

    /// The date of a post after something of it was changed.
    fn date(change: impl FnOnce(&mut PostFacts)) -> String {
        let start = start();
        let mut input = start.clone();
        change(&mut input.post);
        settle(&mut input, &start);
        let date: Date = input.post.date.parse().unwrap();
        let mut again = input.post.clone();
        on_day(&mut again, date);
        let parts = |post: &PostFacts| (post.day, post.month, post.week, post.weekday);
        assert_eq!(parts(&again), parts(&input.post));
        date.to_string()
    }

    #[test]
    fn every_part_of_a_date_is_of_one_day() {
        assert_eq!(date(|_| {}), "2026-07-01");
        assert_eq!(date(|post| post.date = "2026-12-24".into()), "2026-12-24");
        // Wednesday of week 53.
        assert_eq!(date(|post| post.week = 53), "2026-12-30");
        assert_eq!(date(|post| (post.month, post.day) = (2, 30)), "2029-02-28");
        // The next year in which 1 July is a Sunday.
        assert_eq!(date(|post| post.weekday = 6), "2029-07-01");
    }

    #[test]
    fn other_posts_of_the_day_have_a_channel_and_an_hour_each() {
        let start = start();
        let mut input = start.clone();
        input.post.channels_of_day = [Fact::Text("ig".into())].into();
        settle(&mut input, &start);
        assert_eq!(input.post.hours_of_day.len(), 1);
        let mut input = start.clone();
        input.post.hours_of_day = [Fact::Whole(7)].into();
        settle(&mut input, &start);
        assert_eq!(input.post.channels_of_day.len(), 1);
    }
}
