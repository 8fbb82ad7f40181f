//! The address of the ledger's database. A password in it is never displayed.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The address of a database.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A PostgreSQL server: `postgres://USER:PASSWORD@HOST/DATABASE`.
    Postgres(String),
    /// An SQLite file: `sqlite:PATH`, or just a path.
    Sqlite {
        /// The file.
        path: PathBuf,
        /// Whether it is opened read-only (`?mode=ro`).
        read_only: bool,
    },
}

/// The error for a text that is not a supported database address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a supported database; write postgres://USER@HOST/DATABASE, sqlite:FILE, or the path of a file")]
pub struct BadUrl(String);

impl FromStr for DatabaseUrl {
    type Err = BadUrl;

    fn from_str(text: &str) -> Result<Self, BadUrl> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.to_owned()));
        }
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let path = path.strip_prefix("sqlite://").or_else(|| path.strip_prefix("sqlite:")).unwrap_or(path);
        if path.is_empty() || path.contains("://") {
            let scheme = text.split_once("://").map_or(text, |(scheme, _)| scheme);
            return Err(BadUrl(scheme.to_owned()));
        }
        // Other parameters have no effect.
        let read_only = query.split('&').any(|parameter| parameter == "mode=ro");
        Ok(Self::Sqlite { path: path.into(), read_only })
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { path, .. } => path.display().fmt(f),
            Self::Postgres(address) => f.write_str(&without_secrets(address)),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The address without user, password and parameters, any of which may hold a secret.
fn without_secrets(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").unwrap_or(("postgres", address));
    let before_query = rest.split('?').next().unwrap_or_default();
    let host = match before_query.rsplit_once('@') {
        Some((_, host)) => host,
        // A `?` within a password cuts the address in the middle of it.
        None if rest.contains('@') => "",
        None => before_query,
    };
    format!("{scheme}://{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        for address in [
            "postgres://ann:s3cr@t@db:5432/mcoe",
            "postgresql://ann:s3cr@t@db/mcoe?password=s3cr@t",
            "postgres://ann:s3cr?t@db:5432/mcoe",
        ] {
            let url: DatabaseUrl = address.parse().unwrap();
            assert!(!format!("{url} {url:?}").contains("s3cr"), "{url}");
        }
    }

    #[test]
    fn files_and_servers_are_distinguished() {
        let file = |path: &str, read_only| DatabaseUrl::Sqlite { path: path.into(), read_only };
        assert_eq!("mcoe.db".parse(), Ok(file("mcoe.db", false)));
        assert_eq!("sqlite:///srv/mcoe.db?mode=ro".parse(), Ok(file("/srv/mcoe.db", true)));
        for query in ["mode=ro&cache=shared", "cache=shared&mode=ro"] {
            assert_eq!(format!("sqlite:mcoe.db?{query}").parse(), Ok(file("mcoe.db", true)), "{query}");
        }
        assert_eq!("sqlite:mcoe.db?mode=rw&cache=shared".parse(), Ok(file("mcoe.db", false)));
        assert_eq!("mysql://ann:pw@db/x".parse::<DatabaseUrl>(), Err(BadUrl("mysql".to_owned())));
    }
}
