//! Prometheus' own text format. In that of OpenMetrics a gauge and a counter cannot share a name,
//! as `noisegate_sessions` and `noisegate_sessions_total` do.

use std::fmt::Write;

use prometheus_client::encoding::text::encode_registry;
use prometheus_client::registry::Registry;

/// What the answer is called in its header.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All metrics of a registry.
pub(super) fn of(registry: &Registry) -> String {
    let mut open = String::new();
    let Ok(()) = encode_registry(&mut open, registry) else { return String::new() };
    let mut text = String::with_capacity(open.len());
    let mut help = None;
    for line in open.lines() {
        if let Some(told) = line.strip_prefix("# HELP ") {
            help = told.split_once(' ').map(|(_, help)| help);
        } else if let Some((name, kind)) =
            line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            let (suffix, kind) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                other => ("", other),
            };
            let help = help.take().unwrap_or_default();
            let _infallible = writeln!(text, "# HELP {name}{suffix} {help}");
            let _infallible = writeln!(text, "# TYPE {name}{suffix} {kind}");
        } else {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}
