//! Coverage of a pack's scripts: which functions and which branches of conditions are reached.
//!
//! Scripts are instrumented with a call at the start of every function and around every condition of an `if`. The calls
//! return their argument, so results do not change, and add no line breaks, so line numbers stay the same.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{AST, ASTNode, Engine, FuncRegistration, OptimizationLevel, Position, Stmt};

use super::script;
use crate::diagnostic::SourceLocation;

/// A location in a script whose coverage is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// File, as a path within the pack.
    pub file: Arc<str>,
    /// 1-based line in the file.
    pub line: u32,
    /// What is recorded there.
    pub kind: SiteKind,
}

/// What coverage is recorded of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SiteKind {
    /// A function, by name.
    Function(String),
    /// The condition of an `if`, which can be true or false.
    Condition,
}

/// The recorded locations of a pack, and which of them have been reached.
#[derive(Debug, Clone, Default)]
pub struct Probes {
    sites: Vec<Site>,
    reached: Arc<Mutex<BTreeSet<(usize, bool)>>>,
}

const REACHED: &str = "probe_reached";
const SIDE: &str = "probe_side";

impl Probes {
    /// Every location; whether its function was called or its condition was true; and whether its condition was false.
    #[must_use]
    pub fn sites(&self) -> Vec<(Site, bool, bool)> {
        let reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        let is_reached = |index: usize, side: bool| reached.contains(&(index, side));
        let sites = self.sites.iter().enumerate();
        sites.map(|(index, site)| (site.clone(), is_reached(index, true), is_reached(index, false))).collect()
    }

    /// An engine whose scripts record what they reach.
    pub(super) fn engine(&self) -> Engine {
        let mut engine = script::engine();
        let note = |reached: &Mutex<BTreeSet<(usize, bool)>>, index: i64, side: bool| {
            let index = usize::try_from(index).unwrap_or(usize::MAX);
            reached.lock().unwrap_or_else(PoisonError::into_inner).insert((index, side));
        };
        let reached = Arc::clone(&self.reached);
        let function = move |index: i64| note(&reached, index, true);
        FuncRegistration::new(REACHED).with_volatility(true).register_into_engine(&mut engine, function);
        let reached = Arc::clone(&self.reached);
        let condition = move |index: i64, holds: bool| {
            note(&reached, index, holds);
            holds
        };
        FuncRegistration::new(SIDE).with_volatility(true).register_into_engine(&mut engine, condition);
        engine
    }

    /// Instruments the text of a script.
    pub(super) fn mark(&mut self, path: &str, text: &str) -> String {
        let mut engine = script::engine();
        engine.set_optimization_level(OptimizationLevel::None);
        let Ok(shape) = engine.compile(text) else { return text.to_owned() };
        let mut marks = self.functions(&shape, path, text);
        marks.extend(self.conditions(&shape, path, text));
        // Back to front, so that one insertion does not shift the position of the next.
        marks.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        let mut marked = text.to_owned();
        for (at, mark) in marks {
            marked.insert_str(at, &mark);
        }
        marked
    }

    fn functions(&mut self, shape: &AST, path: &str, text: &str) -> Vec<(usize, String)> {
        let mut marks = Vec::new();
        for function in shape.iter_fn_def() {
            let Some((place, at)) = location_of(path, text, function.body.start_position(), "{") else { continue };
            let index = self.add(&place, SiteKind::Function(function.name.to_string()));
            marks.push((at + 1, format!(" {REACHED}({index});")));
        }
        marks
    }

    fn conditions(&mut self, shape: &AST, path: &str, text: &str) -> Vec<(usize, String)> {
        let mut marks = Vec::new();
        let mut seen = BTreeSet::new();
        shape.walk(&mut |nodes| {
            if let Some(ASTNode::Stmt(Stmt::If(flow, position))) = nodes.last()
                && let Some((place, at)) = location_of(path, text, *position, "if")
                && let Some((_, end)) = location_of(path, text, flow.body.position(), "{")
                && seen.insert(at)
            {
                let index = self.add(&place, SiteKind::Condition);
                marks.push((at + 2, format!(" {SIDE}({index},")));
                marks.push((end, ") ".to_owned()));
            }
            true
        });
        marks
    }

    fn add(&mut self, place: &SourceLocation, kind: SiteKind) -> usize {
        self.sites.push(Site { file: Arc::clone(&place.file), line: place.line, kind });
        self.sites.len() - 1
    }
}

/// The location and byte offset of a position in a text, if the word is there.
fn location_of(path: &str, text: &str, position: Position, word: &str) -> Option<(SourceLocation, usize)> {
    let line = u32::try_from(position.line()?).ok()?;
    let column = u32::try_from(position.position()?).ok()?;
    let place = SourceLocation::at_position(path, text, line, column);
    let at = place.span.as_ref()?.start;
    text.get(at..)?.starts_with(word).then_some((place, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_and_every_condition_is_marked_on_its_own_line() {
        let text = "fn f(x) {\n    let y = if x > 1 { 2 } else if x > 0 { 1 } else { 0 };\n    y\n}\n";
        let mut probes = Probes::default();
        let marked = probes.mark("a.rhai", text);
        assert_eq!(
            marked,
            "fn f(x) { probe_reached(0);\n    let y = if probe_side(1, x > 1 ) { 2 } else if probe_side(2, x > 0 ) { 1 } \
             else { 0 };\n    y\n}\n"
        );
        let engine = probes.engine();
        let ast = engine.compile(&marked).unwrap();
        let answer: i64 = engine.call_fn(&mut rhai::Scope::new(), &ast, "f", (1_i64,)).unwrap();
        assert_eq!(answer, 1);
        let reported: Vec<(u32, bool, bool)> =
            probes.sites().into_iter().map(|(site, a, b)| (site.line, a, b)).collect();
        assert_eq!(reported, [(1, true, false), (2, false, true), (2, true, false)]);
    }
}
