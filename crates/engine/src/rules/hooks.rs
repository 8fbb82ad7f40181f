//! The hooks: functions with fixed names that a pack may define, and that the engine then calls.

use super::GuardrailScope;

/// A function that the engine calls if a pack defines it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hook {
    /// Its name in scripts.
    pub name: &'static str,
    /// Names of its parameters, in order.
    pub parameters: &'static [&'static str],
    /// How often it is called.
    pub frequency: &'static str,
    /// What it returns, with the range of numbers.
    pub returns: &'static str,
}

/// Name of the function that returns the number of posts a week.
pub const WEEKLY_POSTS: &str = "weekly_posts";
/// Name of the function that returns the weights of the hours of a week.
pub const HOUR_WEIGHTS: &str = "hour_weights";
/// Name of the function that returns the score of an asset on a channel.
pub const SCORE_ASSET: &str = "score_asset";
/// Name of the function that returns the confidence in a post.
pub const CONFIDENCE: &str = "confidence";
/// Name of the function that returns the scores of the early-warning signals.
pub const SIGNAL_MATRIX: &str = "signal_matrix";

/// Every hook. Where a pack does not define one, its TOML files decide.
pub const HOOKS: &[Hook] = &[
    Hook {
        name: WEEKLY_POSTS,
        parameters: &["ctx"],
        frequency: "once per client, channel and week",
        returns: "a whole number of posts, 0 to 168",
    },
    Hook {
        name: HOUR_WEIGHTS,
        parameters: &["ctx"],
        frequency: "once per client, channel and week",
        returns: "a map of weights, 0 or above, by `friday` or `friday 12`, an array of 168, Monday 00:00 first, or nothing; \
                  what it leaves out stays as `ctx.hour_weights` says",
    },
    Hook {
        name: SCORE_ASSET,
        parameters: &["asset", "ctx"],
        frequency: "once per asset, channel and week",
        returns: "a number, 0 to 100",
    },
    Hook { name: CONFIDENCE, parameters: &["post", "ctx"], frequency: "once per post", returns: "a number, 0 to 1" },
    Hook {
        name: SIGNAL_MATRIX,
        parameters: &["client"],
        frequency: "once per client and week",
        returns: "a map of numbers, 0 to 1, one for each signal of early_warning.toml",
    },
];

/// The parameters of a guardrail's function.
#[must_use]
pub const fn guardrail_parameters(scope: GuardrailScope) -> &'static [&'static str] {
    match scope {
        GuardrailScope::Post => &["post", "ctx"],
        GuardrailScope::ChannelWeek => &["ctx"],
    }
}
