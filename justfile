# The same recipes at the desk and in CI. `just --list` shows them.

# Formatting, lints, documentation, tests
check: format lint doc test

format:
    cargo fmt --check

lint:
    cargo clippy --all-targets --locked -- -D warnings

doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --locked

test:
    cargo test --locked

# Format, lints, types and tests of the scripts; needs Python 3.11, installs the rest
scripts:
    scripts/lint

# Licences, advisories and sources of the dependencies; needs cargo-deny
deny:
    cargo deny check

# All benchmarks, in full; a baseline: just bench --save-baseline main
bench *arguments:
    cargo bench --bench round_trip --bench limits --bench engine -- {{arguments}}

# All benchmarks, in about four minutes
bench-quick:
    cargo bench --bench round_trip --bench limits --bench engine -- --quick --noplot
    cargo bench --bench side_by_side -- --quick

# Against Python's gRPC, in both directions; needs Python 3
interop:
    scripts/interop/run

# Size limits, set and found, of every implementation that can be built here; python,node,go,java
matrix *arguments:
    scripts/interop/matrix {{arguments}}

# Limits of nginx in front of a server, set and found; needs nginx
proxy:
    scripts/interop/proxy

# Connections that Node and nginx close in order, with grpc-go's client beside ours; needs node, nginx, go
goaway:
    cargo build --release
    scripts/interop/goaway target/release/plimsoll

# This tree against another commit: did it make the server slower?
gate *arguments:
    scripts/ci-gate {{arguments}}

# Sizes, allocations and instructions as expected? --update writes what is measured; wants Debian's valgrind
deterministic *arguments:
    scripts/deterministic-gate {{arguments}}

# How often the gate is wrong: an hour and a half on an idle machine
gate-proof folder: build
    scripts/gate-proof/collect target/release/plimsoll {{folder}}
    cargo run --release --example gate_error_rates -- {{folder}}

# Figures against arithmetic, on the clock; wants an idle machine and Python 3
figures: build
    scripts/check-figures

# Against h2load, ghz and the stub; needs Python 3 and Debian's nghttp2-client
versus *arguments:
    scripts/versus-peers {{arguments}}

# Ten minutes of each fuzz target; needs nightly and cargo-fuzz
fuzz:
    mkdir -p fuzz/corpus/connection fuzz/corpus/uploads fuzz/corpus/frames_and_headers
    cargo +nightly fuzz run connection fuzz/corpus/connection fuzz/seeds/connection -- -max_total_time=600
    cargo +nightly fuzz run uploads fuzz/corpus/uploads fuzz/seeds/connection -- -max_total_time=600
    cargo +nightly fuzz run frames_and_headers fuzz/corpus/frames_and_headers fuzz/seeds/frames_and_headers -- -max_total_time=600

build:
    cargo build --release --locked

# What CI runs
ci:
    .ci/run
