//! Rules as files: TOML and Rhai, validated whole, compiled once, evaluated anywhere.

mod arithmetic;
mod closed;
mod coherence;
mod comparisons;
mod compile;
mod compiled;
mod constants;
mod diagnostic;
mod dial;
mod difference;
mod dropped;
mod effective;
mod evaluate;
mod extract;
mod facts;
mod flips;
mod hooks;
mod hour_weights;
mod hours;
mod inputs;
mod key;
mod keys;
mod levels;
mod listed;
mod load;
mod locals;
mod names;
mod overlay;
mod pack;
mod probe;
mod recased;
mod recovery;
mod render;
mod schema;
mod script;
mod script_syntax;
mod settings;
mod settle;
mod sheet;
mod validate;
mod value;
mod variant;

pub use closed::{ClosedPlace, ClosedRange};
pub use compile::{is_same_script, script_syntax};
pub use compiled::{ClientRules, CompiledRules};
pub use constants::Constants;
#[doc(hidden)]
pub use diagnostic::escaped_where;
pub use diagnostic::{Diagnostic, Place, is_unseen, nearest, visible};
pub use dial::{Dial, SET, dials, dials_text};
pub use difference::{
    FunctionChange, FunctionDifference, OverlayDifference, RulePlace, RulesDifference, ValueDifference,
};
pub use effective::EffectiveValue;
pub use evaluate::{Evaluator, HourWeights, RuleFailure, RuleUse, Stopwatch};
pub use facts::{AssetFacts, ChannelFacts, ClientFacts, Fact, FactKind, Facts, Field, List, NEVER, PostFacts};
pub use flips::Flip;
pub use hooks::{CONFIDENCE, HOOKS, Hook, SCORE_ASSET};
pub use inputs::{Input, InputField, Space, key_of_field, number_of, values};
pub use key::{DAYS, FileKeys, Key, Kind, Limit, Names, Need, Preset, Rows, SIGNALS};
pub use keys::PACK_FILES;
pub use levels::{Level, Levels};
pub use listed::Listed;
pub use load::{OverlayKey, PackFiles, RulesPack, load};
pub use names::{KnownNames, NameKind, Named};
pub use overlay::Scope;
pub use pack::{
    AssetRules, CalendarRules, ChannelRules, DraftRules, EarlyWarningRules, FatigueRules, GuardrailRules,
    GuardrailScope, MinuteRule, PassRules, RiskRules, Rules, Step, is_within_clock_span, step_at,
};
pub use probe::{Probes, Site, SiteKind};
pub use render::{render, render_warnings};
pub use schema::json_schema;
pub use settings::{Row, Setting, Settings, Value, View};
pub use sheet::toml_syntax;
pub use validate::read_alone;
pub use variant::Variant;

pub(crate) use diagnostic::listed;
