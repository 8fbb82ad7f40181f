//! A pack ready for evaluation: effective rules by client, and compiled scripts.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::str::Chars;
use std::sync::{Arc, Mutex, PoisonError};

use rhai::Engine;

use super::compile::{ScriptDeclarations, Scripts, compile};
use super::constants::Constants;
use super::inputs::InputField;
use super::scenario_names::NameReference;
use super::script;
use super::{Evaluator, LimitRules, OverlayKey, PackFiles, Probes, RulePlace, Rules, RulesPack, Stopwatch};
use crate::diagnostic::{Diagnostic, Place, SourceLocation};
use crate::model::{CampaignId, Client, ClientId, WorkspaceId};

/// The effective rules of a client, and of each of its campaigns that overrides some of them.
#[derive(Debug, Clone)]
pub struct ClientRules {
    own: Arc<Rules>,
    campaigns: Vec<(CampaignId, Arc<Rules>)>,
}

impl ClientRules {
    /// The client's own rules: the pack's base rules with the overlays that apply to the client, and the numbers that the
    /// scenario sets for its limits.
    #[must_use]
    pub fn base(&self) -> &Rules {
        &self.own
    }

    /// The rules of a campaign; the client's own if `campaign` is `None` or overrides nothing.
    #[must_use]
    pub fn of(&self, campaign: Option<&CampaignId>) -> &Rules {
        let overriding = campaign.and_then(|id| self.campaigns.iter().find(|(other, _)| other == id));
        overriding.map_or(&self.own, |(_, rules)| rules)
    }

    /// The same rules with other limits. No campaign overrides limits.
    fn with_limits(self, limits: &[LimitRules]) -> Self {
        let with_limits = |rules: &Rules| Arc::new(Rules { limits: limits.to_vec(), ..rules.clone() });
        let campaigns = self.campaigns.iter().map(|(id, rules)| (id.clone(), with_limits(rules))).collect();
        Self { own: with_limits(&self.own), campaigns }
    }

    /// The client's own rules, and those of each campaign that overrides some of them.
    pub fn every(&self) -> impl Iterator<Item = &Rules> {
        std::iter::once(&*self.own).chain(self.campaigns.iter().map(|(_, rules)| &**rules))
    }
}

/// A validated pack with its scripts compiled, to be shared between threads.
pub struct CompiledRules {
    pack: RulesPack,
    scripts: Arc<Scripts>,
    base: Arc<Rules>,
    /// Effective rules by the overlays that apply, computed on first use.
    effective_cache: Mutex<BTreeMap<OverlayKey, Arc<Rules>>>,
}

impl CompiledRules {
    /// Compiles a pack's scripts and checks them against its TOML files.
    ///
    /// # Errors
    /// Every error in the scripts.
    pub fn compile(pack: RulesPack) -> Result<Self, Vec<Diagnostic>> {
        Self::compile_with(pack, &script::engine)
    }

    /// The same pack with instrumented scripts, and the probes in which they record which functions and branches are
    /// reached.
    ///
    /// # Errors
    /// If an instrumented script exceeds a limit of the script engine, such as the maximum depth of expressions.
    pub fn probed(&self) -> Result<(Self, Probes), Vec<Diagnostic>> {
        let mut probes = Probes::default();
        let mut pack = self.pack.clone();
        let scripts = self.pack.scripts();
        let instrumented: Vec<(String, String)> =
            scripts.map(|(path, text)| (path.to_owned(), probes.instrument(path, text))).collect();
        pack.files.extend(instrumented);
        let rules = Self::compile_with(pack, &|| probes.engine())?;
        Ok((rules, probes))
    }

    fn compile_with(pack: RulesPack, make_engine: &dyn Fn() -> Engine) -> Result<Self, Vec<Diagnostic>> {
        let base = pack.base();
        let place = |guardrail: &str| {
            let place = pack.place_of(&format!("guardrails.{guardrail}"));
            place.map_or_else(
                || SourceLocation::whole("guardrails.toml"),
                |(file, line)| SourceLocation::new(file, line, 1),
            )
        };
        let guardrails = pack.declared_guardrails();
        let has_signals = !base.early_warning.signals.is_empty();
        let declared = ScriptDeclarations { guardrails: &guardrails, place: &place, has_signals };
        let files: Vec<(&str, &str)> = pack.scripts().collect();
        let scripts = compile(&files, &declared, make_engine).map_err(|errors| with_spans(errors, &pack.files))?;
        Ok(Self { scripts: Arc::new(scripts), base: Arc::new(base), pack, effective_cache: Mutex::default() })
    }

