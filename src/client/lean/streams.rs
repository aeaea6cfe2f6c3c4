//! Streams: RFC 9113, section 5.1. Each call in flight has one open stream.

use std::collections::VecDeque;

use super::{
    flow::{ReceiveWindow, SendWindow},
    reply::ReplyState,
};
use crate::client::Call;

/// Most places in the row for streams that have ended, in addition to three places per open stream.
const UNUSED_PLACES: usize = 1_024;

/// State of a call in flight.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) call: Call,
    /// Position of its headers among all frames of the outbox; see [`Outbox::framed`].
    ///
    /// [`Outbox::framed`]: super::outbox::Outbox::framed
    pub(super) headers_at: u64,
    /// True if the response's headers have arrived.
    pub(super) has_headers: bool,
    pub(super) reply: ReplyState,
    /// Body bytes of the request that are framed.
    pub(super) framed: u64,
    pub(super) send_window: SendWindow,
    pub(super) receive_window: ReceiveWindow,
    /// True if the rest of its body waits for room in its own window.
    pub(super) is_parked: bool,
}

impl Stream {
    /// Makes the stream of a call whose headers are being written.
    pub(super) fn new(call: Call, headers_at: u64, send_window: SendWindow, reply_window: u32) -> Self {
        Self {
            call,
            headers_at,
            has_headers: false,
            reply: ReplyState::default(),
            framed: 0,
            send_window,
            receive_window: ReceiveWindow::new(reply_window),
            is_parked: false,
        }
    }
}

/// The open streams, in the order of their numbers and thus of their starts.
///
/// Numbers are sequential, so most streams are places in a row. A stream that stays open while thousands of
/// later ones come and go is moved out of the row.
#[derive(Debug)]
pub(super) struct Streams {
    row: VecDeque<Option<Stream>>,
    /// Number of the stream at the front of the row, or of the next stream if the row is empty.
    first: u32,
    /// Number of the next added stream.
    next: u32,
    long_lived: VecDeque<(u32, Stream)>,
    open: usize,
}

impl Streams {
    /// Makes an empty set whose first stream will have this number.
    pub(super) fn starting_at(first: u32) -> Self {
        Self { row: VecDeque::new(), first, next: first, long_lived: VecDeque::new(), open: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.open
    }

    /// Number of the next stream.
    pub(super) fn next(&self) -> u32 {
        self.next
    }

    /// Number of streams opened so far.
    pub(super) fn opened(&self) -> u64 {
        u64::from(self.next / 2)
    }

    /// Adds a stream under the next number.
    pub(super) fn push(&mut self, stream: Stream) {
        self.row.push_back(Some(stream));
        self.next += 2;
        self.open += 1;
    }

    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut Stream> {
        if let Some(place) = self.place(number) {
            return self.row.get_mut(place)?.as_mut();
        }
        let place = self.long_lived.binary_search_by_key(&number, |elder| elder.0).ok()?;
        self.long_lived.get_mut(place).map(|elder| &mut elder.1)
    }

    pub(super) fn remove(&mut self, number: u32) -> Option<Stream> {
        let removed = if let Some(place) = self.place(number) {
            self.row.get_mut(place)?.take()
        } else {
            let place = self.long_lived.binary_search_by_key(&number, |elder| elder.0).ok()?;
            self.long_lived.remove(place).map(|elder| elder.1)
        }?;
        self.open -= 1;
        self.tidy();
        Some(removed)
    }

    /// The stream that was opened first.
    pub(super) fn oldest(&self) -> Option<(u32, &Stream)> {
        // The front of the row always holds a stream.
        let elder = self.long_lived.front().map(|(number, stream)| (*number, stream));
        elder.or_else(|| Some((self.first, self.row.front()?.as_ref()?)))
    }

    /// Iterates over all streams, with their numbers.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut Stream)> {
        let numbers = (self.first..).step_by(2);
        let row = numbers.zip(&mut self.row).filter_map(|(number, place)| Some((number, place.as_mut()?)));
        self.long_lived.iter_mut().map(|elder| (elder.0, &mut elder.1)).chain(row)
    }

    /// Removes the streams above `last`, in order.
    pub(super) fn split_above(&mut self, last: u32) -> Vec<(u32, Stream)> {
        let above: Vec<u32> =
            self.iter_mut().map(|(number, _)| number).filter(|number| *number > last).collect();
        above.into_iter().filter_map(|number| Some((number, self.remove(number)?))).collect()
    }

    /// Index in the row of a stream with this number.
    fn place(&self, number: u32) -> Option<usize> {
        usize::try_from(number.checked_sub(self.first)? / 2).ok()
    }

    /// Drops places without a stream from the front of the row. If the row is much longer than the number of
    /// streams, moves its front out of it.
    fn tidy(&mut self) {
        while let Some(front) = self.row.front() {
            let is_too_long = self.row.len() > 4 * self.open + UNUSED_PLACES;
            if front.is_some() && !is_too_long {
                return;
            }
            if let Some(Some(stream)) = self.row.pop_front() {
                self.long_lived.push_back((self.first, stream));
            }
            self.first += 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn stream(message: usize) -> Stream {
        Stream::new(Call::now(message), 0, SendWindow::new(0), 0)
    }

    #[test]
    fn one_that_stays_open_does_not_keep_the_places_of_those_that_do_not() {
        let mut streams = Streams::starting_at(1);
        streams.push(stream(0));
        for number in (3..200_000).step_by(2) {
            streams.push(stream(1));
            assert!(streams.remove(number).is_some());
        }
        assert!(streams.row.len() <= UNUSED_PLACES + 8, "{}", streams.row.len());
        assert_eq!(streams.oldest().map(|(number, stream)| (number, stream.call.message)), Some((1, 0)));
        assert!(streams.get_mut(1).is_some() && streams.get_mut(3).is_none());
        assert!(streams.remove(1).is_some() && streams.remove(1).is_none());
        assert_eq!(streams.len(), 0);
    }

    #[test]
    fn those_above_a_number_are_taken_out_in_order() {
        let mut streams = Streams::starting_at(1);
        for message in 0..5 {
            streams.push(stream(message));
        }
        let above: Vec<u32> = streams.split_above(5).into_iter().map(|(number, _)| number).collect();
        assert_eq!(above, [7, 9]);
        assert_eq!(streams.len(), 3);
    }

    proptest! {
        /// Compares with a plain map.
        #[test]
        fn streams_are_found_under_their_numbers(ends in prop::collection::vec(any::<u16>(), 1..4_000)) {
                let mut streams = Streams::starting_at(1);
            let mut map = BTreeMap::new();
            let mut next = 1;
            for end in ends {
                streams.push(stream(next as usize));
                map.insert(next, next as usize);
                next += 2;
                let number = (u32::from(end) % next) | 1;
                // Some streams stay open for long.
                if number % 64 != 1 {
                    prop_assert_eq!(streams.remove(number).map(|stream| stream.call.message), map.remove(&number));
                }
                prop_assert_eq!(streams.len(), map.len());
                prop_assert_eq!(streams.oldest().map(|(number, _)| number), map.keys().next().copied());
            }
            let numbers: Vec<u32> = streams.iter_mut().map(|(number, _)| number).collect();
            prop_assert_eq!(numbers, map.into_keys().collect::<Vec<_>>());
        }
    }
}
