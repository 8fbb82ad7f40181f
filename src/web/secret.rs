//! Tokens and session secrets: random, and stored only as hashes.

use std::fmt::Write as _;

use uuid::Uuid;

/// Random bytes of a secret. 256 bits cannot be guessed, so a fast hash is as safe as a slow one.
const BYTES: usize = 32;

/// Prefix of every token, so that people and secret scanners recognise one.
const TOKEN_PREFIX: &str = "mcoe_";

/// The system's random number generator failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot get random numbers from the system: {0}")]
pub struct NoRandomness(String);

/// The secret of a token or of a session. It is shown once and never stored.
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
    /// If the system's random number generator fails.
    pub fn token() -> Result<Self, NoRandomness> {
        Ok(Self(format!("{TOKEN_PREFIX}{}", hex(&random::<BYTES>()?))))
    }

    /// A new session cookie.
    pub(super) fn cookie() -> Result<Self, NoRandomness> {
        Ok(Self(hex(&random::<BYTES>()?)))
    }

    /// A secret from a request; `None` if it is not well-formed.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(TOKEN_PREFIX).unwrap_or(text);
        let is_valid = digits.len() == 2 * BYTES && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_valid.then(|| Self(text.to_owned()))
    }

    /// The secret as text.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The hash that the ledger stores: BLAKE3 in hex.
    #[must_use]
    pub fn hash(&self) -> String {
        blake3::hash(self.0.as_bytes()).to_hex().to_string()
    }

    /// The CSRF token of the session's forms. It is derived from the cookie, which other sites cannot read.
    pub(super) fn csrf(&self) -> String {
        blake3::derive_key("mcoe console form", self.0.as_bytes()).iter().fold(String::new(), push_hex)
    }

    /// Whether a CSRF token belongs to this session. Compared in constant time.
    pub(super) fn is_csrf(&self, given: &str) -> bool {
        blake3::hash(given.as_bytes()) == blake3::hash(self.csrf().as_bytes())
    }
}

/// A random id.
///
/// # Errors
/// If the system's random number generator fails.
pub fn random_id() -> Result<Uuid, NoRandomness> {
    Ok(uuid::Builder::from_random_bytes(random()?).into_uuid())
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
    // Writing to a `String` cannot fail.
    let _ = write!(text, "{byte:02x}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_in_debug_output_and_has_its_own_hash() {
        let token = Secret::token().unwrap();
        assert_eq!(Secret::parse(token.reveal()), Some(token.clone()));
        assert_ne!(token.hash(), Secret::token().unwrap().hash());
        assert_eq!(format!("{token:?}"), "Secret");
    }

    #[test]
    fn malformed_secrets_are_rejected() {
        for wrong in ["", "mcoe_", "mcoe_xyz", &"g".repeat(64), &"a".repeat(65), "' OR 1=1 --"] {
            assert_eq!(Secret::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_form_belongs_to_one_session() {
        let (one, other) = (Secret::cookie().unwrap(), Secret::cookie().unwrap());
        assert!(one.is_csrf(&one.csrf()));
        assert!(!one.is_csrf(&other.csrf()) && !one.is_csrf("") && !one.is_csrf(one.reveal()));
    }
}
