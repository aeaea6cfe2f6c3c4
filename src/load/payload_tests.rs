use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::rpc::{
    Expectation,
    format_data::{
        Data, growing, of_size,
        size::{longest_text_within, nearest_reachable, reachable_around},
        text::json,
    },
};

const KINDS: [TextKind; 4] = [TextKind::Ascii, TextKind::Json, TextKind::Unicode, TextKind::Expanding];

#[test]
fn six_sizes_below_a_gibibyte_have_no_text() {
    let near =
        |size: u64| (size.saturating_sub(3)..size + 3).filter(|size| nearest_reachable(*size) != *size);
    let unreachable: Vec<u64> = [0, 130, 16_387, 2_097_156, 268_435_461].into_iter().flat_map(near).collect();
    assert_eq!(unreachable, [1, 2, 130, 16_387, 2_097_156, 268_435_461]);
}

#[test]
fn a_size_without_a_text_becomes_the_nearest_that_has_one() {
    assert_eq!(nearest_reachable(1), 0);
    assert_eq!(nearest_reachable(2), 3);
    assert_eq!(nearest_reachable(130), 129);
    assert_eq!(reachable_around(130), (129, 131));
    assert_eq!(reachable_around(4_194_304), (4_194_304, 4_194_304));
}

#[test]
fn a_mix_is_sizes_with_weights() {
    let mix: Mix = "1KiB@90,5MiB@10".parse().expect("a mix");
    let shares: Vec<_> = mix.0.iter().map(|share| (share.message_bytes.0, share.weight)).collect();
    assert_eq!(shares, [(1_024, 90), (5_242_880, 10)]);
    for wrong in ["", "64,", "64@0", "64@-1", "64@x", "64,64", "3GiB"] {
        assert!(wrong.parse::<Mix>().is_err(), "{wrong}");
    }
}

#[test]
fn too_much_memory_is_an_error_and_not_an_abort() {
    let mix: Mix = "2147483647@1,2147483646@1".parse().expect("a mix");
    let error = Payload::new(&mix, TextKind::Ascii, 1).map(|_| ());
    assert!(matches!(error, Err(PayloadError::MixTooLarge(_))), "{error:?}");
}

#[test]
fn json_is_valid_at_every_size() {
    for bytes in 1..400 {
        let text = json(bytes);
        assert_eq!(text.len(), bytes);
        serde_json::from_str::<serde_json::Value>(&text).expect(&text);
    }
}

#[test]
fn expanding_texts_have_replies_three_times_as_long() {
    let message = of_size(TextKind::Expanding, 1 << 20);
    assert_eq!(message.request_bytes(), 1 << 20);
    let reply_bytes = message.reply_bytes().expect("it is known");
    assert!(reply_bytes.abs_diff(3 << 20) < 16, "{reply_bytes}");
}

#[test]
fn weights_are_kept() {
    let mix: Mix = "1KiB@90,2KiB@10".parse().expect("a mix");
    let payload = Payload::new(&mix, TextKind::Ascii, 1).expect("small");
    let second = (0..100_000).filter(|k| payload.pick(*k) == 1).count();
    assert!((9_500..10_500).contains(&second), "{second}");
    assert_eq!(payload.weights(), [90, 10]);
}

#[test]
fn a_growing_text_just_below_three_times_its_room_may_not_exist() {
    let exists = |reply| growing(reply, 774).is_some();
    assert_eq!([2_314, 2_315, 2_316, 2_322, 2_323].map(exists), [true, false, true, true, false]);
}

proptest! {
    #[test]
    fn every_kind_makes_every_size_exactly(size in 0_u64..70_000, kind in 0_usize..4) {
        let message = of_size(KINDS[kind], size);
        prop_assert_eq!(message.request_bytes(), nearest_reachable(size));
        let text = Data::decode(message.request.clone()).expect("a message").text;
        prop_assert_eq!(Data { text: text.clone() }.encode_to_vec(), message.request.to_vec());
        let Expectation::Text(expected) = &message.expectation else { panic!("a text is expected") };
        prop_assert_eq!(expected.message(), Data { text: text.to_uppercase() }.encode_to_vec());
        let upper = text.to_uppercase();
        prop_assert_eq!(expected.text(), upper.as_bytes());
        prop_assert_eq!(message.reply_bytes(), Some(expected.message().len() as u64));
    }

    /// The reply has exactly the requested length, and the request has room for it.
    #[test]
    fn a_growing_text_fits_and_grows_exactly(room in 0_u64..5_000, reply in 0_u64..16_000) {
        match growing(reply, room) {
            Some(message) => {
                prop_assert_eq!(message.reply_bytes(), Some(message_bytes_of(reply)));
                prop_assert!(message.request_bytes() <= message_bytes_of(room));
            }
            // Two bytes become six: the lengths just below three times the room fall between two numbers of them.
            None => prop_assert!(reply + 7 >= room * 3),
        }
    }

    #[test]
    fn the_longest_text_within_a_size_is_the_longest(size in 0_u64..70_000) {
        let text = longest_text_within(size);
        prop_assert!(message_bytes_of(text) <= size && message_bytes_of(text + 1) > size);
    }

    #[test]
    fn no_text_makes_the_mix_parser_panic(text in "\\PC{0,40}") {
        let _ = text.parse::<Mix>();
    }
}
