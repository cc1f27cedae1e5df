//! What must not compile does not, for the reason that is meant: the compiler's words are compared.
//! `TRYBUILD=overwrite cargo test --test compile_fail` accepts new ones.

#[test]
fn misuse_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
