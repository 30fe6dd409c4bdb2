//! What supervision costs: open+close and stat of one file, bare and supervised, in one container of the tests.
//!
//! `cargo bench -p supervisor --bench files`. Each figure is the median of several runs, in microseconds for one call.

mod bare;
#[path = "../tests/files/guard.rs"]
mod guard;
#[path = "../tests/files/sys.rs"]
mod sys;
#[path = "../tests/files/victim.rs"]
mod victim;
#[path = "../tests/files/world.rs"]
#[expect(dead_code, reason = "the benchmark needs one kind of world")]
mod world;

use std::sync::Once;
use std::time::Instant;

const RUNS: usize = 11;
const CALLS: u32 = 4000;

fn main() {
    println!("microseconds for one call:{:16}native  bare loop  supervised", "");
    for (name, body) in [
        ("open+close /etc/passwd", open as fn()),
        ("stat /etc/passwd", stat),
        ("open of a missing file", missing),
        ("open+close of a relative name", relative),
        ("open+close /proc/self/stat", own_proc),
        ("open+close /etc/passwd as uid 1000", open_as_user),
    ] {
        let native = median(&victim::run(None, || measure(body)));
        let bare = ["open+close /etc/passwd", "stat /etc/passwd"].contains(&name).then(|| {
            median(&victim::run_under(world::Walls::Pids, Some(bare::serve), || measure(body)))
        });
        let bare = bare.map_or("-".to_owned(), |figure| format!("{figure:.2}"));
        let supervised = median(&victim::run(Some(guard::PERMIT), || measure(body)));
        println!("{name:40} {native:7.2} {bare:>10} {supervised:11.2}");
    }
}

fn measure(body: fn()) -> Vec<u8> {
    std::env::set_current_dir("/etc").unwrap();
    let run = |_| {
        let start = Instant::now();
        (0..CALLS).for_each(|_| body());
        (start.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS)).to_ne_bytes()
    };
    (0..RUNS).flat_map(run).collect()
}

fn median(bytes: &[u8]) -> f64 {
    let mut figures: Vec<_> =
        bytes.as_chunks::<8>().0.iter().map(|word| f64::from_ne_bytes(*word)).collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn open_close(path: &std::ffi::CStr) {
    let fd = sys::call(libc::SYS_open, [path.as_ptr() as u64, 0, 0, 0, 0, 0]);
    if fd >= 0 {
        drop(sys::take(fd));
    }
}

fn open() {
    open_close(c"/etc/passwd");
}

/// Becomes user 1000, who has no capabilities, at the first call.
fn open_as_user() {
    static BECOME: Once = Once::new();
    BECOME.call_once(|| nix::unistd::setuid(1000.into()).unwrap());
    open();
}

fn relative() {
    open_close(c"passwd");
}

fn missing() {
    open_close(c"/etc/missing");
}

fn own_proc() {
    open_close(c"/proc/self/stat");
}

fn stat() {
    let mut buffer = [0_u8; 144];
    let arguments = [c"/etc/passwd".as_ptr() as u64, buffer.as_mut_ptr() as u64, 0, 0, 0, 0];
    assert_eq!(sys::call(libc::SYS_stat, arguments), 0);
}
