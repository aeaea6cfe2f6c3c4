# Image of the static binary: nothing else is in it.
#
#   scripts/image                      builds the binary and this image without a daemon
#   docker build -t plimsoll .         with the binary of `cargo build --profile image --target x86_64-unknown-linux-musl`
#
# It has no certificates: for https:// targets, mount some and give --cacert FILE.
FROM scratch
ARG BINARY=target/x86_64-unknown-linux-musl/image/plimsoll
COPY ${BINARY} /plimsoll
USER 65532:65532
WORKDIR /results
ENTRYPOINT ["/plimsoll"]
