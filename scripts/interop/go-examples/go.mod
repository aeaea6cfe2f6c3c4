module plimsoll.example/examples

go 1.25.0

require google.golang.org/grpc/examples v0.0.0-20260825154716-030ee8becb20
