//! From the canonical text's expressions to the core's: an allow-list, node by node.
//!
//! What is not listed is refused. The canonical form has settled precedence, casts and names, so
//! nothing is resolved here beyond looking up `alias.column` in the scope.

use noisegate_privacy::expr::{Expr, Function, Node, TextType, Type};
use noisegate_privacy::functions::{SizeRule, Syntax};
use sqlparser::ast::{
    self, BinaryOperator as Op, Expr as Ast, FunctionArg, FunctionArgExpr, FunctionArguments,
    UnaryOperator, Value,
};

use super::bounds::is_computed;
use super::functions;
use super::literals::{array_elements, constant, parameter, typed};
use super::refusals::{unknown_function, unsupported};
use super::scope::Scope;
use super::subqueries;
use super::times::time_arithmetic;
use crate::catalog::snapshot::{type_modifier, type_of_name};
use crate::error::{Code, Refusal};

/// The most that the operand of a CASE may become, which is compared with each of its values.
const COPIES_MAX: usize = 5_000;
/// The most nested expression that is read.
const DEPTH_MAX: u32 = 200;

/// Lowers one expression over the columns of `scope`.
pub(crate) fn lower(ast: &Ast, scope: &Scope<'_>) -> Result<Expr, Refusal> {
    Lower { scope, depth: 0, condition: false }.expr(ast)
}

/// Lowers a condition: that it is NULL means the same as that it is false.
pub(crate) fn lower_condition(ast: &Ast, scope: &Scope<'_>) -> Result<Expr, Refusal> {
    Lower { scope, depth: 0, condition: true }.expr(ast)
}

/// An expression without parentheses around it.
pub(crate) fn strip(ast: &Ast) -> &Ast {
    match ast {
        Ast::Nested(inner) => strip(inner),
        other => other,
    }
}

pub(super) struct Lower<'a> {
    scope: &'a Scope<'a>,
    depth: u32,
    /// Whether NULL and false are the same for what is lowered next.
    condition: bool,
}

