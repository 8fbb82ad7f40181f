//! Lists that are read page by page.

use std::fmt::Debug;

use schemars::{SchemaGenerator, json_schema};

use super::request::{Parameter, Request, Spec, request};
use crate::store::Cursor;
use crate::web::cursor::Listing;
use crate::web::params::Params;

/// Number of rows of a page if the request names no number.
pub(super) const DEFAULT_ROWS: u32 = 50;
/// Maximum number of rows of a page.
const MAX_ROWS: u64 = 500;

/// A request that selects and orders the rows of a list.
pub(super) trait Selection: Request {
    /// The name of the list.
    const LIST: &'static str;

    /// The filter and the order, on which the rows of a page depend. A cursor is valid for one key only.
    fn key(&self) -> impl Debug;
}

/// A request for one page of a list.
pub(super) struct Paged<S> {
    pub selection: S,
    /// The row after which the page begins; `None` for the first page.
    pub after: Option<Cursor>,
    pub limit: u32,
    listing: Listing,
}

impl<S> Paged<S> {
    /// The cursor of the next page, as text.
    pub fn next_cursor(&self, next: Option<&Cursor>) -> Option<String> {
        next.map(|next| self.listing.cursor(next))
    }
}

request! {
    /// The size of a page.
    struct PageSize {
        /// Maximum number of rows of a page.
        #[range(1..=MAX_ROWS)]
        #[default(DEFAULT_ROWS)]
        limit: u32,
    }
}

const CURSOR: Spec = Spec {
    name: "cursor",
    about: "`next_cursor` of the previous page. It is refused if the order or the filter differs.",
    range: None,
};

impl<S: Selection> Request for Paged<S> {
    fn read(params: &mut Params) -> Self {
        let selection = S::read(params);
        let listing = Listing::new(S::LIST, &selection.key());
        let after = listing.read(params);
        let PageSize { limit } = PageSize::read(params);
        Self { selection, after, limit, listing }
    }

    fn describe(schemas: &mut SchemaGenerator, parameters: &mut Vec<Parameter>) {
        S::describe(schemas, parameters);
        let schema = json_schema!({
            "type": "string",
            "pattern": "^$|^([0-9a-f]{8}~)?[0-9]~[0-9TZ:.-]+~[0-9a-fA-F-]+$",
        });
        parameters.push(Parameter::new(&CURSOR, false, schema));
        PageSize::describe(schemas, parameters);
    }
}
