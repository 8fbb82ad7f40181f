//! Histories drawn from the model itself, with their true effects.

use std::sync::Arc;

use nalgebra::DVector;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::calibration::effects::{Design, Effect};
use crate::calibration::filter::{TimeStep, Variances};
use crate::calibration::history::{AccountHistory, ContentTypes, DAY_SECONDS, Post, observations};
use crate::model::{Channel, ClientId, Timestamp, Zone};

/// Accounts of one channel.
pub(super) struct World {
    pub histories: Vec<AccountHistory>,
    /// The effects of each account, in the order of the design.
    pub truths: Vec<DVector<f64>>,
}

/// The half-life of the load in these histories.
pub(super) const HALF_LIFE_HOURS: f64 = 24.0;

const TYPES: [&str; 2] = ["link", "photo"];

impl World {
    /// Accounts with the given number of posts, spread over about two years.
    pub fn new(accounts: usize, posts: usize, seed: u64) -> Self {
        Self::with_effects(accounts, posts, seed, |_| true)
    }

    /// Like [`World::new`], but all effects except those that `is_real` selects are 0.
    pub fn with_effects(accounts: usize, posts: usize, seed: u64, is_real: fn(Effect) -> bool) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let design = Design::new(TYPES.len());
        let channel = drawn(&design.priors(|prior| prior.mean), &design.priors(|prior| prior.channel_sd), &mut rng);
        let (mut histories, mut truths) = (Vec::new(), Vec::new());
        for number in 0..accounts {
            let mut effects = drawn(&channel, &design.priors(|prior| prior.account_sd), &mut rng);
            for (effect, value) in design.effects().iter().zip(effects.iter_mut()) {
                *value = if is_real(*effect) { *value } else { 0.0 };
            }
            // At this level, engagements are rarely 0.
            effects[0] = 5.0;
            histories.push(history(number, posts, &design, &effects, &mut rng));
            truths.push(effects);
        }
        Self { histories, truths }
    }
}

fn history(
    number: usize,
    posts: usize,
    design: &Design,
    effects: &DVector<f64>,
    rng: &mut ChaCha8Rng,
) -> AccountHistory {
    let span = 730 * DAY_SECONDS;
    let unmeasured = (0..posts).map(|_| Post {
        at: Timestamp::from_second(1_600_000_000 + (rng.random::<f64>() * span as f64) as i64),
        content_type: Some(Arc::from(TYPES[usize::from(rng.random::<bool>())])),
        engagements: None,
    });
    let id = ClientId::new(format!("account-{number:02}"));
    let mut history = AccountHistory::new(id, Channel::Ig, Zone::utc(), unmeasured.collect());
    let observed = observations(&history, &ContentTypes::of([&history]), HALF_LIFE_HOURS);
    let variances = Variances::TYPICAL;
    let mut state = [0.0, variances.slow.sqrt() * normal(rng), variances.fast.sqrt() * normal(rng)];
    let mut last_days = None;
    for (post, input) in history.posts.iter_mut().zip(&observed) {
        let time = TimeStep::of_days(last_days.map_or(0.0, |last_days| input.days - last_days));
        last_days = Some(input.days);
        let (decay, added_variance) = (time.decay(), time.added_variance(&variances));
        for (index, component) in state.iter_mut().enumerate() {
            *component = *component * decay[index] + added_variance[index].sqrt() * normal(rng);
        }
        let log =
            design.sum_of_effects(input, effects) + state.iter().sum::<f64>() + variances.noise.sqrt() * normal(rng);
        post.engagements = Some(libm::expm1(log).max(0.0));
    }
    history
}

/// A draw of independent normal numbers.
fn drawn(mean: &DVector<f64>, sd: &DVector<f64>, rng: &mut ChaCha8Rng) -> DVector<f64> {
    mean + sd.map(|sd| sd * normal(rng))
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    // The sum of twelve uniform numbers is close enough to normal, and independent of the code under test.
    (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0
}