impl Lower<'_> {
    pub(super) fn expr(&mut self, ast: &Ast) -> Result<Expr, Refusal> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > DEPTH_MAX {
            return Err(unsupported("an expression this deep", None));
        }
        let result = self.node(ast);
        self.depth = self.depth.saturating_sub(1);
        result
    }

    fn node(&mut self, ast: &Ast) -> Result<Expr, Refusal> {
        let condition = std::mem::replace(&mut self.condition, false);
        match ast {
            Ast::Nested(inner) => {
                self.condition = condition;
                self.expr(inner)
            }
            Ast::BinaryOp { left, op: Op::And, right } => {
                self.logical(Function::And, left, right, condition)
            }
            Ast::BinaryOp { left, op: Op::Or, right } => {
                self.logical(Function::Or, left, right, condition)
            }
            Ast::CompoundIdentifier(parts) => self.scope.column(parts),
            Ast::Identifier(name) => self.scope.column(std::slice::from_ref(name)),
            Ast::Value(value) => constant(&value.value),
            Ast::Cast { expr, data_type, .. } => self.cast(expr, &data_type.to_string()),
            Ast::BinaryOp { left, op, right } => self.binary(left, op, right),
            Ast::UnaryOp { op, expr } => self.unary(*op, expr),
            Ast::IsNull(inner) => self.predicate(Function::IsNull, &[inner]),
            Ast::IsNotNull(inner) => self.predicate(Function::IsNotNull, &[inner]),
            Ast::IsTrue(inner) => self.predicate(Function::IsTrue, &[inner]),
            Ast::IsNotTrue(inner) => self.predicate(Function::IsNotTrue, &[inner]),
            Ast::IsFalse(inner) => self.predicate(Function::IsFalse, &[inner]),
            Ast::IsNotFalse(inner) => self.predicate(Function::IsNotFalse, &[inner]),
            Ast::IsUnknown(inner) => self.predicate(Function::IsNull, &[inner]),
            Ast::IsNotUnknown(inner) => self.predicate(Function::IsNotNull, &[inner]),
            Ast::IsDistinctFrom(a, b) => self.comparison(Function::Distinct, a, b),
            Ast::IsNotDistinctFrom(a, b) => self.comparison(Function::NotDistinct, a, b),
            Ast::AnyOp { left, compare_op: Op::Eq, right, .. } => {
                self.membership(Function::In, left, right)
            }
            Ast::AllOp { left, compare_op: Op::NotEq, right } => {
                self.membership(Function::NotIn, left, right)
            }
            Ast::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref())
            }
            Ast::Floor { .. }
            | Ast::Ceil { .. }
            | Ast::Extract { .. }
            | Ast::Substring { .. }
            | Ast::Trim { .. }
            | Ast::Position { .. }
            | Ast::Overlay { .. }
            | Ast::AtTimeZone { .. }
            | Ast::CompoundFieldAccess { .. }
            | Ast::Array(_) => self.special(ast),
            Ast::Function(function) => self.function(function),
            Ast::Exists { subquery, negated } => {
                let found = subqueries::exists(subquery, self.scope)?;
                Ok(if *negated {
                    Expr::call(Function::Not, vec![found], Type::Bool)
                } else {
                    found
                })
            }
            Ast::InSubquery { expr, subquery, negated } => {
                let value = self.expr(expr)?;
                let found = subqueries::is_in(value, subquery, self.scope, condition && !negated)?;
                Ok(if *negated {
                    Expr::call(Function::Not, vec![found], Type::Bool)
                } else {
                    found
                })
            }
            Ast::Subquery(query) => subqueries::scalar(query, self.scope),
            Ast::Interval(_) | Ast::TypedString(_) => typed(ast),
            other => Err(unsupported(shape(other), None)),
        }
    }

    fn logical(
        &mut self,
        function: Function,
        left: &Ast,
        right: &Ast,
        condition: bool,
    ) -> Result<Expr, Refusal> {
        self.condition = condition;
        let left = self.expr(left)?;
        self.condition = condition;
        let right = self.expr(right)?;
        Ok(Expr::call(function, vec![left, right], Type::Bool))
    }

    fn predicate(&mut self, function: Function, args: &[&Ast]) -> Result<Expr, Refusal> {
        let args = args.iter().map(|arg| self.expr(arg)).collect::<Result<_, _>>()?;
        Ok(Expr::call(function, args, Type::Bool))
    }

    fn comparison(&mut self, function: Function, a: &Ast, b: &Ast) -> Result<Expr, Refusal> {
        let (a, b) = (self.expr(a)?, self.expr(b)?);
        compare(function, a, b)
    }

    fn binary(&mut self, left: &Ast, op: &Op, right: &Ast) -> Result<Expr, Refusal> {
        let function = match op {
            Op::Eq => Function::Eq,
            Op::NotEq => Function::Ne,
            Op::Lt => Function::Lt,
            Op::LtEq => Function::Le,
            Op::Gt => Function::Gt,
            Op::GtEq => Function::Ge,
            Op::Plus | Op::Minus | Op::Multiply | Op::Divide | Op::Modulo => {
                return self.arithmetic(op, left, right);
            }
            Op::PGLikeMatch => return self.like(Function::Like, left, right),
            Op::PGNotLikeMatch => return self.like(Function::NotLike, left, right),
            Op::PGILikeMatch => return self.like(Function::ILike, left, right),
            Op::PGNotILikeMatch => return self.like(Function::NotILike, left, right),
            Op::StringConcat => {
                let args = vec![self.expr(left)?, self.expr(right)?];
                let args = args.into_iter().map(functions::as_text).collect();
                return functions::listed("||", Syntax::Infix, args);
            }
            other => {
                let args = vec![self.expr(left)?, self.expr(right)?];
                return functions::listed(&other.to_string(), Syntax::Infix, args);
            }
        };
        self.comparison(function, left, right)
    }

    fn arithmetic(&mut self, op: &Op, left: &Ast, right: &Ast) -> Result<Expr, Refusal> {
        let (a, b) = (self.expr(left)?, self.expr(right)?);
        if a.ty.is_time() || b.ty.is_time() {
            return time_arithmetic(op, a, b);
        }
        if !a.ty.is_number() || !b.ty.is_number() {
            return functions::listed(&op.to_string(), Syntax::Infix, vec![a, b]);
        }
        let function = match op {
            Op::Plus => Function::Add,
            Op::Minus => Function::Sub,
            Op::Multiply => Function::Mul,
            Op::Divide => Function::Div,
            _ => Function::Mod,
        };
        let ty = wider(&a.ty, &b.ty);
        number_bounded(&a)?;
        number_bounded(&b)?;
        Ok(Expr::call(function, vec![a, b], ty))
    }

    fn unary(&mut self, op: UnaryOperator, inner: &Ast) -> Result<Expr, Refusal> {
        match op {
            UnaryOperator::Not => self.predicate(Function::Not, &[inner]),
            UnaryOperator::Minus | UnaryOperator::Plus => {
                let arg = self.expr(inner)?;
                if !arg.ty.is_number() {
                    return Err(unknown_function(&op.to_string()));
                }
                if op == UnaryOperator::Plus {
                    return Ok(arg);
                }
                if let Node::Constant(Some(text)) = &arg.node {
                    let flipped = match text.strip_prefix('-') {
                        Some(rest) => rest.to_owned(),
                        None => format!("-{text}"),
                    };
                    return Ok(Expr::constant(flipped, arg.ty));
                }
                let ty = arg.ty.clone();
                Ok(Expr::call(Function::Neg, vec![arg], ty))
            }
            other => {
                let arg = self.expr(inner)?;
                functions::listed(&other.to_string(), Syntax::Prefix, vec![arg])
            }
        }
    }

    fn like(&mut self, function: Function, value: &Ast, pattern: &Ast) -> Result<Expr, Refusal> {
        let (value, pattern) = (self.expr(value)?, self.expr(pattern)?);
        let constant = matches!(pattern.node, Node::Constant(_) | Node::Parameter(_));
        if !value.ty.is_text() || !constant {
            return Err(unsupported(
                "LIKE with a pattern that is not a constant",
                Some("Compare a text column with a constant pattern."),
            ));
        }
        Ok(Expr::call(function, vec![value, pattern], Type::Bool))
    }

    fn membership(&mut self, function: Function, value: &Ast, set: &Ast) -> Result<Expr, Refusal> {
        let value = self.expr(value)?;
        if let Ast::Subquery(query) = strip(set) {
            let found = subqueries::is_in(value, query, self.scope, false)?;
            return Ok(match function {
                Function::NotIn => Expr::call(Function::Not, vec![found], Type::Bool),
                _ => found,
            });
        }
        if let Ast::Function(_) = strip(set) {
            // `= ANY ($1)`: one parameter that is an array.
            let array = self.expr(set)?;
            if matches!(array.node, Node::Parameter(_)) && array.ty.is_array() {
                return Ok(Expr::call(function, vec![value, array], Type::Bool));
            }
        }
        let Some((elements, cast)) = array_elements(set) else {
            let array = self.expr(set)?;
            let (name, syntax) = match function {
                Function::In => ("any", Syntax::Any),
                _ => ("all", Syntax::All),
            };
            return functions::listed(name, syntax, vec![value, array]);
        };
        let mut args = vec![value];
        for element in elements {
            let mut element = self.expr(element)?;
            if let Some(ty) = &cast {
                element.ty = ty.clone();
            }
            if !element.scans().is_empty() {
                return Err(unsupported("IN with a list that is not constant", None));
            }
            args.push(element);
        }
        Ok(Expr::call(function, args, Type::Bool))
    }

    fn case(
        &mut self,
        operand: Option<&Ast>,
        conditions: &[ast::CaseWhen],
        default: Option<&Ast>,
    ) -> Result<Expr, Refusal> {
        let operand = operand.map(|operand| self.expr(operand)).transpose()?;
        let copies = operand.as_ref().map_or(0, Expr::size).saturating_mul(conditions.len());
        if copies > COPIES_MAX {
            return Err(unsupported(
                "an expression this large",
                Some("Compute it in fewer steps."),
            ));
        }
        let mut args = Vec::new();
        for when in conditions {
            self.condition = operand.is_none();
            let condition = self.expr(&when.condition)?;
            args.push(match &operand {
                Some(operand) => {
                    Expr::call(Function::Eq, vec![operand.clone(), condition], Type::Bool)
                }
                None => condition,
            });
            args.push(self.expr(&when.result)?);
        }
        let ty = args.get(1).map_or(Type::Bool, |arg| arg.ty.clone());
        args.push(match default {
            Some(default) => self.expr(default)?,
            None => Expr { node: Node::Constant(None), ty },
        });
        let ty = case_type(&args)?;
        Ok(Expr::call(Function::Case, args, ty))
    }

    fn function(&mut self, function: &ast::Function) -> Result<Expr, Refusal> {
        let name = function_name(function);
        if function.over.is_some() {
            return Err(Refusal::new(
                Code::Window,
                "A window over rows of people is not answered.",
                "Aggregate first, then use a window over the aggregates.",
            ));
        }
        let args = arguments(function).ok_or_else(|| unknown_function(&name))?;
        if name == "noisegate.param" {
            return parameter(&args);
        }
        let args = args.into_iter().map(|arg| self.expr(arg)).collect::<Result<Vec<_>, _>>()?;
        functions::call(&name, args)
    }

    fn cast(&mut self, inner: &Ast, to: &str) -> Result<Expr, Refusal> {
        let ty = type_of_name(to);
        let whole = |ty: Type, cast: &mut Self| cast.cast(inner, &ty.name());
        // PostgreSQL writes an interval's fields after the value that they have been applied to.
        let applied = ty == Type::Interval && matches!(strip(inner), Ast::Value(_));
        match (&ty, type_modifier(to).filter(|_| !applied)) {
            (Type::Numeric(_), _) | (_, None) => {}
            (Type::Text(TextType::Varchar), Some(length)) => {
                let args = vec![whole(ty, self)?, Expr::constant(length, Type::Int(4))];
                return functions::call("left", args);
            }
            (_, Some(_)) => {
                return Err(unsupported(
                    "a cast to a type with a length or precision",
                    Some("Cast to the plain type, and use left(), round() or date_trunc()."),
                ));
            }
        }
        if let Ast::Value(value) = &strip(inner) {
            match &value.value {
                Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => {
                    return Ok(Expr::constant(text.clone(), ty));
                }
                Value::Null => return Ok(Expr { node: Node::Constant(None), ty }),
                Value::Number(digits, _) if matches!(ty, Type::Numeric(None) | Type::Float(_)) => {
                    return Ok(Expr::constant(digits.clone(), ty));
                }
                _ => {}
            }
        }
        let arg = self.expr(inner)?;
        if let (Node::Constant(Some(digits)), Type::Numeric(None) | Type::Float(_)) =
            (&arg.node, &ty)
            && arg.ty.is_number()
        {
            return Ok(Expr::constant(digits.clone(), ty));
        }
        // The parser gives a whole number the smallest type that holds it.
        if let (Node::Constant(Some(digits)), Type::Int(from), Type::Int(to)) =
            (&arg.node, &arg.ty, &ty)
            && from <= to
        {
            return Ok(Expr::constant(digits.clone(), ty));
        }
        // A constant array of texts, of which PostgreSQL knows several types.
        if let (Node::Constant(Some(text)), true, "text[]") =
            (&arg.node, arg.ty.is_array(), ty.name().as_str())
        {
            return Ok(Expr::constant(text.clone(), ty));
        }
        functions::cast(arg, ty)
    }
}

