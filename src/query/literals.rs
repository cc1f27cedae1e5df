//! Constants and parameters of the canonical text.

use noisegate_privacy::expr::{Expr, Node, TextType, Type};
use sqlparser::ast::{Expr as Ast, UnaryOperator, Value};

use super::lower::strip;
use super::refusals::unsupported;
use crate::catalog::snapshot::{type_modifier, type_of_name};
use crate::error::Refusal;

/// `interval '…'` and `date '…'`, which the canonical form writes as casts; kept for safety.
pub(crate) fn typed(ast: &Ast) -> Result<Expr, Refusal> {
    match ast {
        Ast::TypedString(typed) => {
            let name = typed.data_type.to_string();
            let ty = type_of_name(&name);
            match &typed.value.value {
                _ if type_modifier(&name).is_some() => Err(unsupported("this literal", None)),
                Value::SingleQuotedString(text) => Ok(Expr::constant(text.clone(), ty)),
                _ => Err(unsupported("this literal", None)),
            }
        }
        _ => Err(unsupported("this literal", None)),
    }
}

pub(crate) fn constant(value: &Value) -> Result<Expr, Refusal> {
    Ok(match value {
        Value::Number(digits, _) => {
            let ty = if digits.contains(['.', 'e', 'E']) {
                Type::Numeric(None)
            } else if digits.parse::<i32>().is_ok() {
                Type::Int(4)
            } else if digits.parse::<i64>().is_ok() {
                Type::Int(8)
            } else {
                Type::Numeric(None)
            };
            Expr::constant(digits.clone(), ty)
        }
        Value::SingleQuotedString(literal) | Value::EscapedStringLiteral(literal) => {
            Expr::constant(literal.clone(), Type::Text(TextType::Text))
        }
        Value::Boolean(value) => Expr::constant(value.to_string(), Type::Bool),
        Value::Null => Expr { node: Node::Constant(None), ty: Type::Text(TextType::Text) },
        _ => return Err(unsupported("this literal", None)),
    })
}

/// `noisegate.param(n, NULL::type)`, which stands for `$n` in the canonical form.
pub(crate) fn parameter(args: &[&Ast]) -> Result<Expr, Refusal> {
    let [number, example] = args else { return Err(unsupported("this parameter", None)) };
    let number = whole_number(number).and_then(|number| usize::try_from(number).ok());
    match (number, strip(example)) {
        (Some(number), Ast::Cast { data_type, .. }) => {
            Ok(Expr { node: Node::Parameter(number), ty: type_of_name(&data_type.to_string()) })
        }
        _ => Err(unsupported("this parameter", None)),
    }
}

/// The elements of `ARRAY[…]`, also inside a cast to an array type, whose element type is returned.
pub(crate) fn array_elements(ast: &Ast) -> Option<(&[Ast], Option<Type>)> {
    match strip(ast) {
        Ast::Array(array) => Some((&array.elem, None)),
        Ast::Cast { expr, data_type, .. } => {
            let name = data_type.to_string();
            let element = name.strip_suffix("[]").filter(|name| type_modifier(name).is_none())?;
            let element = type_of_name(element);
            array_elements(expr).map(|(elements, _)| (elements, Some(element)))
        }
        _ => None,
    }
}

pub(crate) fn whole_number(ast: &Ast) -> Option<i32> {
    match strip(ast) {
        Ast::Value(value) => match &value.value {
            Value::Number(digits, _) => digits.parse().ok(),
            _ => None,
        },
        Ast::UnaryOp { op: UnaryOperator::Minus, expr } => {
            whole_number(expr).and_then(i32::checked_neg)
        }
        Ast::Cast { expr, .. } => match strip(expr) {
            Ast::Value(value) => match &value.value {
                Value::Number(digits, _) | Value::SingleQuotedString(digits) => digits.parse().ok(),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}
