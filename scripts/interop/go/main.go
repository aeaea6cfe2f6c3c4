// DoFormat with grpc-go, for checks of size limits and of TLS: a server, and a client that says how one call ended.
// Data{string text = 1} is the same on the wire as StringValue, so nothing has to be generated.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // compressed requests are taken, and answered alike
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const (
	version  = "grpc-go " + grpc.Version
	service  = "example.FormatData"
	method   = "DoFormat"
	deadline = 20 * time.Second
)

// limits in bytes; a negative one leaves grpc-go's own default.
type limits struct{ receive, send int }

func addLimits(flags *flag.FlagSet) *limits {
	limits := new(limits)
	flags.IntVar(&limits.receive, "max-recv-message-size", -1, "bytes; default: grpc-go's own")
	flags.IntVar(&limits.send, "max-send-message-size", -1, "bytes; default: grpc-go's own")
	return limits
}

func doFormat(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	request := new(wrapperspb.StringValue)
	if err := decode(request); err != nil {
		return nil, err
	}
	return wrapperspb.String(strings.ToUpper(request.Value)), nil
}

func serve(written []string) error {
	flags := flag.NewFlagSet("server", flag.ExitOnError)
	port := flags.Int("port", 0, "default: a free one")
	limits := addLimits(flags)
	files := addTLSFiles(flags, "tls-client-ca")
	flags.Parse(written)

	transport, err := files.ofServer()
	if err != nil {
		return err
	}
	options := []grpc.ServerOption{grpc.Creds(transport)}
	if limits.receive >= 0 {
		options = append(options, grpc.MaxRecvMsgSize(limits.receive))
	}
	if limits.send >= 0 {
		options = append(options, grpc.MaxSendMsgSize(limits.send))
	}
	server := grpc.NewServer(options...)
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: service,
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: method, Handler: doFormat}},
	}, struct{}{})
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		return err
	}
	endings := make(chan os.Signal, 1)
	signal.Notify(endings, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-endings
		server.Stop()
	}()
	fmt.Println("listening on", listener.Addr())
	return server.Serve(listener)
}

// textOfMessage is the text whose message has exactly this size.
func textOfMessage(size int) string {
	for length := max(size-6, 0); length <= size; length++ {
		text := strings.Repeat("a", length)
		if proto.Size(wrapperspb.String(text)) == size {
			return text
		}
	}
	fmt.Fprintf(os.Stderr, "no text makes a message of %d bytes\n", size)
	os.Exit(64)
	return ""
}

type result struct {
	Code       string `json:"code"`
	Number     int32  `json:"number"`
	Message    string `json:"message"`
	ReplyBytes *int   `json:"reply_bytes"`
	IsRight    bool   `json:"is_right"`
	Survived   bool   `json:"survived"`
	Version    string `json:"version"`
}

func call(address string, written []string) error {
	flags := flag.NewFlagSet("client", flag.ExitOnError)
	size := flags.Int("size", 0, "bytes of the message")
	limits := addLimits(flags)
	files := addTLSFiles(flags, "tls-ca")
	flags.Parse(written)

	var options []grpc.CallOption
	if limits.receive >= 0 {
		options = append(options, grpc.MaxCallRecvMsgSize(limits.receive))
	}
	if limits.send >= 0 {
		options = append(options, grpc.MaxCallSendMsgSize(limits.send))
	}
	text := textOfMessage(*size)
	transport, err := files.ofClient()
	if err != nil {
		return err
	}
	channel, err := grpc.NewClient(address, grpc.WithTransportCredentials(transport))
	if err != nil {
		return err
	}
	defer channel.Close()
	doFormat := func(text string) (*wrapperspb.StringValue, error) {
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		defer cancel()
		reply := new(wrapperspb.StringValue)
		err := channel.Invoke(ctx, "/"+service+"/"+method, wrapperspb.String(text), reply, options...)
		return reply, err
	}
	if _, err := doFormat("abc"); err != nil {
		return err
	}
	reply, failure := doFormat(text)
	second, secondFailure := doFormat("abc")

	number := int32(status.Code(failure))
	result := result{
		// The names that gRPC specifies; grpc-go's own are in another case.
		Code:     code.Code_name[number],
		Number:   number,
		Message:  status.Convert(failure).Message(),
		Survived: secondFailure == nil && second.Value == "ABC",
		Version:  version,
	}
	if failure == nil {
		bytes := proto.Size(reply)
		result.ReplyBytes = &bytes
		result.IsRight = reply.Value == strings.ToUpper(text)
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

func main() {
	log.SetFlags(0)
	var err error
	switch command := os.Args[1]; {
	case command == "serve":
		err = serve(os.Args[2:])
	case command == "call" && len(os.Args) > 2:
		err = call(os.Args[2], os.Args[3:])
	case command == "load" && len(os.Args) > 2:
		err = load(os.Args[2], os.Args[3:])
	default:
		fmt.Println(version)
	}
	if err != nil {
		log.Fatal(err)
	}
}
