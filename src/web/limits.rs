//! How much one caller may ask for.

use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::problem::Problem;

/// Wrong tokens that one address may try in a minute before it has to wait.
const WRONG_A_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(19);

/// Callers that one address may stand for: an office, or the proxy in front of the server.
const PEOPLE_AT_AN_ADDRESS: NonZeroU32 = NonZeroU32::MIN.saturating_add(19);

/// Who is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Who {
    Address(IpAddr),
    Token(uuid::Uuid),
}

/// Counters of requests.
pub(super) struct Limits {
    requests: DefaultKeyedRateLimiter<Who>,
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    wrong: DefaultKeyedRateLimiter<IpAddr>,
}

impl Limits {
    /// So many requests a second for each caller, and twice as many at once.
    pub fn new(a_second: NonZeroU32) -> Self {
        let quota = Quota::per_second(a_second).allow_burst(a_second.saturating_mul(NonZeroU32::MIN.saturating_add(1)));
        Self {
            requests: RateLimiter::keyed(quota),
            addresses: RateLimiter::keyed(Quota::per_second(a_second.saturating_mul(PEOPLE_AT_AN_ADDRESS))),
            wrong: RateLimiter::keyed(Quota::per_minute(WRONG_A_MINUTE)),
        }
    }

    /// Counts a request.
    pub fn request(&self, who: &Who) -> Result<(), Problem> {
        self.requests.check_key(who).map_err(|not_until| {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            Problem::too_many("too many requests", wait.as_secs() + 1)
        })
    }

    /// Counts what comes from an address, before anything is looked up for it.
    pub fn address(&self, from: IpAddr) -> Result<(), Problem> {
        self.addresses.check_key(&from).map_err(|_| Problem::too_many("too many requests from this address", 1))
    }

    /// Counts a token that is none.
    pub fn wrong_token(&self, from: IpAddr) -> Result<(), Problem> {
        self.wrong.check_key(&from).map_err(|not_until| {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            Problem::too_many("too many wrong tokens", wait.as_secs() + 1)
        })
    }

    /// Forgets callers that have not asked for long.
    pub fn forget(&self) {
        self.requests.retain_recent();
        self.requests.shrink_to_fit();
        self.addresses.retain_recent();
        self.addresses.shrink_to_fit();
        self.wrong.retain_recent();
        self.wrong.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn who_asks_too_often_waits_and_others_do_not() {
        let limits = Limits::new(NonZeroU32::MIN.saturating_add(4));
        let one = Who::Address(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let served = (0..100).filter(|_| limits.request(&one).is_ok()).count();
        assert!((10..20).contains(&served), "{served}");
        let wait = limits.request(&one).unwrap_err().retry_after;
        assert!(wait.is_some_and(|seconds| seconds >= 1));
        assert!(limits.request(&Who::Token(uuid::Uuid::nil())).is_ok());
    }
}
