//! The hooks: functions that a pack may define and the engine calls, with their parameters.

use super::GuardrailScope;

/// A function of the pack that the engine calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hook {
    /// Its name in scripts.
    pub name: &'static str,
    /// Names of its parameters, in order.
    pub parameters: &'static [&'static str],
    /// How often it is called.
    pub frequency: &'static str,
    /// What it returns, with the range.
    pub returns: &'static str,
}

/// The hook for the number of posts a week.
pub const WEEKLY_POSTS: &str = "weekly_posts";
/// The hook for the weights of the hours of a week.
pub const HOUR_WEIGHTS: &str = "hour_weights";
/// The hook for the score of an asset on a channel.
pub const SCORE_ASSET: &str = "score_asset";
/// The hook for the confidence in a post.
pub const CONFIDENCE: &str = "confidence";
/// The hook for the scores of the early-warning signals.
pub const SIGNAL_MATRIX: &str = "signal_matrix";

/// Every hook. If a pack does not define one, the TOML files decide.
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
