//! Functions that SQL writes in a way of their own, such as `EXTRACT(… FROM …)`.

use noisegate_privacy::expr::{Expr, Node, TextType, Type};
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
                let mut args = vec![self.text(expr)?];
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
                let mut args = vec![self.text(expr)?];
                if let Some(what) = trim_what {
                    args.push(self.text(what)?);
                }
                functions::listed(name, Syntax::Call, args)
            }
            Ast::Position { expr, r#in } => {
                let args = vec![self.text(r#in)?, self.text(expr)?];
                functions::listed("strpos", Syntax::Call, args)
            }
            Ast::Overlay { expr, overlay_what, overlay_from, overlay_for: Some(length) } => {
                let (text, what) = (self.text(expr)?, self.text(overlay_what)?);
                let args = vec![text, what, self.expr(overlay_from)?, self.expr(length)?];
                functions::listed("overlay", Syntax::Call, args)
            }
            Ast::AtTimeZone { timestamp, time_zone } => {
                let mut time = self.expr(timestamp)?;
                if time.ty == Type::Date {
                    time = functions::cast(time, Type::TimestampTz)?;
                }
                let args = vec![self.text(time_zone)?, time];
                functions::listed("timezone", Syntax::Call, args)
            }
            Ast::CompoundFieldAccess { root, access_chain } => self.subscript(root, access_chain),
            Ast::Array(array) => self.array(array),
            _ => Err(unknown_function(match ast {
                Ast::Overlay { .. } => "overlay",
                _ => "floor or ceil of a field",
            })),
        }
    }

    /// A text. PostgreSQL does not write the casts to it that these forms make of themselves.
    fn text(&mut self, ast: &Ast) -> Result<Expr, Refusal> {
        let expr = self.expr(ast)?;
        if expr.ty == Type::Text(TextType::Bpchar) { functions::cast(expr, TEXT) } else { Ok(expr) }
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
