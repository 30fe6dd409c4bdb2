//! Prints the list at the end of `CHECKS.md`: `cargo run -p policy --example codes`.

fn main() {
    print!("{}", policy::diagnostic::reference());
}
