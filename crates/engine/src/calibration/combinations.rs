//! Linear combinations of effects and their normal distributions.

use nalgebra::DVector;

use super::effects::Design;
use super::pooling::Effects;

/// A normal distribution of one number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Normal {
    pub mean: f64,
    pub variance: f64,
}

impl Normal {
    pub fn sd(&self) -> f64 {
        // Rounding may leave a variance slightly below 0.
        self.variance.max(0.0).sqrt()
    }

    /// Whether its variance is less than half that of another distribution.
    pub fn has_less_than_half_the_variance_of(&self, other: &Normal) -> bool {
        self.variance < other.variance / 2.0
    }
}

/// A weighted sum of effects plus a constant.
pub(super) struct LinearCombination {
    pub weights: DVector<f64>,
    pub constant: f64,
}

impl LinearCombination {
    /// One column's effect times a weight.
    pub fn single(design: &Design, column: usize, weight: f64) -> Self {
        let weights = DVector::from_fn(design.len(), |index, _| if index == column { weight } else { 0.0 });
        Self { weights, constant: 0.0 }
    }

    /// Its distribution, given that of the effects.
    pub fn distribution(&self, effects: &Effects) -> Normal {
        Normal {
            mean: self.constant + self.weights.dot(&effects.mean),
            variance: (&effects.covariance * &self.weights).dot(&self.weights),
        }
    }
}
