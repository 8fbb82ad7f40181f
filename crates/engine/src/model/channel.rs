//! The nine channels that posts are planned for.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::record::{CellError, cell};

/// A publishing channel. Tables and figures list channels in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ChannelName"))]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Facebook pages.
    Fb,
    /// Instagram feed.
    Ig,
    /// TikTok.
    Tiktok,
    /// LinkedIn company pages.
    Linkedin,
    /// YouTube.
    Youtube,
    /// Google Business Profile posts.
    Gmb,
    /// Reddit communities.
    Reddit,
    /// Email newsletters.
    Email,
    /// X, formerly Twitter.
    X,
}

impl Channel {
    /// Number of channels.
    pub const COUNT: usize = 9;

    /// Every channel, in table order.
    pub const ALL: [Channel; Channel::COUNT] = [
        Channel::Fb,
        Channel::Ig,
        Channel::Tiktok,
        Channel::Linkedin,
        Channel::Youtube,
        Channel::Gmb,
        Channel::Reddit,
        Channel::Email,
        Channel::X,
    ];

    /// The channel's name in rules, scenarios and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Channel::Fb => "fb",
            Channel::Ig => "ig",
            Channel::Tiktok => "tiktok",
            Channel::Linkedin => "linkedin",
            Channel::Youtube => "youtube",
            Channel::Gmb => "gmb",
            Channel::Reddit => "reddit",
            Channel::Email => "email",
            Channel::X => "x",
        }
    }

    /// Position in [`Channel::ALL`], `0..9`.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The names of all channels, for messages.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Channel::ALL.into_iter().map(Channel::name)
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is not one of the nine channels.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a channel")]
pub struct UnknownChannel(pub String);

impl FromStr for Channel {
    type Err = UnknownChannel;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Channel::ALL.into_iter().find(|channel| channel.name() == name).ok_or_else(|| UnknownChannel(name.to_owned()))
    }
}

/// Parses the channel name in a cell.
fn parse_channel(name: &str) -> Result<Channel, CellError> {
    name.parse().map_err(|_| {
        CellError::unknown_name("unknown_channel", name, "a channel", || Channel::names().collect::<Vec<_>>())
    })
}

/// Parses the channel names in a cell, and sorts the channels into table order.
fn parse_channels(names: &[Cow<'_, str>]) -> Result<Vec<Channel>, Vec<CellError>> {
    let (mut channels, mut errors) = (Vec::new(), Vec::new());
    for name in names {
        match parse_channel(name) {
            Ok(channel) if channels.contains(&channel) => {
                let cause = format!("`{channel}` is named twice");
                errors.push(CellError::new("duplicate", cause, "name each channel once"));
            }
            Ok(channel) => channels.push(channel),
            Err(error) => errors.push(error),
        }
    }
    channels.sort_unstable();
    if errors.is_empty() { Ok(channels) } else { Err(errors) }
}

cell!(
    Channel: Text(name => parse_channel(&name).map_err(|error| vec![error]), channel => channel.name().into()),
    Vec<Channel>: Texts(
        names => parse_channels(&names),
        channels => channels.iter().map(|channel| channel.name().into()).collect()
    ),
);
