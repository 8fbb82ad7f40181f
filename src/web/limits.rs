//! Rate limits.

use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::problem::Problem;

/// Number of invalid tokens per minute and address after which further ones are refused: 20.
const WRONG_TOKENS_PER_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(19);

/// Number of callers assumed behind one address, such as an office or a reverse proxy: 20.
const CALLERS_PER_ADDRESS: NonZeroU32 = NonZeroU32::MIN.saturating_add(19);

/// What a request is counted against.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum RateLimitKey {
    Address(IpAddr),
    Token(uuid::Uuid),
}

/// The rate limiters of a server.
pub(super) struct RateLimits {
    requests: DefaultKeyedRateLimiter<RateLimitKey>,
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    wrong_tokens: DefaultKeyedRateLimiter<IpAddr>,
}

impl RateLimits {
    /// Each caller may make `per_second` requests per second, with bursts of twice as many.
    pub fn new(per_second: NonZeroU32) -> Self {
        let burst = per_second.saturating_mul(NonZeroU32::MIN.saturating_add(1));
        let quota = Quota::per_second(per_second).allow_burst(burst);
        Self {
            requests: RateLimiter::keyed(quota),
            addresses: RateLimiter::keyed(Quota::per_second(per_second.saturating_mul(CALLERS_PER_ADDRESS))),
            wrong_tokens: RateLimiter::keyed(Quota::per_minute(WRONG_TOKENS_PER_MINUTE)),
        }
    }

    /// Counts a request; fails if there were too many.
    pub fn count_request(&self, key: &RateLimitKey) -> Result<(), Problem> {
        self.requests.check_key(key).map_err(|not_until| {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            // Rounded up to whole seconds.
            Problem::too_many("too many requests", wait.as_secs() + 1)
        })
    }

    /// Counts a request by its address, before the ledger is queried; fails if there were too many.
    pub fn count_address(&self, address: IpAddr) -> Result<(), Problem> {
        self.addresses.check_key(&address).map_err(|_| Problem::too_many("too many requests from this address", 1))
    }

    /// Counts an invalid token from an address; fails if there were too many.
    pub fn count_wrong_token(&self, address: IpAddr) -> Result<(), Problem> {
        self.wrong_tokens.check_key(&address).map_err(|not_until| {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            // Rounded up to whole seconds.
            Problem::too_many("too many invalid tokens", wait.as_secs() + 1)
        })
    }

    /// Removes the entries of idle callers.
    pub fn remove_idle(&self) {
        self.requests.retain_recent();
        self.requests.shrink_to_fit();
        self.addresses.retain_recent();
        self.addresses.shrink_to_fit();
        self.wrong_tokens.retain_recent();
        self.wrong_tokens.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn only_the_caller_above_the_limit_has_to_wait() {
        let limits = RateLimits::new(NonZeroU32::MIN.saturating_add(4));
        let caller = RateLimitKey::Address(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let served = (0..100).filter(|_| limits.count_request(&caller).is_ok()).count();
        assert!((10..20).contains(&served), "{served}");
        let wait = limits.count_request(&caller).unwrap_err().retry_after;
        assert!(wait.is_some_and(|seconds| seconds >= 1));
        assert!(limits.count_request(&RateLimitKey::Token(uuid::Uuid::nil())).is_ok());
    }
}
