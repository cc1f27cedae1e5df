//! Random leaves.

use noisegate_privacy::IBig;
use noisegate_privacy::expr::Type;
use noisegate_privacy::plan::{Bounds, Domain, Exposure, Key, Leaf, Statistic};
use noisegate_privacy::quantiles::Bins;

use super::Dice;

use super::expressions::{condition, number, tree};
use super::scans::{Around, any_column, column, known};

/// A random leaf. Many are to be refused.
pub(crate) fn leaf(dice: &mut Dice<'_>, by_code: bool) -> Leaf {
    let mut around = Around { scans: Vec::new(), by_code, depth: [1, 2, 2, 3, 3][dice.roll(5)] };
    let count = 1 + dice.roll(4);
    let joins = tree(dice, &mut around, count);
    let over = joins.scans();
    let filter = (0..dice.roll(3)).map(|_| condition(dice, &mut around, &over, 2)).collect();
    let mut keys: Vec<Key> = (0..dice.roll(3)).map(|_| key(dice, &mut around, &over)).collect();
    if keys.iter().any(|key| key.domain == Domain::Found) {
        for key in &mut keys {
            key.domain = Domain::Found;
        }
    }
    let statistics = (0..=dice.roll(3)).map(|_| statistic(dice, &mut around, &over)).collect();
    Leaf { scans: around.scans, joins, filter, keys, statistics }
}

fn key(dice: &mut Dice<'_>, around: &mut Around, over: &[usize]) -> Key {
    let column = any_column(dice, &around.scans, over);
    let scan = column.as_column().unwrap().scan;
    match dice.roll(5) {
        0 if column.ty == Type::Int(4) => {
            let some = |value: &str| Some(value.to_owned());
            let values = [vec![some("1"), some("2"), some("01")], vec![some("0"), None, some("3")]];
            Key { expr: column, domain: Domain::Declared(dice.pick(&values).clone()) }
        }
        1 if column.ty == Type::Int(4) => {
            let domain =
                Domain::PublicColumn("public".to_owned(), "places".to_owned(), "region".to_owned());
            Key { expr: column, domain }
        }
        2 if around.scans[scan].exposure == Exposure::Public => {
            Key { expr: column, domain: Domain::PublicRows }
        }
        3 => Key { expr: condition(dice, around, over, 1), domain: Domain::Found },
        _ => Key { expr: column, domain: Domain::Found },
    }
}

fn statistic(dice: &mut Dice<'_>, around: &mut Around, over: &[usize]) -> Statistic {
    let filter = if dice.one_in(3) { Some(condition(dice, around, over, 1)) } else { None };
    match dice.roll(6) {
        5 => {
            let value = number(dice, around, over, 2);
            let (low, high) = *dice.pick(&[(0, 10), (-7, 4), (3, 9), (0, 0), (-600, 600)]);
            let most = [4, 40, 8192][dice.roll(3)];
            let scale = u32::try_from(dice.roll(3)).unwrap();
            let bins = Bins::over(scale, IBig::from(low), IBig::from(high), most);
            Statistic::Histogram { filter, value, bins }
        }
        4 => {
            let scan = *dice.pick(over);
            let all = known(&around.scans[scan]);
            let value = match (dice.roll(3), all.as_slice()) {
                (0, _) | (_, []) => number(dice, around, over, 1),
                (_, all) => {
                    let name = all[dice.roll(all.len())].name.clone();
                    column(&around.scans, scan, &name)
                }
            };
            let most = [None, None, Some(1), Some(2)][dice.roll(4)];
            Statistic::Distinct { filter, value, most }
        }
        0 => Statistic::Rows { filter, present: None },
        1 => Statistic::Rows { filter, present: Some(number(dice, around, over, 1)) },
        2 => Statistic::Units { filter },
        _ => {
            let value = number(dice, around, over, 2);
            let (low, high) = *dice.pick(&[(0, 10), (-7, 4), (3, 9), (-9, -2), (0, 0)]);
            let centre = [0, 3, -4][dice.roll(3)];
            let [low, high, centre] = [low, high, centre].map(IBig::from);
            let scale = u32::try_from(dice.roll(3)).unwrap();
            Statistic::Sum { filter, value, bounds: Bounds { scale, low, high, centre } }
        }
    }
}
