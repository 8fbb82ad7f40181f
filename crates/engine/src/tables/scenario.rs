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

    /// The hash of a scenario: BLAKE3 of the manifest's text, then of each table's name, file name and content in order
    /// of names. Each part is hashed with its length, so that different scenarios never hash the same bytes.
    #[must_use]
    pub fn scenario_hash(&self, manifest_text: &str, contents: &BTreeMap<String, Vec<u8>>) -> String {
        let mut hasher = blake3::Hasher::new();
        let mut add_part = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        add_part(manifest_text.as_bytes());
        for (table, file) in &self.files {
            add_part(table.as_bytes());
            add_part(file.as_bytes());
            add_part(contents.get(table).map_or(&[], Vec::as_slice));
        }
        hasher.finalize().to_hex().to_string()
    }
}
