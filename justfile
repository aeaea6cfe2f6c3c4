# The same recipes at the desk and in CI. `just --list` shows them.

binary := "target/release/plimsoll"

# Formatting, lints, documentation, tests
check: format lint doc test

# Whatever CI runs, in this order. The README's test command comes last
ci: format lint scripts doc main-command examples interop-and-image pages readers figures-short beside-the-counts second-suite test

format:
    cargo fmt --check

# With the command, and as a library without it
lint:
    cargo clippy --all-targets --locked -- -D warnings
    cargo clippy --lib --no-default-features --locked -- -D warnings

# Format, lints and types of the scripts; needs Python 3
scripts:
    scripts/lint

doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --locked

build:
    cargo build --release --locked

# The README's first command, short, and its result read again
main-command:
    cargo run --release --locked -- run -z 3s -o target/ci-result.json
    {{binary}} report target/ci-result.json >/dev/null
    {{binary}} run -q -r 500 -z 2s --assert 'errors==0' --assert 'answered==1000'

# The five examples of the library
examples: build
    cargo run --release --locked --quiet --example measure_a_server
    cargo run --release --locked --quiet --example p99_in_a_test
    cargo run --release --locked --quiet --example reference_server_in_process
    cargo run --release --locked --quiet --example gate_two_servers
    cargo run --release --locked --quiet --example own_report -- target/ci-result.json

# Other implementations of gRPC on the other side: Python, Node, Java, nginx, grpc-go, etcd; needs Python 3
interop: build
    scripts/interop/run {{binary}}
    scripts/interop/matrix {{binary}} --peers python,node
    # 77: nginx is missing, nothing was checked
    scripts/interop/proxy {{binary}} || [ $? -eq 77 ]
    scripts/interop/goaway {{binary}}
    scripts/interop/methods {{binary}}
    scripts/interop/tls {{binary}}

# The other implementations wait for their processes most of the time, so the image is built beside them
[parallel]
interop-and-image: interop image

# Pages in Debian's chromium. 77: chromium or Node is missing
pages: build
    scripts/check-report {{binary}} || [ $? -eq 77 ]

# Many machines: launchers, a real Slurm, the manifests for Kubernetes. 77: Slurm or kubectl is missing
scale: build
    scripts/interop/launchers {{binary}}
    scripts/slurm-check {{binary}} || [ $? -eq 77 ]
    scripts/kubernetes-check {{binary}} || [ $? -eq 77 ]

# The container image, built without a daemon, and run. 77: a tool is missing
image:
    nice scripts/image --check || [ $? -eq 77 ]

# Size limits, set and found, of every implementation that can be built here; python,node,go,java
matrix *arguments:
    scripts/interop/matrix {{arguments}}

# Reports of a gate and of a run, read by the programs they are for; needs Python 3
readers: build
    scripts/interop/verdict-readers {{binary}}
    scripts/interop/report-readers {{binary}}
    scripts/history/try

# Sizes, allocations and instructions as expected? --update writes what is measured; wants Debian's valgrind
deterministic *arguments:
    scripts/deterministic-gate {{arguments}}

# Figures against arithmetic, on the clock; wants an idle machine and Python 3
figures: build
    scripts/check-figures

# The stopped server alone. The clock of a shared machine may jump: a wrong figure is wrong twice
figures-short: build
    scripts/check-figures {{binary}} --only stop || scripts/check-figures {{binary}} --only stop

# The everyday tests, as in the README
test:
    cargo test --locked

# The second suite alone, in release: CI runs the everyday tests as in the README
second-suite:
    cargo test --release --locked -- --ignored

# The everyday tests and the second suite, in release
test-all:
    cargo test --release --locked -- --include-ignored

# Counts of instructions do not depend on what else runs, and Slurm's jobs wait for their starts: so the fuzz targets are
# built and run beside them
[parallel]
beside-the-counts: deterministic fuzz-short scale

# All fuzz targets at once, for ten minutes; needs nightly
fuzz:
    scripts/fuzz 600

# All fuzz targets at once, for 30 s. 77: nightly Rust is missing, nothing was fuzzed
fuzz-short:
    scripts/fuzz 30 || [ $? -eq 77 ]

# Licences, advisories and sources of the dependencies; needs cargo-deny
deny:
    cargo deny check

# All benchmarks, in full; a baseline: just bench --save-baseline main
bench *arguments:
    cargo bench --bench round_trip --bench limits --bench engine --bench pages -- {{arguments}}

# All benchmarks, in about four minutes
bench-quick:
    cargo bench --bench round_trip --bench limits --bench engine --bench pages -- --quick --noplot
    cargo bench --bench side_by_side -- --quick

# This tree against another commit: did it make the server slower?
gate *arguments:
    scripts/ci-gate {{arguments}}

# How often the gate is wrong: an hour and a half on an idle machine
gate-proof folder: build
    scripts/gate-proof/collect {{binary}} {{folder}}
    cargo run --release --example gate_error_rates -- {{folder}}

# Against h2load, ghz and the stub; needs Python 3 and Debian's nghttp2-client
versus *arguments:
    scripts/versus-peers {{arguments}}
