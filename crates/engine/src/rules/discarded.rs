//! Verdicts and other values that a script computes and then discards, since nothing returns them.

use rhai::{AST, ASTNode, Expr, Position, Stmt, StmtBlock};

use super::field_operand::FieldOperand;
use super::script::VERDICTS;

/// What an enclosing node does with the value of a node.
enum Usage {
    /// It is used, for example as an argument.
    Used,
    /// It becomes the value of the enclosing node, whose own usage decides.
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
pub(super) fn discarded(function_ast: &AST) -> Vec<(Discarded, Position)> {
    let mut last_statement = 0;
    // Values of top-level statements, by the address of the statement, which is never dereferenced.
    let mut results: Vec<(usize, Discarded, Position)> = Vec::new();
    let mut discarded = Vec::new();
    function_ast.walk(&mut |path| {
        if let [ASTNode::Stmt(top)] = path {
            last_statement = address(top);
        }
        if let Some((value, position)) = path.last().and_then(|node| verdict(node).or_else(|| lone_value(node))) {
            match usage(path) {
                Usage::Used => {}
                Usage::Discarded => discarded.push((value, position)),
                Usage::Result => results.extend(path.first().map(|top| (statement_address(top), value, position))),
            }
        }
        true
    });
    // The last statement's value is what the function returns.
    let unreturned = results.into_iter().filter(|(top, ..)| *top != last_statement);
    discarded.extend(unreturned.map(|(_, value, position)| (value, position)));
    discarded.sort_by_key(|(_, position)| (position.line(), position.position()));
    discarded.dedup();
    discarded
}

fn address(statement: &Stmt) -> usize {
    std::ptr::from_ref(statement).addr()
}

/// The address of a node that is a statement; 0 for an expression.
fn statement_address(node: &ASTNode<'_>) -> usize {
    match node {
        ASTNode::Stmt(statement) => address(statement),
        _ => 0,
    }
}

/// A number, text or field that is a statement of its own.
fn lone_value(node: &ASTNode<'_>) -> Option<(Discarded, Position)> {
    let ASTNode::Stmt(Stmt::Expr(expression)) = node else { return None };
    let shown = match &**expression {
        Expr::IntegerConstant(number, _) => number.to_string(),
        Expr::FloatConstant(number, _) => number.to_string(),
        Expr::StringConstant(text, _) => format!("\"{text}\""),
        other => FieldOperand::of(other)?.name,
    };
    Some((Discarded::Value(shown), expression.start_position()))
}

/// A call of a function that makes a verdict.
fn verdict(node: &ASTNode<'_>) -> Option<(Discarded, Position)> {
    let (call, position) = match node {
        ASTNode::Stmt(Stmt::FnCall(call, position)) => (call, position),
        ASTNode::Expr(Expr::FnCall(call, position)) => (call, position),
        _ => return None,
    };
    VERDICTS.iter().any(|(name, _)| call.name == *name).then(|| (Discarded::Verdict(call.name.to_string()), *position))
}

/// What the nodes that enclose the last node of a path do with its value.
fn usage(path: &[ASTNode<'_>]) -> Usage {
    for pair in path.windows(2).rev() {
        let [parent, child] = pair else { continue };
        match usage_within(parent, child) {
            Usage::Result => {}
            decided => return decided,
        }
    }
    Usage::Result
}

fn usage_within(parent: &ASTNode<'_>, child: &ASTNode<'_>) -> Usage {
    let ASTNode::Stmt(statement) = parent else {
        return match parent {
            ASTNode::Expr(Expr::Stmt(block)) => usage_in_block(&[block], child),
            _ => Usage::Used,
        };
    };
    match statement {
        Stmt::Expr(_) => Usage::Result,
        Stmt::If(flow, _) if is_statement(child) => usage_in_block(&[&flow.body, &flow.branch], child),
        Stmt::Block(block) => usage_in_block(&[block], child),
        Stmt::Switch(switch, _) => {
            let results = || switch.1.expressions.iter().map(|case| &case.rhs);
            let is_result = matches!(child, ASTNode::Expr(expr) if results().any(|result| std::ptr::eq(result, *expr)));
            if is_result { Usage::Result } else { Usage::Used }
        }
        // A `catch` block has no value.
        Stmt::TryCatch(flow, _) => usage_in_block(&[&flow.body], child),
        Stmt::While(..) | Stmt::Do(..) | Stmt::For(..) if is_statement(child) => Usage::Discarded,
        _ => Usage::Used,
    }
}

fn is_statement(child: &ASTNode<'_>) -> bool {
    matches!(child, ASTNode::Stmt(_))
}

/// The value of a block is that of its last statement.
fn usage_in_block(blocks: &[&StmtBlock], child: &ASTNode<'_>) -> Usage {
    let ASTNode::Stmt(statement) = child else { return Usage::Discarded };
    let is_last = |block: &&StmtBlock| block.statements().last().is_some_and(|last| std::ptr::eq(last, *statement));
    if blocks.iter().any(is_last) { Usage::Result } else { Usage::Discarded }
}
