//! A scenario as a whole, from its manifest and its clients, and the hash by which plans name it.

use std::collections::BTreeMap;

use super::manifest::Manifest;
use crate::model::{Client, ClientState, Scenario};

impl Manifest {
    /// The scenario of this manifest and the given clients.
    #[must_use]
    pub fn into_scenario(self, hash: String, clients: Vec<(Client, ClientState)>) -> Scenario {
        Scenario {
            name: self.name,
            hash,
            start: self.start,
            weeks: self.weeks,
            capacity: self.capacity,
            review: self.review,
            environment: self.environment,
            clients,
            other_clients: Vec::new(),
        }
    }

    /// The hash of a scenario; see [`ScenarioHasher`]. `contents` has the bytes of each table's file, by table.
    #[must_use]
    pub fn scenario_hash(&self, manifest_text: &str, contents: &BTreeMap<String, Vec<u8>>) -> String {
        let mut hasher = ScenarioHasher::new(manifest_text);
        for (table, file) in &self.files {
            let content = contents.get(table).map_or(&[] as &[u8], Vec::as_slice);
            hasher.begin_table(table, file, content.len() as u64);
            hasher.update(content);
        }
        hasher.finish()
    }
}

/// Computes the hash of a scenario: BLAKE3 of the manifest's text, then of each table's name, file name and content in
/// order of names. Each part is hashed with its length, so that different scenarios never hash the same bytes.
#[derive(Debug)]
pub struct ScenarioHasher(blake3::Hasher);

impl ScenarioHasher {
    /// A hasher that has seen the manifest's text.
    #[must_use]
    pub fn new(manifest_text: &str) -> Self {
        let mut hasher = Self(blake3::Hasher::new());
        hasher.add_part(manifest_text.as_bytes());
        hasher
    }

    fn add_part(&mut self, bytes: &[u8]) {
        self.add_length(bytes.len() as u64);
        self.0.update(bytes);
    }

    fn add_length(&mut self, length: u64) {
        self.0.update(&length.to_le_bytes());
    }

    /// Begins the next table in order of names. Its content, of so many bytes, follows by [`ScenarioHasher::update`].
    pub fn begin_table(&mut self, table: &str, file: &str, content_bytes: u64) {
        self.add_part(table.as_bytes());
        self.add_part(file.as_bytes());
        self.add_length(content_bytes);
    }

    /// Adds the next bytes of a table's content.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash, hexadecimal.
    #[must_use]
    pub fn finish(&self) -> String {
        self.0.finalize().to_hex().to_string()
    }
}