/// The type of a CASE: that of all its values, or one that holds each of several numbers.
fn case_type(args: &[Expr]) -> Result<Type, Refusal> {
    let last = args.len().saturating_sub(1);
    let values = args.iter().enumerate().filter(|(at, _)| at % 2 == 1 || *at == last);
    let known = values.clone().filter(|(_, arg)| !matches!(arg.node, Node::Constant(None)));
    let mut types = known.map(|(_, arg)| &arg.ty);
    let Some(first) = types.next() else {
        return Ok(values.map(|(_, arg)| arg.ty.clone()).next().unwrap_or(Type::Bool));
    };
    types.try_fold(first.clone(), |ty, next| match next {
        next if ty == *next => Ok(ty),
        next if ty.is_number() && next.is_number() => Ok(wider(&ty, next)),
        next if ty.is_text() && next.is_text() => Ok(ty),
        _ => Err(unsupported("CASE with values of these types", Some("Cast them to one type."))),
    })
}

/// A comparison of two values whose types can be compared.
pub(crate) fn compare(function: Function, a: Expr, b: Expr) -> Result<Expr, Refusal> {
    let comparable = a.ty == b.ty
        || (a.ty.is_number() && b.ty.is_number())
        || (a.ty.is_text() && b.ty.is_text())
        || (a.ty.is_time() && b.ty.is_time());
    if !comparable {
        return Err(unsupported("a comparison of these two types", None));
    }
    Ok(Expr::call(function, vec![a, b], Type::Bool))
}

