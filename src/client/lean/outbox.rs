//! Output of a connection: small frames in one buffer, and references to parts of large bodies.

use std::{collections::VecDeque, io::IoSlice};

use super::{
    frame::{HEAD_BYTES, Head},
    request::Requests,
};

/// Most slices per vectored write. With frames of 16 KiB they are 0.5 MiB, more than a Linux socket accepts
/// at once.
pub const MOST_SLICES: usize = 64;

/// Bytes in the order of writing.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// Bytes of all `Part::Bytes`, after `start` bytes that were already written.
    bytes: Vec<u8>,
    start: usize,
    parts: VecDeque<Part>,
    /// Written bytes of the first part, if it is a body.
    written: usize,
    /// Unwritten bytes of all parts.
    pending: usize,
    /// Bytes that were ever appended, without large bodies.
    framed: u64,
}

#[derive(Debug)]
enum Part {
    /// A number of bytes in `bytes`.
    Bytes(usize),
    /// A DATA frame with part of a body.
    Body(Body),
}

/// A DATA frame whose payload is part of a request's body.
#[derive(Debug)]
struct Body {
    head: [u8; HEAD_BYTES],
    stream: u32,
    message: usize,
    from: u64,
    length: u32,
}

impl Body {
    fn len(&self) -> usize {
        HEAD_BYTES + self.length as usize
    }
}

impl Outbox {
    /// Number of unwritten bytes.
    pub(super) fn pending(&self) -> usize {
        self.pending
    }

    /// Number of frame bytes appended so far, without bodies of large requests. Such frames are never
    /// withdrawn, so this number later shows if a frame appended now was written.
    pub(super) fn framed(&self) -> u64 {
        self.framed
    }

    /// Number of written bytes, on the scale of [`Outbox::framed`].
    pub(super) fn written_frames(&self) -> u64 {
        self.framed - (self.bytes.len() - self.start) as u64
    }

