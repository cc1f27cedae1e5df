//! Functions that SQL writes in a way of their own, such as `EXTRACT(… FROM …)`.

use noisegate_privacy::expr::{Expr, Node, Type};
use noisegate_privacy::functions::{Syntax, TEXT, array_of};
use sqlparser::ast::{
    AccessExpr, Array, CeilFloorKind, DateTimeField, Expr as Ast, Subscript, TrimWhereField,
};

use super::functions;
use super::lower::Lower;
use super::refusals::{unknown_function, unsupported};
use crate::error::Refusal;

impl Lower<'_> {
    /// One of the forms that have a place in the syntax.
    pub(super) fn special(&mut self, ast: &Ast) -> Result<Expr, Refusal> {
        let plain = |field: &CeilFloorKind| {
            matches!(field, CeilFloorKind::DateTimeField(DateTimeField::NoDateTime))
        };
        match ast {
            Ast::Floor { expr, field } if plain(field) => self.calls("floor", &[expr]),
            Ast::Ceil { expr, field } if plain(field) => self.calls("ceil", &[expr]),
            Ast::Extract { field, expr, .. } => {
                let field = Expr::constant(field.to_string().to_ascii_lowercase(), TEXT);
                let args = vec![field, self.expr(expr)?];
                functions::listed("extract", Syntax::Extract, args)
            }
            Ast::Substring { expr, substring_from, substring_for, .. } => {
                let mut args = vec![self.expr(expr)?];
                args.push(match substring_from {
                    Some(from) => self.expr(from)?,
                    None => Expr::constant("1", Type::Int(4)),
                });
                if let Some(length) = substring_for {
                    args.push(self.expr(length)?);
                }
                functions::listed("substring", Syntax::Call, args)
            }
            Ast::Trim { trim_where, trim_what, expr, .. } => {
                let name = match trim_where {
                    Some(TrimWhereField::Leading) => "ltrim",
                    Some(TrimWhereField::Trailing) => "rtrim",
                    Some(TrimWhereField::Both) | None => "btrim",
                };
                match trim_what {
                    Some(what) => self.calls(name, &[expr, what]),
                    None => self.calls(name, &[expr]),
                }
            }
            Ast::Position { expr, r#in } => self.calls("strpos", &[r#in, expr]),
            Ast::Overlay { expr, overlay_what, overlay_from, overlay_for: Some(length) } => {
                self.calls("overlay", &[expr, overlay_what, overlay_from, length])
            }
            Ast::AtTimeZone { timestamp, time_zone } => {
                self.calls("timezone", &[time_zone, timestamp])
            }
            Ast::CompoundFieldAccess { root, access_chain } => self.subscript(root, access_chain),
            Ast::Array(array) => self.array(array),
            _ => Err(unknown_function(match ast {
                Ast::Overlay { .. } => "overlay",
                _ => "floor or ceil of a field",
            })),
        }
    }

    fn calls(&mut self, name: &str, args: &[&Ast]) -> Result<Expr, Refusal> {
        let args = args.iter().map(|arg| self.expr(arg)).collect::<Result<Vec<_>, _>>()?;
        functions::listed(name, Syntax::Call, args)
    }

    fn subscript(&mut self, root: &Ast, chain: &[AccessExpr]) -> Result<Expr, Refusal> {
        // PostgreSQL reads a column's name without parentheses, so the parser finds it in pieces.
        let mut parts = match root {
            Ast::Identifier(name) => vec![name.clone()],
            Ast::CompoundIdentifier(parts) => parts.clone(),
            _ => Vec::new(),
        };
        let mut indexes = Vec::new();
        for access in chain {
            match access {
                AccessExpr::Dot(Ast::Identifier(name)) if indexes.is_empty() => {
                    parts.push(name.clone());
                }
                AccessExpr::Subscript(Subscript::Index { index }) => indexes.push(index),
                _ => return Err(unsupported("a part of an array or a row", None)),
            }
        }
        let [index] = indexes.as_slice() else {
            return Err(unsupported("an element of an element", None));
        };
        let array = match root {
            Ast::Identifier(_) | Ast::CompoundIdentifier(_) => {
                self.expr(&Ast::CompoundIdentifier(parts))?
            }
            other => self.expr(other)?,
        };
        let index = self.expr(index)?;
        functions::listed("subscript", Syntax::Subscript, vec![array, index])
    }

    /// `ARRAY[…]` of constants, as the one constant that it is.
    fn array(&mut self, array: &Array) -> Result<Expr, Refusal> {
        let refused = || unsupported("an array that is not constant", None);
        let mut ty = None;
        let mut elements = Vec::with_capacity(array.elem.len());
        for element in &array.elem {
            let element = self.expr(element)?;
            let Node::Constant(Some(text)) = &element.node else { return Err(refused()) };
            let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
            elements.push(format!("\"{quoted}\""));
            if ty.get_or_insert_with(|| element.ty.clone()) != &element.ty {
                return Err(refused());
            }
        }
        let ty = ty.ok_or_else(refused)?;
        Ok(Expr::constant(format!("{{{}}}", elements.join(",")), array_of(&ty)))
    }
}