/// A function's name as PostgreSQL knows it: the canonical form quotes those that are keywords.
pub(crate) fn function_name(function: &ast::Function) -> String {
    let parts: Vec<String> = function
        .name
        .0
        .iter()
        .map(|part| match part {
            ast::ObjectNamePart::Identifier(name) if name.quote_style.is_some() => {
                name.value.clone()
            }
            other => other.to_string().to_ascii_lowercase(),
        })
        .collect();
    parts.join(".")
}

/// The plain arguments of a call; `None` if it has DISTINCT, ORDER BY, names or a wildcard.
pub(crate) fn arguments(function: &ast::Function) -> Option<Vec<&Ast>> {
    let list = match &function.args {
        FunctionArguments::None => return Some(Vec::new()),
        FunctionArguments::List(list) => list,
        FunctionArguments::Subquery(_) => return None,
    };
    if list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
        return None;
    }
    list.args
        .iter()
        .map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
            _ => None,
        })
        .collect()
}

/// Refuses arithmetic on a column whose size nothing bounds: it could overflow for some row.
pub(crate) fn number_bounded(expr: &Expr) -> Result<(), Refusal> {
    let unbounded = expr.as_column().filter(|column| {
        matches!(expr.ty, Type::Numeric(None) | Type::Float(_)) && column.bounds.is_none()
    });
    let element = matches!(&expr.node, Node::Call(Function::Listed(row), _)
        if row.size == SizeRule::Free && matches!(expr.ty, Type::Numeric(_)));
    if element {
        return Err(Refusal::new(
            Code::Bounds,
            "Arithmetic on an element of an array of numeric needs bounds, because its type has none.",
            "Write least(greatest(x, low), high) around it.",
        ));
    }
    match unbounded {
        Some(column) if is_computed(&column.name) => Err(Refusal::new(
            Code::Bounds,
            "Arithmetic on what a subquery computes needs bounds, because its type has none.",
            "Write least(greatest(x, low), high) around it.",
        )),
        Some(column) => Err(Refusal::new(
            Code::Bounds,
            format!("Arithmetic on \"{}\" needs bounds, because its type has none.", column.name),
            "Write least(greatest(x, low), high) around it, with numbers that are possible \
             whatever the data, or ask the policy's owner to declare bounds for the column.",
        )
        .near(&column.name)),
        None => Ok(()),
    }
}

pub(crate) fn wider(a: &Type, b: &Type) -> Type {
    match (a, b) {
        (Type::Float(4), Type::Float(4)) => Type::Float(4),
        (Type::Float(_), _) | (_, Type::Float(_)) => Type::Float(8),
        (Type::Numeric(_), _) | (_, Type::Numeric(_)) => Type::Numeric(None),
        (Type::Int(a), Type::Int(b)) => Type::Int(*a.max(b)),
        _ => a.clone(),
    }
}

/// The kind of an expression, without its content.
fn shape(ast: &Ast) -> &'static str {
    match ast {
        Ast::Tuple(_) => "a row of values",
        Ast::JsonAccess { .. } => "a part of a JSON value",
        Ast::Collate { .. } => "COLLATE",
        Ast::AnyOp { .. } | Ast::AllOp { .. } => "ANY or ALL",
        Ast::QualifiedWildcard(..) => "a whole row as a value",
        _ => "this kind of expression",
    }
}
