//! Makes generated inputs of script functions consistent. How facts other than parts of the date depend on each other
//! is next to the views, in [`facts`](super::facts).

use chrono::{Datelike as _, NaiveDate};

use super::facts::{ChannelFacts, PostFacts, make_facts_consistent};
use crate::model::{parse_date, plus_days};

/// Resolves contradictions in an input whose post was derived from `start`: all parts of a date refer to one day, and
/// other facts agree as [`make_facts_consistent`] says.
pub(super) fn make_consistent(post: &mut PostFacts, ctx: &mut ChannelFacts, start: &PostFacts) {
    make_date_consistent(post, start);
    make_facts_consistent(post, ctx);
}

/// Sets the date of a post and all parts of it.
pub(super) fn on_day(post: &mut PostFacts, date: NaiveDate) {
    post.date = date.to_string().into();
    post.day = i64::from(date.day());
    post.month = i64::from(date.month());
    post.week = i64::from(date.iso_week().week());
    post.weekday = weekday(date);
}

/// Number of days that are searched for one with the wanted parts: six years, which include a year with 53 weeks and a
/// leap day.
const DAYS_SEARCHED: i64 = 6 * 366;

/// Makes date, day, month, week and weekday refer to one day: the first, from the post's date on, that has every
/// part in which the post differs from `start`. If there is none, it is the post's date.
fn make_date_consistent(post: &mut PostFacts, start: &PostFacts) {
    let Some(from) = parse_date(&post.date) else { return };
    let is_wanted_month = |date: NaiveDate| post.month == start.month || i64::from(date.month()) == post.month;
    let is_wanted_day = |date: NaiveDate| {
        let day = post.day.min(i64::from(date.num_days_in_month()));
        (post.day == start.day || day == i64::from(date.day()))
            && (post.weekday == start.weekday || weekday(date) == post.weekday)
            && (post.week == start.week || i64::from(date.iso_week().week()) == post.week)
    };
    on_day(post, first_day(from, is_wanted_month, is_wanted_day).unwrap_or(from));
}

/// The first wanted day from a date on; months that are not wanted are skipped.
fn first_day(
    from: NaiveDate,
    is_wanted_month: impl Fn(NaiveDate) -> bool,
    is_wanted_day: impl Fn(NaiveDate) -> bool,
) -> Option<NaiveDate> {
    let end = plus_days(from, DAYS_SEARCHED);
    let mut date = from;
    while date < end {
        let last_passed = match is_wanted_month(date) {
            true if is_wanted_day(date) => return Some(date),
            true => date,
            false => date.with_day(u32::from(date.num_days_in_month())).unwrap_or(date),
        };
        date = plus_days(last_passed, 1);
    }
    None
}

fn weekday(date: NaiveDate) -> i64 {
    i64::from(date.weekday().num_days_from_monday())
}

#[cfg(test)]
mod tests {
    use super::super::inputs::tests::input;
    use super::*;
    use crate::rules::Fact;
    use crate::rules::inputs::Input;

    fn start() -> Input {
        let mut start = input();
        on_day(&mut start.post, "2026-07-01".parse().unwrap());
        start
    }

    /// The date of a post after a change to it.
    fn date(change: impl FnOnce(&mut PostFacts)) -> String {
        let start = start();
        let mut input = start.clone();
        change(&mut input.post);
        make_consistent(&mut input.post, &mut input.ctx, &start.post);
        let date: NaiveDate = input.post.date.parse().unwrap();
        let mut on_that_day = input.post.clone();
        on_day(&mut on_that_day, date);
        let parts = |post: &PostFacts| (post.day, post.month, post.week, post.weekday);
        assert_eq!(parts(&on_that_day), parts(&input.post));
        date.to_string()
    }

    #[test]
    fn all_parts_of_a_date_refer_to_one_day() {
        assert_eq!(date(|_| {}), "2026-07-01");
        assert_eq!(date(|post| post.date = "2026-12-24".into()), "2026-12-24");
        assert_eq!(date(|post| post.week = 53), "2026-12-28");
        assert_eq!(date(|post| (post.month, post.day) = (2, 30)), "2027-02-28");
        assert_eq!(date(|post| post.weekday = 6), "2026-07-05");
        // The first Sunday on or after Christmas Eve.
        assert_eq!(date(|post| (post.date, post.weekday) = ("2026-12-24".into(), 6)), "2026-12-27");
        // Week 53 has no day in June.
        assert_eq!(date(|post| (post.week, post.month) = (53, 6)), "2026-07-01");
    }

    #[test]
    fn other_posts_of_the_day_have_a_channel_and_an_hour_each() {
        let start = start();
        let mut input = start.clone();
        input.post.channels_of_day = [Fact::Text("ig".into())].into();
        make_consistent(&mut input.post, &mut input.ctx, &start.post);
        assert_eq!(input.post.hours_of_day.len(), 1);
        let mut input = start.clone();
        input.post.hours_of_day = [Fact::Whole(7)].into();
        make_consistent(&mut input.post, &mut input.ctx, &start.post);
        assert_eq!(input.post.channels_of_day.len(), 1);
    }
}
