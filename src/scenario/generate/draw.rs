//! Keyed random numbers: the same seed, client and purpose give the same numbers, independently of all other draws.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// A stream of random numbers for one purpose of one client.
pub(super) struct Draw(ChaCha8Rng);

impl Draw {
    /// The stream for a purpose. Its key is a BLAKE3 hash of seed, client and purpose.
    pub fn new(seed: u64, client: u32, purpose: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&seed.to_le_bytes());
        hasher.update(&client.to_le_bytes());
        hasher.update(purpose.as_bytes());
        Self(ChaCha8Rng::from_seed(*hasher.finalize().as_bytes()))
    }

    /// A uniform number in `0..1`.
    pub fn uniform(&mut self) -> f64 {
        // The 53 high bits fill the mantissa of a double.
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A uniform number in `from..to`.
    pub fn between(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.uniform()
    }

    /// A uniform integer from `from` to `to`, both inclusive.
    pub fn integer(&mut self, from: u32, to: u32) -> u32 {
        let span = f64::from(to.saturating_sub(from)) + 1.0;
        (from + (self.uniform() * span) as u32).min(to)
    }

    /// True with the given probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// A standard normal number.
    pub fn normal(&mut self) -> f64 {
        StandardNormal.sample(&mut self.0)
    }

    /// A log-normal number with the given median and standard deviation of the logarithm.
    pub fn log_normal(&mut self, median: f64, log_sd: f64) -> f64 {
        median * libm::exp(log_sd * self.normal())
    }

    /// A number in `0..1` from Kumaraswamy's distribution (1980), which resembles the beta distribution, by its
    /// closed-form quantile (1 - (1 - u)^(1/b))^(1/a).
    pub fn kumaraswamy(&mut self, a: f64, b: f64) -> f64 {
        libm::pow(1.0 - libm::pow(1.0 - self.uniform(), 1.0 / b), 1.0 / a)
    }

    /// A uniformly chosen item; `None` if there are no items.
    pub fn pick<'i, T>(&mut self, items: &'i [T]) -> Option<&'i T> {
        let index = (self.uniform() * items.len() as f64) as usize;
        items.get(index.min(items.len().saturating_sub(1)))
    }

    /// A uniformly chosen item of an array that is not empty.
    pub fn pick_from<'i, T, const N: usize>(&mut self, items: &'i [T; N]) -> &'i T {
        const { assert!(N > 0, "an empty array has no item to choose") };
        // INVARIANT: the array has items, so one is picked.
        self.pick(items).unwrap_or_else(|| unreachable!("an empty array does not compile"))
    }

    /// An item of an array that is not empty, chosen by weight; the last if rounding leaves none.
    pub fn weighted<'i, T, const N: usize>(&mut self, items: &'i [(T, f64); N]) -> &'i T {
        const { assert!(N > 0, "an empty array has no item to choose") };
        let total: f64 = items.iter().map(|(_, weight)| weight).sum();
        let mut remaining = self.uniform() * total;
        for (item, weight) in items {
            remaining -= weight;
            if remaining < 0.0 {
                return item;
            }
        }
        // INVARIANT: the array has items, so one is the last.
        let (last, _) = items.last().unwrap_or_else(|| unreachable!("an empty array does not compile"));
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_reproducible_and_distinct() {
        let first = |seed, client, purpose| Draw::new(seed, client, purpose).uniform();
        assert_eq!(first(1, 2, "zone"), first(1, 2, "zone"));
        let different = [first(1, 2, "zone"), first(2, 2, "zone"), first(1, 3, "zone"), first(1, 2, "name")];
        for (index, number) in different.iter().enumerate() {
            assert!(different.iter().skip(index + 1).all(|other| other != number));
        }
    }

    #[test]
    fn weighted_choices_follow_the_weights() {
        let mut draw = Draw::new(7, 0, "test");
        let heads = (0..10_000).filter(|_| draw.weighted(&[("heads", 3.0), ("tails", 1.0)]) == &"heads").count();
        assert!((7300..7700).contains(&heads), "{heads}");
    }
}
