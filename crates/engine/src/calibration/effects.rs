//! The columns of the regression: level, hours, weekdays, content types and load, with the priors of their effects.

use nalgebra::DVector;

use super::history::Observation;
use crate::model::HOUR_BINS;

/// What a column of the regression represents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The account's level.
    Level,
    /// A group of hours of the local day, `0..HOUR_BINS`.
    Hours(usize),
    /// A weekday, in days since Monday, `0..7`.
    Weekday(usize),
    /// A content type, by its index among the channel's.
    ContentType(usize),
    /// The load; its effect is per unit of log(1 + load).
    Load,
}

/// The prior of an effect: a channel's effect is normal around `mean`, and an account's effect normal around its
/// channel's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EffectPrior {
    /// Mean of the channels' effects.
    pub mean: f64,
    /// Standard deviation of a channel's effect around the mean.
    pub channel_sd: f64,
    /// Standard deviation of an account's effect around its channel's.
    pub account_sd: f64,
}

impl Effect {
    /// Its prior: wide for the level. The priors of hours, weekdays, content types and load come from regressions on
    /// five sets of public posts, by organisations, shops and communities.
    #[must_use]
    pub fn prior(self) -> EffectPrior {
        let (mean, channel_sd, account_sd) = match self {
            Effect::Level => (3.0, 5.0, 2.0),
            Effect::Hours(_) => (0.0, 0.06, 0.04),
            Effect::Weekday(_) => (0.0, 0.05, 0.03),
            Effect::ContentType(_) => (0.0, 1.0, 0.35),
            Effect::Load => (-0.11, 0.10, 0.08),
        };
        EffectPrior { mean, channel_sd, account_sd }
    }
}

/// The columns of a channel's regression.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Design {
    effects: Vec<Effect>,
}

impl Design {
    /// The columns for a channel with the given number of content types.
    pub fn new(content_type_count: usize) -> Self {
        let effects = std::iter::once(Effect::Level)
            .chain((0..HOUR_BINS).map(Effect::Hours))
            .chain((0..7).map(Effect::Weekday))
            .chain((0..content_type_count).map(Effect::ContentType))
            .chain([Effect::Load]);
        Self { effects: effects.collect() }
    }

    /// Number of columns.
    pub fn len(&self) -> usize {
        self.effects.len()
    }

    pub fn effects(&self) -> &[Effect] {
        &self.effects
    }

    /// A property of each column's prior, such as its mean.
    pub fn priors(&self, property: impl Fn(EffectPrior) -> f64) -> DVector<f64> {
        DVector::from_iterator(self.len(), self.effects.iter().map(|effect| property(effect.prior())))
    }

    /// The regressors of one post, one for each column.
    pub fn row(&self, post: &Observation) -> impl Iterator<Item = f64> {
        let indicator = |is_in_group: bool| if is_in_group { 1.0 } else { 0.0 };
        self.effects.iter().map(move |effect| match *effect {
            Effect::Level => 1.0,
            Effect::Hours(bin) => indicator(post.hour_bin == bin),
            Effect::Weekday(day) => indicator(post.weekday == day),
            Effect::ContentType(index) => indicator(post.content_type == Some(index)),
            Effect::Load => post.log_load,
        })
    }

    /// Index of the load's column, which is the last one.
    pub fn load_column(&self) -> usize {
        self.len() - 1
    }

    /// The sum of the effects on one post: its expected log(1 + engagements) minus the sum of the state's components.
    pub fn sum_of_effects(&self, post: &Observation, effects: &DVector<f64>) -> f64 {
        self.row(post).zip(effects.iter()).map(|(x, effect)| x * effect).sum()
    }
}
