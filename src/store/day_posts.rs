//! The posts of a client's day, which the posting decisions about them record: each decision refers to the list of the
//! day, and leaves out its own post.

use chrono::Timelike as _;

use super::error::StoreError;
use super::json::json_text;
use crate::model::{ClientPlan, OtherPost, Post};

/// The posts of a post's day.
pub(super) struct DayPosts {
    /// All of them in order, a JSON list.
    pub list: String,
    /// 0-based place of the post itself in the list.
    pub own_place: i64,
    /// The field of the posting decision's payload that lists the others, with the comma before it.
    field: String,
}

impl DayPosts {
    /// The posts of a planned post's day; `None` if it is the only one.
    pub fn of(plan: &ClientPlan, post: &Post) -> Result<Option<Self>, StoreError> {
        let others = &post.surroundings.others_of_day;
        let Ok(hour) = u8::try_from(plan.zone.wall_time(post.at).hour()) else { return Ok(None) };
        if others.is_empty() {
            return Ok(None);
        }
        let own = OtherPost { hour, channel: post.channel };
        let own_place = others.partition_point(|other| *other < own);
        let mut all = others.clone();
        all.insert(own_place, own);
        Ok(Some(Self {
            list: json_text(&all)?,
            own_place: own_place as i64,
            field: format!(",\"others_of_day\":{}", json_text(others)?),
        }))
    }

    /// A posting decision's payload without the others; `None` if it does not list them.
    pub fn without_others(&self, payload: &str) -> Option<String> {
        payload.split_once(&self.field).map(|(before, after)| format!("{before}{after}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_list_of_others_is_left_out_of_a_payload() {
        let field = ",\"others_of_day\":[{\"hour\":9,\"channel\":\"x\"}]".to_owned();
        let day = DayPosts { list: String::new(), own_place: 0, field };
        let payload = "{\"cost\":1.0,\"others_of_day\":[{\"hour\":9,\"channel\":\"x\"}],\"confidence_steps\":[]}";
        assert_eq!(day.without_others(payload).unwrap(), "{\"cost\":1.0,\"confidence_steps\":[]}");
        let other = "{\"cost\":1.0,\"others_of_day\":[{\"hour\":9,\"channel\":\"x\"},{\"hour\":10,\"channel\":\"x\"}]}";
        assert_eq!(day.without_others(other), None);
    }
}
