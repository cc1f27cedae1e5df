//! All that can fail, or happen in the middle.

use std::time::Duration;

use noisegate::ledger::Change;

use crate::asks::{ANALYSTS, DAY, SHOP, TEAMS, amount, window};
use crate::between::Order;
use crate::chaos::{Chaos, PROCESSES};
use crate::limits;

/// Each says whether it happened: some need somebody to whom it can happen.
pub(crate) type Fault = fn(&mut Chaos) -> bool;

pub(crate) const FAULTS: [(&str, Fault); 16] = [
    ("processes killed", kill),
    ("sessions ended", end_session),
    ("servers crashed", crash_server),
    ("disks full", fill_disk),
    ("sockets cut", cut_sockets),
    ("half-open connections", leave_half_open),
    ("acknowledgements lost", lose_acknowledgement),
    ("charges left unknown", lose_sight),
    ("clocks set ahead", set_ahead),
    ("clocks set back", set_back),
    ("clocks far ahead accepted", accept_ahead),
    ("clocks set back accepted", accept_back),
    ("accounts frozen", freeze),
    ("accounts capped", cap),
    ("grants", grant),
    ("decisions unacknowledged", lose_decision),
];

fn process(chaos: &mut Chaos) -> usize {
    chaos.below(PROCESSES as u64)
}

fn kill(chaos: &mut Chaos) -> bool {
    let number = process(chaos);
    chaos.kill(number);
    chaos.start(number);
    true
}

/// Of the sessions of a process, the oldest or the one after it.
fn end_session(chaos: &mut Chaos) -> bool {
    let (number, which) = (process(chaos), chaos.below(2));
    let sql = format!(
        "WITH own AS (SELECT pid, row_number() OVER (ORDER BY backend_start, pid) - 1 AS place,
             count(*) OVER () AS count
             FROM pg_stat_activity WHERE usename = 'proxy_{number}')
         SELECT pg_terminate_backend(pid) FROM own WHERE place = least({which}, count - 1)"
    );
    chaos.until(|chaos| !chaos.rows(&sql).is_empty())
}

fn crash_server(chaos: &mut Chaos) -> bool {
    chaos.server.kill();
    chaos.pause(0, 500);
    chaos.server.restart().unwrap();
    true
}

/// The server's processes that serve the proxies can write no further than the beginning of any
/// file, until one of them has noticed. One that cannot write its log takes the server down with
/// it, as on a disk that is full; the next processes are not limited.
fn fill_disk(chaos: &mut Chaos) -> bool {
    // The server's own log may be too large as well; but whoever asks is told.
    let noticed = |chaos: &Chaos| chaos.told.lock().unwrap().count("full");
    let before = noticed(chaos);
    let sql = "SELECT pid FROM pg_stat_activity WHERE usename LIKE 'proxy_%'";
    let mut limited = Vec::new();
    let happened = chaos.until(|chaos| {
        let pids: Vec<i32> = chaos.rows(sql).iter().map(|row| row.get(0)).collect();
        limits::files(&chaos.server, limits::FULL, &pids);
        limited.extend(pids);
        noticed(chaos) > before
    });
    limits::files(&chaos.server, limits::NONE, &limited);
    happened
}

fn cut_sockets(chaos: &mut Chaos) -> bool {
    let number = process(chaos);
    chaos.until(|chaos| chaos.proxies[number].between.order(Order::Cut) > 0)
}

fn leave_half_open(chaos: &mut Chaos) -> bool {
    let number = process(chaos);
    let side = chaos.below(3);
    // The longer ones outlast every timeout of the ledger.
    let ms = 300 + chaos.random.below(1000) + if chaos.below(4) == 0 { 17_000 } else { 0 };
    let time = Duration::from_millis(if chaos.long { ms } else { ms % 1300 });
    let order = match side {
        0 => Order::ServerGone(time),
        1 => Order::ClientGone(time),
        _ => Order::Silent(time),
    };
    chaos.until(|chaos| chaos.proxies[number].between.order(order) > 0)
}

/// With the server in reach afterwards, so that it is found out what happened.
fn lose_acknowledgement(chaos: &mut Chaos) -> bool {
    let number = process(chaos);
    let mark = chaos.audit.mark;
    chaos.set_clock(number, mark);
    let before = chaos.proxies[number].between.swallowed();
    chaos.proxies[number].between.swallow(Duration::ZERO);
    chaos.until(|chaos| chaos.proxies[number].between.swallowed() > before)
}

