//! Fields of views as operands of comparisons, and what is wrong with a comparison.

use rhai::{Expr, Position};

use super::facts::{AssetFacts, ChannelFacts, ClientFacts, FactKind, Facts, Field, PostFacts};
use super::scenario_names::NameKind;
use crate::model::{Channel, ClientStatus};

/// A comparison that is always false or always true.
#[derive(Debug, PartialEq)]
pub(super) struct ConstantComparison {
    pub position: Position,
    /// The field as scripts write it, such as `post.hour`; or the operator or function that makes the result constant.
    pub name: String,
    pub cause: String,
    pub remedy: String,
}

/// A field of a view as an operand of a comparison.
#[derive(Debug, Clone)]
pub(super) struct FieldOperand {
    /// Its name as scripts write it, such as `post.hour`.
    pub name: String,
    pub kind: FactKind,
    /// Smallest and largest number that the field or its entries can hold; `None` if it holds no numbers.
    pub limits: Option<(f64, f64)>,
    pub texts: AllowedTexts,
    /// Whether the operand is an entry of the field, which is a list.
    pub is_entry: bool,
}

impl FieldOperand {
    /// The field of a view that an expression reads directly.
    pub fn of(expression: &Expr) -> Option<Self> {
        let Expr::Dot(dot, ..) = expression else { return None };
        let (Expr::Variable(view, ..), Expr::Property(property, _)) = (&dot.lhs, &dot.rhs) else { return None };
        field_of(view.1.as_str(), property.2.as_str())
    }

    /// The operand for an entry of the field; `None` if the field is not a list.
    pub fn entry(self) -> Option<Self> {
        // Lists of numbers have limits, lists of texts have none.
        let kind = if self.limits.is_some() { FactKind::Number } else { FactKind::Text };
        (self.kind == FactKind::List).then_some(Self { kind, is_entry: true, ..self })
    }

    /// The kind of scenario name that its values are; `None` if they are not names.
    pub fn name_kind(&self) -> Option<NameKind> {
        if self.is_entry { NameKind::of_list(&self.name) } else { NameKind::of_field(&self.name) }
    }
}

/// The texts that a field, or an entry of a list, can hold.
#[derive(Debug, Clone)]
pub(super) enum AllowedTexts {
    Any,
    OneOf(Vec<&'static str>),
    Date,
}

/// The field of a view, both given by name; `None` if there is no such view or field.
pub(super) fn field_of(view: &str, field: &str) -> Option<FieldOperand> {
    match view {
        ChannelFacts::PARAMETER => operand(ChannelFacts::fields(), view, field),
        PostFacts::PARAMETER => operand(PostFacts::fields(), view, field),
        AssetFacts::PARAMETER => operand(AssetFacts::fields(), view, field),
        ClientFacts::PARAMETER => operand(ClientFacts::fields(), view, field),
        _ => None,
    }
}

fn operand<T>(fields: &'static [Field<T>], view: &str, name: &str) -> Option<FieldOperand> {
    let field = fields.iter().find(|field| field.name == name)?;
    let texts = match (view, name) {
        (ChannelFacts::PARAMETER, "channel") | (PostFacts::PARAMETER, "channels_of_day") => {
            AllowedTexts::OneOf(Channel::ALL.map(Channel::name).to_vec())
        }
        // Clients of any other status are not planned, so scripts never see them.
        (ChannelFacts::PARAMETER, "status") => {
            AllowedTexts::OneOf(vec![ClientStatus::Active.name(), ClientStatus::Onboarding.name()])
        }
        (PostFacts::PARAMETER, "date") => AllowedTexts::Date,
        _ => AllowedTexts::Any,
    };
    Some(FieldOperand {
        name: format!("{view}.{name}"),
        kind: field.kind,
        limits: field.limits,
        texts,
        is_entry: false,
    })
}
