//! Verdicts and other values that a script computes and then discards, since nothing returns them.

use rhai::{AST, ASTNode, Expr, Position, Stmt, StmtBlock};

use super::field_operand::FieldOperand;
use super::script::VERDICTS;

/// What happens to the value of a node within an enclosing node.
enum Usage {
    /// It is used.
    Used,
    /// It is the value of the enclosing node.
    Result,
    /// It is discarded.
    Discarded,
}

/// A discarded value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Discarded {
    /// The result of a call of this verdict function.
    Verdict(String),
    /// A number, text or field that is a statement of its own.
    Value(String),
}

/// The values that are discarded in an AST with a single function.
pub(super) fn discarded(alone: &AST) -> Vec<(Discarded, Position)> {
    let mut last_statement = 0;
    // The address identifies a statement; it is never dereferenced.
    let mut values: Vec<(usize, Discarded, Position)> = Vec::new();
    let mut discarded = Vec::new();
    alone.walk(&mut |path| {
        if let [ASTNode::Stmt(top)] = path {
            last_statement = address(top);
        }
        if let Some((value, position)) = path.last().and_then(|node| verdict(node).or_else(|| value(node))) {
            match usage(path) {
                Usage::Used => {}
                Usage::Discarded => discarded.push((value, position)),
                Usage::Result => values.extend(path.first().map(|top| (address_of(top), value, position))),
            }
        }
        true
    });
    discarded.extend(values.into_iter().filter(|(top, ..)| *top != last_statement).map(|(_, value, at)| (value, at)));
    discarded.sort_by_key(|(_, position)| (position.line(), position.position()));
    discarded.dedup();
    discarded
}

fn address(statement: &Stmt) -> usize {
    std::ptr::from_ref(statement).addr()
}

fn address_of(node: &ASTNode<'_>) -> usize {
    match node {
        ASTNode::Stmt(statement) => address(statement),
        _ => 0,
    }
}

/// A number, text or field that is a statement of its own.
fn value(node: &ASTNode<'_>) -> Option<(Discarded, Position)> {
    let ASTNode::Stmt(Stmt::Expr(expression)) = node else { return None };
    let shown = match &**expression {
        Expr::IntegerConstant(number, _) => number.to_string(),
        Expr::FloatConstant(number, _) => number.to_string(),
        Expr::StringConstant(text, _) => format!("\"{text}\""),
        other => FieldOperand::of(other)?.name().to_owned(),
    };
    Some((Discarded::Value(shown), expression.start_position()))
}

fn verdict(node: &ASTNode<'_>) -> Option<(Discarded, Position)> {
    let (call, position) = match node {
        ASTNode::Stmt(Stmt::FnCall(call, position)) => (call, position),
        ASTNode::Expr(Expr::FnCall(call, position)) => (call, position),
        _ => return None,
    };
    VERDICTS.iter().any(|(name, _)| call.name == *name).then(|| (Discarded::Verdict(call.name.to_string()), *position))
}

fn usage(path: &[ASTNode<'_>]) -> Usage {
    for pair in path.windows(2).rev() {
        let [whole, part] = pair else { continue };
        match usage_within(whole, part) {
            Usage::Result => {}
            decided => return decided,
        }
    }
    Usage::Result
}

fn usage_within(whole: &ASTNode<'_>, part: &ASTNode<'_>) -> Usage {
    let ASTNode::Stmt(statement) = whole else {
        return match whole {
            ASTNode::Expr(Expr::Stmt(block)) => of_block(&[block], part),
            _ => Usage::Used,
        };
    };
    match statement {
        Stmt::Expr(_) => Usage::Result,
        Stmt::If(flow, _) if is_statement(part) => of_block(&[&flow.body, &flow.branch], part),
        Stmt::Block(block) => of_block(&[block], part),
        Stmt::Switch(switch, _) => {
            let results = || switch.1.expressions.iter().map(|case| &case.rhs);
            let is_result = matches!(part, ASTNode::Expr(expr) if results().any(|result| std::ptr::eq(result, *expr)));
            if is_result { Usage::Result } else { Usage::Used }
        }
        // A `catch` block has no value.
        Stmt::TryCatch(flow, _) => of_block(&[&flow.body], part),
        Stmt::While(..) | Stmt::Do(..) | Stmt::For(..) if is_statement(part) => Usage::Discarded,
        _ => Usage::Used,
    }
}

fn is_statement(part: &ASTNode<'_>) -> bool {
    matches!(part, ASTNode::Stmt(_))
}

/// The value of a block is that of its last statement.
fn of_block(blocks: &[&StmtBlock], part: &ASTNode<'_>) -> Usage {
    let is_last = |block: &&StmtBlock| matches!((block.statements().last(), part), (Some(last), ASTNode::Stmt(statement)) if std::ptr::eq(last, *statement));
    if blocks.iter().any(is_last) { Usage::Result } else { Usage::Discarded }
}
