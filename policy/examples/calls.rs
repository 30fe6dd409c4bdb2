//! Prints the table at the end of `CALLS.md`: `cargo run -p policy --example calls`.

fn main() {
    print!("{}", policy::registry::reference());
}
