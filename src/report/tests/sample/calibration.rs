//! Calibrations of made-up histories, from informative to empty.

use std::sync::Arc;

use crate::calibration::{AccountHistory, Calibration, Post, calibrate};
use crate::model::{Channel, ClientId, Timestamp, Zone};

/// Calibrations of several shapes, each with a name.
pub fn calibrations() -> Vec<(&'static str, Calibration)> {
    let of_account = |name: &str, posts: u32, engagements: fn(u32) -> Option<f64>| {
        calibrate(&[history(name, Channel::Fb, posts, engagements)]).unwrap()
    };
    vec![
        ("usual", calibration()),
        ("names", of_account("<b>tea|`x`</b>", 60, |post| Some(f64::from(20 + post % 7)))),
        ("one post", of_account("tea", 1, |_| Some(5.0))),
        ("nothing measured", of_account("tea", 40, |_| None)),
        ("zeros", of_account("tea", 200, |_| Some(0.0))),
        ("an outlier", of_account("tea", 200, |post| Some(if post == 150 { 1e9 } else { 20.0 }))),
    ]
}

/// A usual calibration: three accounts, one of which earns less from posts soon after another.
pub fn calibration() -> Calibration {
    let histories = [
        history("coffee", Channel::Fb, 240, |post| Some(f64::from(40 + post * 13 % 29))),
        history("milk", Channel::Ig, 90, |post| Some(f64::from(300 + post * 31 % 97))),
        history("tea", Channel::Fb, 300, |post| {
            Some(if post % 3 == 2 { 20.0 } else { f64::from(60 + post * 17 % 23) })
        }),
    ];
    calibrate(&histories).unwrap()
}

/// Posts 11 hours apart, of which every third follows two hours after the one before.
fn history(account: &str, channel: Channel, posts: u32, engagements: fn(u32) -> Option<f64>) -> AccountHistory {
    let post = |post: u32| {
        let hours = i64::from(post) * 11 - if post % 3 == 2 { 9 } else { 0 };
        Post {
            at: Timestamp::from_second(1_780_000_000 + hours * 3600),
            content_type: Some(Arc::from(if post.is_multiple_of(2) { "photo" } else { "link" })),
            engagements: engagements(post),
        }
    };
    AccountHistory::new(ClientId::new(account), channel, Zone::utc(), (0..posts).map(post).collect())
}
