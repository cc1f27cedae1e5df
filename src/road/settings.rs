//! The settings of noisegate's own that a session names.

use noisegate_privacy::budget::Epsilon;

use super::gate::Gate;
use super::payment::no_analyst;
use super::{Asked, accuracy};
use crate::error::{Code, Refusal};

/// The ε that a session asks at, if its setting can be used.
pub(super) fn session_epsilon(gate: &Gate, asked: &Asked<'_>) -> Option<Epsilon> {
    let terms = gate.policy.terms(&asked.analyst.0)?;
    let max = Epsilon::parse(&terms.epsilon_max).ok()?;
    match &asked.settings.epsilon {
        Some(text) => checked_epsilon(text, &max).ok(),
        None => Epsilon::parse(&terms.epsilon_default).ok(),
    }
}

/// Reads `noisegate.epsilon` and holds it to the policy's maximum.
pub(super) fn checked_epsilon(text: &str, max: &Epsilon) -> Result<Epsilon, Refusal> {
    let refused = |sentence: String| {
        Refusal::new(
            Code::Setting,
            sentence,
            format!("Give a decimal number above 0 and up to {max}, such as '0.1'."),
        )
    };
    let epsilon = Epsilon::parse(text)
        .map_err(|_| refused("noisegate.epsilon is not a number that can be used.".to_owned()))?;
    if epsilon.value() > max.value() {
        return Err(refused(format!("noisegate.epsilon may be at most {max} for one query.")));
    }
    Ok(epsilon)
}

/// Checks the value of a setting of noisegate's own.
pub fn check_setting(
    gate: &Gate,
    asked: &Asked<'_>,
    name: &str,
    value: &str,
) -> Result<(), Refusal> {
    match name {
        "epsilon" => {
            let terms = gate.policy.terms(&asked.analyst.0).ok_or_else(no_analyst)?;
            let max = Epsilon::parse(&terms.epsilon_max).map_err(|_| no_analyst())?;
            if value.is_empty() || value.eq_ignore_ascii_case("default") {
                return Ok(());
            }
            checked_epsilon(value, &max).map(drop)
        }
        "accuracy" => {
            let unset = value.is_empty() || value.eq_ignore_ascii_case("default");
            if unset { Ok(()) } else { accuracy::parse(value).map(drop) }
        }
        "notices" | "intervals" => {
            let known = ["on", "off", "true", "false", "yes", "no", "0", "1", "default"];
            if known.contains(&value.to_ascii_lowercase().as_str()) {
                return Ok(());
            }
            Err(Refusal::new(
                Code::Setting,
                format!("noisegate.{name} is on or off."),
                format!("SET noisegate.{name} = off"),
            ))
        }
        other => Err(Refusal::new(
            Code::Setting,
            format!("There is no setting noisegate.{other}."),
            "The settings are noisegate.epsilon, noisegate.accuracy, noisegate.intervals and \
             noisegate.notices.",
        )),
    }
}
