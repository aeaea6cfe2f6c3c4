//! HTTP answers in place of gRPC answers: from a proxy, or from a server that does not support gRPC.
//!
//! Both clients recognise such an answer by its status and content type, never by its text. Without this
//! check, tonic's client parses an HTML page as a message and reports an invalid compression flag.

use super::{
    code::Code,
    message::Sizes,
    outcome::{Direction, Failure, Outcome, Refusal, Side},
};

/// Beginning of the message for an HTTP answer in place of a gRPC answer.
pub(crate) const HTTP_WORDS: &str = "the server answered with HTTP status ";

/// HTTP status "Content Too Large" (RFC 9110, 15.5.14).
const TOO_LARGE: u16 = 413;

/// Headers of a response that has no `grpc-status` and does not begin a gRPC reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HttpAnswer {
    /// The HTTP status.
    pub(crate) status: u16,
}

impl HttpAnswer {
    /// Returns the answer with this status, or `None` if a gRPC reply begins.
    pub(crate) fn of(status: u16, is_grpc: bool) -> Option<Self> {
        (status != 200 || !is_grpc).then_some(Self { status })
    }

    /// Returns the outcome of a call with a message of these sizes.
    pub(crate) fn outcome(self, sizes: Sizes) -> Outcome {
        if self.status == TOO_LARGE {
            return Outcome::Refused(Box::new(refusal_of_http_413(sizes)));
        }
        Outcome::Failed(Box::new(Failure { code: self.code(), message: self.words() }))
    }

    /// The gRPC code of the HTTP status ("HTTP to gRPC Status Code Mapping").
    pub(crate) fn code(self) -> Code {
        match self.status {
            400 => Code::INTERNAL,
            401 => Code::UNAUTHENTICATED,
            403 => Code::PERMISSION_DENIED,
            404 => Code::UNIMPLEMENTED,
            429 | 502 | 503 | 504 => Code::UNAVAILABLE,
            _ => Code::UNKNOWN,
        }
    }

    /// Describes the answer in words.
    pub(crate) fn words(self) -> String {
        match self.status {
            200 => "the server answered with HTTP, but not with gRPC: its content type is another".to_owned(),
            status => format!("{HTTP_WORDS}{status} and no gRPC status"),
        }
    }
}

/// Returns the refusal that an HTTP status of 413 stands for.
pub(crate) fn refusal_of_http_413(sizes: Sizes) -> Refusal {
    Refusal {
        side: Side::Server,
        direction: Direction::Request,
        message_bytes: sizes.request,
        limit_bytes: None,
        http_status: Some(413),
        code: Code::UNKNOWN,
        message: HttpAnswer { status: 413 }.words(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::outcome::{Direction, Side};

    #[test]
    fn codes_are_mapped_as_grpc_says() {
        let code = |status| HttpAnswer { status }.code();
        assert_eq!(code(503), Code::UNAVAILABLE);
        assert_eq!(code(404), Code::UNIMPLEMENTED);
        assert_eq!((code(200), code(413)), (Code::UNKNOWN, Code::UNKNOWN));
    }

    #[test]
    fn a_413_refuses_the_request_and_the_others_are_failures() {
        let sizes = Sizes { request: 1 << 20, reply: None };
        match (HttpAnswer { status: 413 }).outcome(sizes) {
            Outcome::Refused(refusal) => {
                assert_eq!((refusal.side, refusal.direction), (Side::Server, Direction::Request));
                assert_eq!((refusal.message_bytes, refusal.limit_bytes), (sizes.request, None));
                assert_eq!((refusal.code, refusal.http_status), (Code::UNKNOWN, Some(413)));
            }
            other => panic!("{other:?}"),
        }
        match (HttpAnswer { status: 502 }).outcome(sizes) {
            Outcome::Failed(failure) => {
                assert_eq!(failure.message, "the server answered with HTTP status 502 and no gRPC status");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_reply_of_grpcs_is_none() {
        assert_eq!(HttpAnswer::of(200, true), None);
        assert_eq!(HttpAnswer::of(200, false), Some(HttpAnswer { status: 200 }));
        assert_eq!(HttpAnswer::of(413, true), Some(HttpAnswer { status: 413 }));
    }
}
