//! How fatigue lowers the engagements of a post.

/// The factor on a post's value by fatigue: 1 at fatigue 0 and non-increasing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FatigueResponse {
    /// Falls along two lines, the second at least as steep as the first: concave.
    Linear(LinearResponse),
    /// Falls more slowly the higher the fatigue: convex.
    Saturating(SaturatingResponse),
}

/// The minimum of two falling lines that meet at the warn threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinearResponse {
    /// Fatigue at which the lines meet, `0..1`.
    pub warn_at: f64,
    /// Loss per unit of fatigue below it, at least 0.
    pub slope_below: f64,
    /// Loss per unit of fatigue above it, at least `slope_below`: the response is concave.
    pub slope_above: f64,
}

/// `(1 + fatigue / fatigue_per_post)^-strength`: each further post costs less than the one before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SaturatingResponse {
    /// Fatigue that one post adds, above 0.
    pub fatigue_per_post: f64,
    /// Exponent, at least 0; at 0 fatigue costs nothing.
    pub strength: f64,
}

impl FatigueResponse {
    /// The factor on a post's value at a fatigue of at least 0.
    #[must_use]
    pub fn at(&self, fatigue: f64) -> f64 {
        match self {
            Self::Linear(response) => response.at(fatigue),
            Self::Saturating(response) => response.at(fatigue),
        }
    }

    /// The loss of the factor per unit of fatigue, at a fatigue of at least 0. Where the two lines of a linear response
    /// meet, it is that of the line above the meeting point.
    #[must_use]
    pub fn slope_at(&self, fatigue: f64) -> f64 {
        match self {
            Self::Linear(response) => response.slope_at(fatigue),
            Self::Saturating(response) => response.slope_at(fatigue),
        }
    }

    /// Upper bound on the absolute value of the factor at fatigues of `0..=max_fatigue`.
    #[must_use]
    pub fn max_abs(&self, max_fatigue: f64) -> f64 {
        match self {
            Self::Linear(response) => 1.0 + response.slope_above.abs().max(response.slope_below.abs()) * max_fatigue,
            Self::Saturating(_) => 1.0,
        }
    }
}

impl LinearResponse {
    /// The two lines as pairs `[intercept, slope]`: the factor is the minimum of `intercept - slope · fatigue`.
    #[must_use]
    pub fn lines(&self) -> [[f64; 2]; 2] {
        let factor_at_warn = 1.0 - self.slope_below * self.warn_at;
        [[1.0, self.slope_below], [factor_at_warn + self.slope_above * self.warn_at, self.slope_above]]
    }

    fn at(&self, fatigue: f64) -> f64 {
        let [below, above] = self.lines();
        (below[0] - below[1] * fatigue).min(above[0] - above[1] * fatigue)
    }

    fn slope_at(&self, fatigue: f64) -> f64 {
        if fatigue < self.warn_at { self.slope_below } else { self.slope_above }
    }
}

impl SaturatingResponse {
    fn at(&self, fatigue: f64) -> f64 {
        libm::pow(1.0 + fatigue / self.fatigue_per_post, -self.strength)
    }

    fn slope_at(&self, fatigue: f64) -> f64 {
        self.strength / (self.fatigue_per_post + fatigue) * self.at(fatigue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINEAR: FatigueResponse =
        FatigueResponse::Linear(LinearResponse { warn_at: 0.5, slope_below: 0.6, slope_above: 1.4 });
    const SATURATING: FatigueResponse =
        FatigueResponse::Saturating(SaturatingResponse { fatigue_per_post: 0.1, strength: 0.5 });

    #[test]
    fn a_linear_response_falls_along_two_lines_that_meet_at_the_warn_threshold() {
        for (fatigue, factor) in [(0.0, 1.0), (0.25, 0.85), (0.5, 0.7), (0.75, 0.35), (1.0, 0.0)] {
            assert!((LINEAR.at(fatigue) - factor).abs() < 1e-12, "at {fatigue}");
        }
    }

    #[test]
    fn a_saturating_response_is_a_power_of_one_plus_the_number_of_posts_that_cause_the_fatigue() {
        for (fatigue, factor) in [(0.0, 1.0), (0.3, 0.5), (0.8, 1.0 / 3.0)] {
            assert!((SATURATING.at(fatigue) - factor).abs() < 1e-12, "at {fatigue}");
        }
    }

    #[test]
    fn the_slope_is_the_loss_of_a_small_step() {
        for response in [LINEAR, SATURATING] {
            for fatigue in (0..20).map(|step| 0.05 * f64::from(step) + 0.001) {
                let loss = |step: f64| (response.at(fatigue) - response.at(fatigue + step)) / step;
                assert!((response.slope_at(fatigue) - loss(1e-7)).abs() < 1e-4, "{response:?} at {fatigue}");
                assert!(response.at(fatigue).abs() <= response.max_abs(fatigue));
            }
        }
    }
}