/// With the server out of reach afterwards: nobody knows, asks again, and is told that it happened.
fn lose_sight(chaos: &mut Chaos) -> bool {
    let number = process(chaos);
    let away = Duration::from_millis(100 + chaos.random.below(300));
    let before = chaos.told.lock().unwrap().repeated.len();
    let mut polls = 0..;
    chaos.until(|chaos| {
        // Not every commit is one of charges. In between there is time to ask again; and where all
        // accounts are empty nothing is charged before their windows begin anew.
        if let Some(poll) = polls.next().filter(|poll: &i64| poll % 30 == 0) {
            let mark = chaos.audit.mark + if poll > 0 { DAY } else { 0 };
            chaos.set_clock(number, mark);
            chaos.proxies[number].between.swallow(away);
        }
        chaos.told.lock().unwrap().repeated.len() > before
    })
}

/// Within what a clock may jump.
fn set_ahead(chaos: &mut Chaos) -> bool {
    let (number, days) = (process(chaos), chaos.below(12));
    let to = chaos.audit.mark + i64::try_from(days + 1).unwrap() * DAY;
    chaos.set_clock(number, to);
    true
}

/// Never believed.
fn set_back(chaos: &mut Chaos) -> bool {
    let (number, days) = (process(chaos), chaos.below(400));
    let to = chaos.audit.mark - i64::try_from(days + 1).unwrap() * DAY;
    chaos.set_clock(number, to);
    true
}

/// Further than a clock may jump, so the process is refused everything, until an operator says that
/// it is so late.
fn accept_ahead(chaos: &mut Chaos) -> bool {
    let (number, days) = (process(chaos), chaos.below(400));
    let to = chaos.audit.mark + i64::try_from(days + 40).unwrap() * DAY;
    let before = chaos.told.lock().unwrap().count("clock");
    chaos.set_clock(number, to);
    if !chaos.until(|chaos| chaos.told.lock().unwrap().count("clock") > before) {
        return false;
    }
    chaos.office.accept_clock(&chaos.runtime, to);
    true
}

/// An operator sets the time back. Windows that were full are so still.
fn accept_back(chaos: &mut Chaos) -> bool {
    let (one, days) = (process(chaos), chaos.below(60));
    let to = chaos.audit.mark - i64::try_from(days + 1).unwrap() * DAY;
    chaos.office.accept_clock(&chaos.runtime, to);
    // Others, whose clocks are ahead of it, bring it forward again or are refused.
    for number in 0..PROCESSES {
        if chaos.below(2) == 0 || number == one {
            chaos.set_clock(number, to);
        }
    }
    true
}

/// An account whose window ends.
fn windowed(chaos: &mut Chaos) -> String {
    match chaos.below(ANALYSTS + TEAMS) as u64 {
        team @ 0..TEAMS => format!("data_team/{team}"),
        analyst => format!("each_analyst/{}", analyst - TEAMS),
    }
}

fn freeze(chaos: &mut Chaos) -> bool {
    let account = if chaos.below(2) == 0 { SHOP.to_owned() } else { windowed(chaos) };
    let time = Duration::from_millis(100 + chaos.random.below(400));
    // So that there is room to charge, and a freeze is all that hinders.
    chaos.audit();
    chaos.office.freeze(&chaos.runtime, &account, time);
    true
}

fn cap(chaos: &mut Chaos) -> bool {
    let (account, most) = (windowed(chaos), chaos.random.below(100));
    chaos.office.decide(&chaos.runtime, &account, &Change::Cap(Some(amount(most))));
    if chaos.below(2) == 0 {
        chaos.pause(100, 300);
        chaos.office.decide(&chaos.runtime, &account, &Change::Cap(None));
    }
    true
}

fn grant(chaos: &mut Chaos) -> bool {
    let account = windowed(chaos);
    let epsilon = amount(20 + chaos.random.below(50));
    let window = window(&account);
    chaos.office.decide(&chaos.runtime, &account, &Change::Grant { epsilon, window });
    true
}

fn lose_decision(chaos: &mut Chaos) -> bool {
    let away = Duration::from_millis(300 * chaos.random.below(2));
    let before = chaos.office.between.swallowed();
    chaos.office.between.swallow(away);
    grant(chaos) && chaos.office.between.swallowed() > before
}