    /// The pack's name, as shown in reports.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.pack.name
    }

    /// The pack's content hash, hexadecimal.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.pack.hash
    }

    /// The validated pack that was compiled.
    #[must_use]
    pub const fn pack(&self) -> &RulesPack {
        &self.pack
    }

    /// The base rules, without any overlay.
    #[must_use]
    pub fn base(&self) -> Arc<Rules> {
        Arc::clone(&self.base)
    }

    /// The effective rules of a client and its campaigns, with the numbers that the scenario sets for its limits.
    #[must_use]
    pub fn for_client(&self, client: &Client) -> ClientRules {
        let own = self.effective(&client.workspace_id, &client.id, None);
        let campaigns = client
            .campaigns
            .iter()
            .map(|campaign| (campaign.id.clone(), self.effective(&client.workspace_id, &client.id, Some(&campaign.id))))
            .filter(|(_, rules)| !Arc::ptr_eq(rules, &own))
            .collect();
        let rules = ClientRules { own, campaigns };
        match self.pack.limits_with_numbers(client) {
            Some(limits) => rules.with_limits(&limits),
            None => rules,
        }
    }

    /// The effective rules of a client, or of one of its campaigns, without the numbers of a scenario.
    #[must_use]
    pub fn effective(&self, workspace: &WorkspaceId, client: &ClientId, campaign: Option<&CampaignId>) -> Arc<Rules> {
        let overlays = self.pack.overlay_key(workspace, client, campaign);
        if overlays.is_base() {
            return self.base();
        }
        let mut cache = self.effective_cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rules) = cache.get(&overlays) {
            return Arc::clone(rules);
        }
        let rules = Arc::new(self.pack.rules_with(&overlays));
        cache.insert(overlays, Arc::clone(&rules));
        rules
    }

    /// Whether the pack's scripts define a function.
    #[must_use]
    pub fn has_function(&self, name: &str) -> bool {
        self.scripts.functions.contains_key(name)
    }

    /// The names of clients and other parts of a scenario that scripts compare fields with.
    pub(super) fn names_in_scripts(&self) -> Vec<NameReference> {
        let with_span = |reference: &NameReference| {
            let text = self.pack.files.get(&*reference.place.file).map_or("", String::as_str);
            NameReference { place: reference.place.with_span_in(text), ..reference.clone() }
        };
        self.scripts.names.iter().map(with_span).collect()
    }

    /// By function name, the function's code without comments and with whitespace collapsed, and its location.
    pub(super) fn function_texts(&self) -> BTreeMap<String, (String, RulePlace)> {
        let functions = self.scripts.functions.iter();
        let text = |(name, function): (&String, &super::compile::Function)| {
            let file = self.pack.files.get(&*function.file).map_or("", String::as_str);
            let place = RulePlace { file: Arc::clone(&function.file), line: function.line };
            (name.clone(), (code_from(file, function.line), place))
        };
        functions.map(text).collect()
    }

    /// File and line of a function of the pack's scripts; `None` if there is no such function.
    #[must_use]
    pub fn place_of_function(&self, name: &str) -> Option<(Arc<str>, u32)> {
        self.scripts.functions.get(name).map(|function| (Arc::clone(&function.file), function.line))
    }

    /// Names of all fields that a function of the pack's scripts, or a function it calls, reads.
    #[must_use]
    pub fn reads(&self, function: &str) -> BTreeSet<String> {
        self.scripts.functions.get(function).map(|function| function.reads.clone()).unwrap_or_default()
    }

    /// The literals in a function of the pack's scripts and in the functions it calls: numbers and possible names.
    #[must_use]
    pub fn constants(&self, function: &str) -> Constants {
        let functions = &self.scripts.functions;
        let reached = functions.get(function).into_iter().flat_map(|function| &function.reaches);
        let mut constants = Constants::in_switch_cases(&self.code_of(function));
        for function in reached.filter_map(|name| functions.get(name)) {
            constants.add(&function.constants);
        }
        constants
    }

    /// The fields of `post` and `ctx` that a function of the pack's scripts, or a function it calls, reads.
    #[must_use]
    pub fn inputs(&self, function: &str) -> Vec<InputField> {
        let (reads, code) = (self.reads(function), self.code_of(function));
        let fields = InputField::all().filter(|field| reads.contains(field.field_name()));
        // `post` and `ctx` share some field names, and `reads` does not tell them apart. A shared name counts for the
        // views with which the code writes it, such as `post.fatigue`, or for both if the code writes it with neither.
        let is_in_code = |field: &InputField| code.contains(&field.name());
        let is_of_other_view = |field: &InputField| {
            let mut namesakes = InputField::all().filter(|other| other.field_name() == field.field_name());
            !is_in_code(field) && namesakes.any(|other| is_in_code(&other))
        };
        fields.filter(|field| !is_of_other_view(field)).collect()
    }

    /// The fields of a function's own parameters that the function, or a function it calls, may read.
    #[must_use]
    pub fn inputs_of_parameters(&self, function: &str) -> Vec<InputField> {
        let Some(function) = self.scripts.functions.get(function) else { return Vec::new() };
        let parameters: Vec<&str> = function.parameters.iter().map(String::as_str).collect();
        let fields = InputField::of_parameters(&parameters).into_iter();
        fields.filter(|field| function.reads.contains(field.field_name())).collect()
    }

    /// The code of a function and of all functions it calls.
    fn code_of(&self, function: &str) -> String {
        let reached = self.scripts.functions.get(function).into_iter().flat_map(|function| &function.reaches);
        let texts = self.function_texts();
        let code: Vec<&str> = reached.filter_map(|name| texts.get(name)).map(|(code, _)| code.as_str()).collect();
        code.join("\n")
    }

    /// An evaluator of the scripts; use one per worker. A stopwatch measures the time spent in rules.
    #[must_use]
    pub fn evaluator(&self, stopwatch: Option<Stopwatch>) -> Evaluator {
        Evaluator::new(Arc::clone(&self.scripts), stopwatch)
    }
}

