//! Compiles the proto without protoc, keeps its descriptor for reflection, and passes the commit to the
//! build.

use std::{env, error::Error, fs, path::PathBuf, process::Command};

use prost::Message;

const PROTO: &str = "proto/format_data.proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={PROTO}");
    let descriptors = protox::compile([PROTO], ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("format_data.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    note_commit();
    Ok(())
}

/// Sets `PLIMSOLL_COMMIT`. A build outside git has no commit, and leaves the variable unset.
fn note_commit() {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    for file in ["HEAD", "logs/HEAD"] {
        if let Some(path) = git(&["rev-parse", "--git-path", file]) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    if let Some(commit) = git(&["rev-parse", "HEAD"]) {
        println!("cargo::rustc-env=PLIMSOLL_COMMIT={commit}");
    }
}
