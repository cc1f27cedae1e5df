use dashu::integer::UBig;
use dashu::rational::RBig;
use proptest::prelude::*;

use super::*;

fn epsilon(text: &str) -> Epsilon {
    Epsilon::parse(text).unwrap()
}

fn delta(text: &str) -> Delta {
    Delta::parse(text).unwrap()
}

#[test]
fn costs_are_whole_units_rounded_up() {
    assert_eq!(epsilon("0.1").cost().to_string(), "100000000000");
    assert_eq!(epsilon("1e-30").cost().to_string(), "1");
    assert_eq!(epsilon("1.0000000000001").cost().to_string(), "1000000000001");
    assert_eq!(Rho::of_epsilon(&epsilon("0.1")).cost().to_string(), "5000000000");
    assert_eq!(delta("1e-6").cost().to_string(), "1000000000000");
    assert_eq!(delta("1e-19").cost().to_string(), "1");
}

#[test]
fn ten_tenths_are_one() {
    let tenth = epsilon("0.1").cost();
    let spent = (0..10).fold(Amount::ZERO, |sum, _| &sum + &tenth);
    let limit = Limit::new(Accountant::Pure, &epsilon("1"), &delta("1e-6"), (1, 10));
    assert_eq!(spent, limit.epsilon);
    assert_eq!((limit.rho, limit.delta), (Amount::ZERO, Amount::ZERO));
}

#[test]
fn a_tenth_of_delta_pays_for_thresholds() {
    let limit = Limit::new(Accountant::Zcdp, &epsilon("1"), &delta("1e-6"), (1, 10));
    assert_eq!(limit.delta.to_string(), "100000000000");
    // The tight conversion at δ = 9e-7, computed with fifty digits: 0.0241296223448730…
    assert_eq!(limit.rho.to_string(), "24129622344");
    assert_eq!(limit.epsilon, Amount::ZERO);
}

#[test]
fn no_share_and_every_share_have_a_meaning() {
    let of = |share| Limit::new(Accountant::Zcdp, &epsilon("1"), &delta("1e-6"), share);
    assert_eq!(of((0, 1)).delta, Amount::ZERO);
    assert_eq!(of((1, 0)), of((0, 1)));
    assert_eq!(of((3, 2)).rho, Amount::ZERO);
    assert_eq!(of((3, 2)).delta, delta("1e-6").cost());
}

/// The counting queries of standard deviation 100 that (1, 1e-6) answers; with the simple
/// conversion it would be 349, and more than 560 would be wrong for any accountant.
#[test]
fn four_hundred_and_eighty_seven_counts() {
    let limit = Limit::new(Accountant::Zcdp, &epsilon("1"), &delta("1e-6"), (0, 1));
    let each = Rho::of_epsilon(&epsilon("0.01")).cost();
    let mut spent = Amount::ZERO;
    let mut answered = 0;
    while &spent + &each <= limit.rho {
        spent = &spent + &each;
        answered += 1;
    }
    assert_eq!(answered, 487);
}

#[test]
fn nothing_paid_buys_nothing() {
    assert_eq!(Rho::from_cost(&Amount::ZERO), None);
    assert_eq!(Epsilon::from_cost(&Amount::ZERO), None);
    assert_eq!(Delta::from_cost(&Amount::ZERO), None);
    let all = Amount::from_units(UBig::from(10u8).pow(18));
    assert_eq!(Delta::from_cost(&all), None, "a δ of one is no guarantee");
}

#[test]
fn parts_add_up() {
    let third = epsilon("1").split(3);
    assert_eq!(third.to_string(), "1/3");
    assert_eq!(third.value() * RBig::from(3), RBig::ONE);
    assert_eq!(epsilon("1").split(0), epsilon("1"));
    assert_eq!(delta("0.3").split(3), delta("0.1"));
    assert_eq!(Rho::of_epsilon(&epsilon("2")).split(4).to_string(), "0.5");
}

