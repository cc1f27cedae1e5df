//! `noisegate token`: what programs show instead of a password.

use super::args::{Access, Create, Revoke, Token};
use super::desk::{Desk, order, order_or_none};
use super::error::CliError;
use super::names;
use super::output::say;
use super::table::{Column, Sheet, minute};
use crate::admin::office::{NewToken, Office, OfficeError};
use crate::admin::shown::{self, time};

pub(super) async fn run(args: &Token) -> Result<(), CliError> {
    match args {
        Token::Create(args) => create(args).await,
        Token::List(access) => list(access).await,
        Token::Revoke(args) => revoke(args).await,
    }
}

async fn create(args: &Create) -> Result<(), CliError> {
    let desk = Desk::open(&args.access).await?;
    let new =
        NewToken { name: args.name.clone(), role: args.role, days: args.expires, not_after: None };
    let order = order_or_none(args.why.as_deref());
    let made = desk.office.create_token(new, &order).await.map_err(|error| match error {
        // As it was typed, not as the API has it.
        OfficeError::Invalid { field: "days", message } => {
            CliError::Said(format!("--expires, in days, {message}"))
        }
        error => desk.said(error),
    })?;
    desk.print(&made, |made| {
        table(std::slice::from_ref(&made.token), &time(desk.office.now()));
        say(format_args!("\nThe token, which is not shown again:\n{}", made.secret));
    })
}

async fn list(access: &Access) -> Result<(), CliError> {
    let desk = Desk::open(access).await?;
    let tokens = desk.all(async |office: &Office, page| office.tokens(&page).await).await?;
    desk.print(&tokens, |tokens| {
        if tokens.items.is_empty() {
            return say("there are no tokens");
        }
        table(&tokens.items, &time(desk.office.now()));
    })
}

async fn revoke(args: &Revoke) -> Result<(), CliError> {
    let desk = Desk::open(&args.access).await?;
    let tokens = desk.all(async |office: &Office, page| office.tokens(&page).await).await?;
    let id = names::token(&tokens.items, &args.token)?;
    let order = order(&args.why.why);
    desk.office.revoke_token(&id, &order).await.map_err(|error| desk.said(error))?;
    desk.tell(format_args!("token {id} is of no use any more"));
    Ok(())
}

fn table(tokens: &[shown::Token], now: &str) {
    let mut sheet = Sheet::new(&[
        Column::Word("ID"),
        Column::Text("NAME"),
        Column::Word("ROLE"),
        Column::Word("MADE (UTC)"),
        Column::Text("BY"),
        Column::Word("ENDS (UTC)"),
    ]);
    for token in tokens {
        // Both are in one form, which sorts as time does.
        let over = if token.expires_at.as_str() <= now { ", over" } else { "" };
        sheet.row([
            token.id.clone(),
            token.name.clone(),
            token.role.to_string(),
            minute(&token.created_at),
            token.created_by.clone(),
            format!("{}{over}", minute(&token.expires_at)),
        ]);
    }
    sheet.print();
}