/// The code from the line on which a function's body starts up to the next function in the file.
fn code_from(text: &str, line: u32) -> String {
    let mut body = text.lines().skip(line.saturating_sub(1) as usize);
    let first = body.next().into_iter();
    let rest = body.take_while(|line| !line.starts_with("fn ") && !line.starts_with("private fn "));
    without_comments_and_layout(&first.chain(rest).collect::<Vec<_>>().join("\n"))
}

/// The code without comments, and with a single space in place of any whitespace. Strings stay as they are.
fn without_comments_and_layout(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut quote = None;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let next = letters.peek().copied();
        match (quote, letter) {
            (Some(_), '\\') => {
                code.push(letter);
                code.extend(letters.next());
            }
            (Some(open), _) => {
                code.push(letter);
                quote = Some(open).filter(|open| *open != letter);
            }
            (None, '/') if next == Some('/') => while letters.next_if(|letter| *letter != '\n').is_some() {},
            (None, '/') if next == Some('*') => skip_block_comment(&mut letters),
            (None, _) if letter.is_whitespace() => {
                if !code.is_empty() && !code.ends_with(' ') {
                    code.push(' ');
                }
            }
            (None, _) => {
                code.push(letter);
                quote = Some(letter).filter(|letter| matches!(letter, '"' | '`' | '\''));
            }
        }
    }
    code.truncate(code.trim_end().len());
    code
}

/// Skips the rest of a block comment after its first slash; such comments can be nested.
fn skip_block_comment(letters: &mut Peekable<Chars<'_>>) {
    let mut depth = 1;
    letters.next();
    while let Some(letter) = letters.next() {
        match (letter, letters.peek()) {
            ('/', Some('*')) => depth += 1,
            ('*', Some('/')) => depth -= 1,
            _ => continue,
        }
        letters.next();
        if depth == 0 {
            break;
        }
    }
}

/// Adds spans to script diagnostics, so that they can be underlined in the source text.
fn with_spans(diagnostics: Vec<Diagnostic>, files: &PackFiles) -> Vec<Diagnostic> {
    let with_span = |mut diagnostic: Diagnostic| {
        if let Place::Source { location, .. } = &mut diagnostic.place
            && let Some(text) = files.get(&*location.file).filter(|_| location.line > 0 && location.span.is_none())
        {
            location.span = location.with_span_in(text).span;
        }
        diagnostic
    };
    diagnostics.into_iter().map(with_span).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_layout_are_left_out_and_strings_stay_as_they_are() {
        let script = "fn a(ctx) {\n    // why\n    warn(\"see https://a.example/x  y\",  /* /* b */ c */ `two\n  lines`)  \n}\n\n\
                      fn b(ctx) {}\n";
        assert_eq!(code_from(script, 1), "fn a(ctx) { warn(\"see https://a.example/x  y\", `two\n  lines`) }");
        assert_eq!(without_comments_and_layout("\"a \\\" // b\" // c"), "\"a \\\" // b\"");
        assert_eq!(without_comments_and_layout("a /* never closed"), "a");
    }
}