#[test]
fn what_remains_beside_a_part_is_the_rest_and_never_nothing() {
    let (whole, part, rest) = (epsilon("1"), epsilon("0.25"), epsilon("0.75"));
    assert_eq!((whole.without(&part), whole.without(&rest)), (Some(rest), Some(part.clone())));
    assert_eq!((whole.without(&whole), part.without(&whole)), (None, None));
    let rho = |text: &str| Rho::of_epsilon(&epsilon(text));
    let remains = rho("2").without(&rho("1"));
    assert_eq!(remains.unwrap().to_string(), "1.5");
    assert_eq!((rho("1").without(&rho("1")), rho("1").without(&rho("2"))), (None, None));
}

/// Decimal text of a parameter between 10⁻²⁹ and 10³⁹.
fn parameter() -> impl Strategy<Value = String> {
    ("[1-9][0-9]{0,30}", -29..9).prop_map(|(digits, exponent)| format!("{digits}e{exponent}"))
}

proptest! {
    #[test]
    fn a_cost_is_the_least_whole_number_of_units(text in parameter()) {
        let epsilon = epsilon(&text);
        let exact = epsilon.value() * RBig::from(PICO);
        let cost = RBig::from(epsilon.cost().units().clone());
        prop_assert!(cost >= exact && cost < exact + RBig::ONE && cost >= RBig::ONE);
        let rho = Rho::of_epsilon(&epsilon);
        let paid = Rho::from_cost(&rho.cost()).unwrap();
        prop_assert!(paid >= rho);
        prop_assert_eq!(paid.cost(), rho.cost());
    }

    #[test]
    fn a_pure_limit_is_the_greatest_whole_number_of_units(text in parameter()) {
        let epsilon = epsilon(&text);
        let limit = Limit::new(Accountant::Pure, &epsilon, &delta("1e-6"), (1, 10)).epsilon;
        let limit = RBig::from(limit.units().clone());
        let exact = epsilon.value() * RBig::from(PICO);
        prop_assert!(limit <= exact && limit > exact - RBig::ONE);
    }

    #[test]
    fn thresholds_and_conversion_share_delta(digits in 1_u64..1_000_000, part in 0_u32..9) {
        let delta = delta(&format!("{digits}e-21"));
        let limit = Limit::new(Accountant::Zcdp, &epsilon("1"), &delta, (part, 9));
        let share = delta.value() * RBig::from(part) / RBig::from(9);
        let units = RBig::from(limit.delta.units().clone());
        prop_assert!(units <= share * RBig::from(ATTO));
    }

    #[test]
    fn what_is_shown_reads_back(text in parameter()) {
        let epsilon = epsilon(&text);
        prop_assert_eq!(&Epsilon::parse(&epsilon.to_string()).unwrap(), &epsilon);
    }
}

#[test]
fn an_amount_is_digits_and_what_is_left_of_it_is_none_or_more() {
    let parsed = |text: &str| Amount::parse(text).map(|amount| amount.to_string());
    assert_eq!(parsed("0120").as_deref(), Some("120"));
    // What a number's parser takes besides.
    for wrong in ["", "+1", "-1", "1_0", " 1", "1.5", "0x1", "1e3", "a"] {
        assert_eq!(parsed(wrong), None, "{wrong}");
    }
    assert_eq!(parsed(&"9".repeat(400)), Some("9".repeat(400)));
    assert_eq!(parsed(&"9".repeat(401)), None);
    let amount = |units: u32| Amount::from_units(units.into());
    assert_eq!(amount(5).minus(&amount(3)), amount(2));
    assert!(amount(3).minus(&amount(5)).is_zero() && amount(5).minus(&amount(5)).is_zero());
    assert!(!amount(1).is_zero());
    assert_eq!(&amount(5) + &amount(3), amount(8));
}

#[test]
fn no_parts_are_one_part() {
    let (epsilon, delta) = (Epsilon::parse("0.5").unwrap(), Delta::parse("1e-6").unwrap());
    let rho = Rho::of_epsilon(&epsilon);
    assert_eq!((epsilon.split(0), delta.split(0), rho.split(0)), (epsilon, delta, rho));
}
