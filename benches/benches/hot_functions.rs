//! How long the hot functions take and how often they allocate.

use divan::{AllocProfiler, Bencher};
use odp_benches::hot;

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

#[divan::bench(args = hot::NAMES)]
fn hot_function(bencher: Bencher<'_, '_>, name: &str) {
    let mut hot = hot::by_name(name).expect("the name is one of the list");
    bencher.bench_local(|| hot.run());
}
