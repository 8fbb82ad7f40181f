//! Keyed random numbers: each draw depends on what it is for, never on the order of draws or on the thread.
//!
//! Distributions are implemented here on `libm` and not taken from a library: `rand_distr` uses the system's math
//! functions whenever another crate enables that, and results must be the same on every machine.
//!
//! Everything that identifies a draw forms the key of a ChaCha stream. A rule that adds a post therefore changes no
//! other draw, and packs compared with the same seed get common random numbers.

use std::f64::consts::TAU;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::model::{Channel, ClientId};

/// What a draw is for, and what its `time` means. Hours, days and seconds are counted from 1970 in UTC, weeks from the
/// start of the simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Purpose {
    /// Noise of one post; `time` is the hour in which it goes out.
    Noise = 1,
    /// The account's drift; `time` is the week.
    AccountDrift = 2,
    /// The channel's autocorrelated drift; `time` is the day.
    ChannelDrift = 3,
    /// True effect of an hour of the day; `time` is that hour.
    HourEffect = 4,
    /// True effect of a weekday; `time` is that weekday.
    WeekdayEffect = 5,
    /// Deviation of the true engagement rate from the scenario's; `time` is 0.
    RateEffect = 6,
    /// Delay until a reviewer decides; `time` is the second at which the post goes out.
    ReviewDelay = 7,
    /// Whether a reviewer approves; `time` is the second at which the post goes out.
    ReviewAnswer = 8,
    /// A true parameter of the response; `time` is a hash of its name.
    TrueParameter = 9,
    /// A step of the random walk of a channel's level; `time` is the day.
    LevelStep = 10,
    /// A step of the slow component of a channel's level; `time` is the day.
    SlowStep = 11,
    /// A step of the fast component of a channel's level; `time` is the day.
    FastStep = 12,
}

/// The source of random numbers for one client in one replication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyedRng {
    seed: u64,
    replication: u32,
    client: u64,
}

impl KeyedRng {
    /// The source for a client in a replication.
    #[must_use]
    pub fn new(seed: u64, replication: u32, client: &ClientId) -> Self {
        let mut bytes = [0; 8];
        blake3::Hasher::new().update(client.as_str().as_bytes()).finalize_xof().fill(&mut bytes);
        Self { seed, replication, client: u64::from_le_bytes(bytes) }
    }

    /// A standard normal number (Box-Muller).
    #[must_use]
    pub fn normal(&self, purpose: Purpose, channel: Option<Channel>, time: i64) -> f64 {
        let mut stream = self.stream(purpose, channel, time);
        let (above_zero, turn): (f64, f64) = (1.0 - stream.random::<f64>(), stream.random());
        (-2.0 * libm::log(above_zero)).sqrt() * libm::cos(TAU * turn)
    }

    /// An exponentially distributed number with mean 1.
    #[must_use]
    pub fn exponential(&self, purpose: Purpose, channel: Option<Channel>, time: i64) -> f64 {
        -libm::log(1.0 - self.stream(purpose, channel, time).random::<f64>())
    }

    /// A uniformly distributed number in `0..1`.
    #[must_use]
    pub fn uniform(&self, purpose: Purpose, channel: Option<Channel>, time: i64) -> f64 {
        self.stream(purpose, channel, time).random()
    }

    fn stream(&self, purpose: Purpose, channel: Option<Channel>, time: i64) -> ChaCha8Rng {
        let channel = channel.map_or(u8::MAX, |channel| channel as u8);
        let mut key = [0; 32];
        let parts = self
            .seed
            .to_le_bytes()
            .into_iter()
            .chain(self.client.to_le_bytes())
            .chain(time.to_le_bytes())
            .chain(self.replication.to_le_bytes())
            .chain([channel, purpose as u8]);
        for (target, byte) in key.iter_mut().zip(parts) {
            *target = byte;
        }
        ChaCha8Rng::from_seed(key)
    }
}
