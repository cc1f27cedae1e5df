//! What a running proxy cannot take from another policy.

use super::meant::Policy;

/// The keys that differ and that count only when a proxy starts: where it listens, and where its
/// databases and files are.
pub fn fixed_keys(old: &Policy, new: &Policy) -> Vec<&'static str> {
    let (old, new) = (&old.server, &new.server);
    let keys = [
        ("server.listen", old.listen == new.listen),
        ("server.admin", old.admin == new.admin),
        ("server.source", old.source == new.source),
        ("server.source_password_file", old.source_password_file == new.source_password_file),
        ("server.shadow", old.shadow == new.shadow),
        ("server.shadow_password_file", old.shadow_password_file == new.shadow_password_file),
        ("server.shadow_analyst", old.shadow_analyst == new.shadow_analyst),
        (
            "server.shadow_analyst_password_file",
            old.shadow_analyst_password_file == new.shadow_analyst_password_file,
        ),
        ("server.ledger", old.ledger == new.ledger),
        ("server.ledger_password_file", old.ledger_password_file == new.ledger_password_file),
        ("server.state", old.state == new.state),
        ("server.tls", old.tls == new.tls),
        ("server.admin_tls", old.admin_tls == new.admin_tls),
    ];
    let mut fixed: Vec<_> =
        keys.into_iter().filter(|(_, same)| !same).map(|(key, _)| key).collect();
    // A key that is new here and is forgotten above.
    if fixed.is_empty() && old != new {
        fixed.push("server");
    }
    fixed
}