    /// Appends frames with the function `write`.
    pub(super) fn append<T>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let before = self.bytes.len();
        let result = write(&mut self.bytes);
        let added = self.bytes.len() - before;
        self.pending += added;
        self.framed += added as u64;
        match self.parts.back_mut() {
            Some(Part::Bytes(bytes)) => *bytes += added,
            _ if added > 0 => self.parts.push_back(Part::Bytes(added)),
            _ => {}
        }
        result
    }

    /// Appends a DATA frame whose payload is the body of this message from offset `from` on.
    pub(super) fn push_body(&mut self, head: Head, message: usize, from: u64) {
        let Head { stream, length, .. } = head;
        let body = Body { head: head.bytes(), stream, message, from, length };
        self.pending += body.len();
        self.parts.push_back(Part::Body(body));
    }

    /// Removes the DATA frames of a stream whose writing has not begun. Returns the number of their payload
    /// bytes.
    pub(super) fn withdraw(&mut self, stream: u32) -> u64 {
        let mut withdrawn = 0;
        if self.parts.len() <= 1 && !matches!(self.parts.front(), Some(Part::Body(_))) {
            // There are only small calls.
            return 0;
        }
        let mut is_begun = self.written > 0;
        let pending = &mut self.pending;
        self.parts.retain(|part| {
            let is_begun = std::mem::take(&mut is_begun);
            match part {
                Part::Body(body) if body.stream == stream && !is_begun => {
                    withdrawn += u64::from(body.length);
                    *pending -= body.len();
                    false
                }
                _ => true,
            }
        });
        withdrawn
    }

    /// Fills `slices` with the next bytes to write. Returns the number of slices.
    pub(super) fn fill<'a>(
        &'a self,
        requests: &'a Requests,
        slices: &mut [IoSlice<'a>; MOST_SLICES],
    ) -> usize {
        let (mut at, mut skip, mut count) = (self.start, self.written, 0);
        for part in &self.parts {
            let pieces = match part {
                Part::Bytes(bytes) => {
                    let from = at;
                    at += bytes;
                    [&self.bytes[from..at], &[], &[]]
                }
                Part::Body(body) => {
                    let [head, text] =
                        requests.body(body.message, body.from, body.from + u64::from(body.length));
                    [body.head.as_slice(), head, text]
                }
            };
            for piece in pieces {
                let rest = &piece[skip.min(piece.len())..];
                skip -= piece.len() - rest.len();
                if rest.is_empty() {
                    continue;
                }
                let Some(slice) = slices.get_mut(count) else { return count };
                *slice = IoSlice::new(rest);
                count += 1;
            }
        }
        count
    }

    /// Removes written bytes from the front.
    pub(super) fn written(&mut self, bytes: usize) {
        self.pending -= bytes;
        let mut bytes = bytes;
        while let Some(part) = self.parts.front_mut() {
            match part {
                Part::Bytes(left) => {
                    let taken = bytes.min(*left);
                    *left -= taken;
                    self.start += taken;
                    bytes -= taken;
                    if *left > 0 {
                        break;
                    }
                }
                Part::Body(body) => {
                    let left = body.len() - self.written;
                    if bytes < left {
                        self.written += bytes;
                        break;
                    }
                    bytes -= left;
                    self.written = 0;
                }
            }
            self.parts.pop_front();
        }
        if self.start == self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
        } else if self.start > self.bytes.len() / 2 {
            // Each move copies fewer bytes than were written since the last move.
            self.bytes.drain(..self.start);
            self.start = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        client::lean::frame::{flag, kind},
        load::{Plan, Settings, Texts},
    };

    fn requests() -> Requests {
        let texts = Texts::Given { text: "0123456789".repeat(10), path: "text".into() };
        let plan = Plan::new(Settings { texts, ..Settings::default() }).expect("valid");
        Requests::new(&plan, "localhost:1")
    }

    fn head(stream: u32, length: u32) -> Head {
        Head { length, kind: kind::DATA, flags: flag::END_STREAM, stream }
    }

    fn written(outbox: &mut Outbox, requests: &Requests, most: usize) -> Vec<u8> {
        let mut out = Vec::new();
        while outbox.pending() > 0 {
            let mut slices = [IoSlice::new(&[]); MOST_SLICES];
            let count = outbox.fill(requests, &mut slices);
            let bytes: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
            let bytes = &bytes[..bytes.len().min(most)];
            out.extend_from_slice(bytes);
            outbox.written(bytes.len());
        }
        out
    }

    #[test]
    fn frames_that_nobody_has_begun_can_be_withdrawn() {
        let requests = requests();
        let mut outbox = Outbox::default();
        for stream in [1, 3, 1] {
            outbox.push_body(head(stream, 20), 0, 0);
        }
        outbox.written(3);
        assert_eq!(outbox.withdraw(1), 20);
        assert_eq!(outbox.withdraw(3), 20);
        assert_eq!(written(&mut outbox, &requests, 1_000).len(), HEAD_BYTES + 20 - 3);
    }

    proptest! {
        /// For any number of bytes that the socket takes at a time, the output comes once and in order.
        #[test]
        fn bytes_come_out_as_they_went_in(parts in prop::collection::vec((any::<bool>(), 1_u8..60), 1..80), most in 1_usize..200) {
            let requests = requests();
            let mut outbox = Outbox::default();
            let (mut out, mut right) = (Vec::new(), Vec::new());
            for (is_body, length) in parts {
                if is_body {
                    let (head, from) = (head(1, u32::from(length)), u64::from(length) / 3);
                    outbox.push_body(head, 0, from);
                    right.extend_from_slice(&head.bytes());
                    right.extend(requests.body(0, from, from + u64::from(length)).concat());
                } else {
                    outbox.append(|bytes| bytes.extend(std::iter::repeat_n(length, usize::from(length))));
                    right.extend(std::iter::repeat_n(length, usize::from(length)));
                }
                if length % 7 == 0 {
                    out.extend(written(&mut outbox, &requests, most));
                }
            }
            out.extend(written(&mut outbox, &requests, most));
            prop_assert_eq!(out, right);
            prop_assert!(outbox.bytes.is_empty() && outbox.parts.is_empty());
        }
    }
}
