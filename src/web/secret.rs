//! Secrets that open doors: made from the system's randomness, kept as hashes.

use std::fmt::Write as _;

use chrono::Utc;
use uuid::Uuid;

use crate::model::Timestamp;

/// Random bytes of a secret. Nobody guesses 256 bits, so that a plain hash of them is as good as a slow one.
const BYTES: usize = 32;

/// What every token begins with, so that people and scanners know one when they see it.
const TOKEN_PREFIX: &str = "mcoe_";

/// The system has no randomness to give.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random numbers: {0}")]
pub struct NoRandomness(String);

/// A secret that is shown once and kept nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// A new token.
    ///
    /// # Errors
    /// Where the system has no randomness.
    pub fn token() -> Result<Self, NoRandomness> {
        Ok(Self(format!("{TOKEN_PREFIX}{}", hex(&random::<BYTES>()?))))
    }

    /// A new cookie.
    pub(super) fn cookie() -> Result<Self, NoRandomness> {
        Ok(Self(hex(&random::<BYTES>()?)))
    }

    /// A secret that somebody sent; none where it cannot be one.
    pub(super) fn sent(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(TOKEN_PREFIX).unwrap_or(text);
        let is_one = digits.len() == 2 * BYTES && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_one.then(|| Self(text.to_owned()))
    }

    /// The secret itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What the ledger keeps of it: BLAKE3, in hex.
    #[must_use]
    pub fn hash(&self) -> String {
        blake3::hash(self.0.as_bytes()).to_hex().to_string()
    }

    /// What forms of a session carry: it comes from the cookie, which no other site can read.
    pub(super) fn csrf(&self) -> String {
        blake3::derive_key("mcoe console form", self.0.as_bytes()).iter().fold(String::new(), push_hex)
    }

    /// Whether a form came from this session. Takes as long for every wrong answer.
    pub(super) fn is_csrf(&self, given: &str) -> bool {
        blake3::hash(given.as_bytes()) == blake3::hash(self.csrf().as_bytes())
    }
}

/// A random id.
///
/// # Errors
/// Where the system has no randomness.
pub fn random_id() -> Result<Uuid, NoRandomness> {
    Ok(uuid::Builder::from_random_bytes(random()?).into_uuid())
}

/// The time, as the ledger keeps it.
pub(super) fn now() -> Timestamp {
    Timestamp::from(Utc::now()).whole_second()
}

fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| NoRandomness(error.to_string()))?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), push_hex)
}

fn push_hex(mut text: String, byte: &u8) -> String {
    // Writing to a text cannot fail.
    let _ = write!(text, "{byte:02x}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_known_by_its_hash_and_does_not_show_itself() {
        let token = Secret::token().unwrap();
        assert_eq!(Secret::sent(token.reveal()), Some(token.clone()));
        assert_ne!(token.hash(), Secret::token().unwrap().hash());
        assert_eq!(format!("{token:?}"), "Secret");
    }

    #[test]
    fn what_cannot_be_a_secret_is_none() {
        for wrong in ["", "mcoe_", "mcoe_xyz", &"g".repeat(64), &"a".repeat(65), "' OR 1=1 --"] {
            assert_eq!(Secret::sent(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_form_belongs_to_one_session() {
        let (one, other) = (Secret::cookie().unwrap(), Secret::cookie().unwrap());
        assert!(one.is_csrf(&one.csrf()));
        assert!(!one.is_csrf(&other.csrf()) && !one.is_csrf("") && !one.is_csrf(one.reveal()));
    }
}
