import com.google.protobuf.DescriptorProtos.DescriptorProto;
import com.google.protobuf.DescriptorProtos.FieldDescriptorProto;
import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.DescriptorProtos.MethodDescriptorProto;
import com.google.protobuf.DescriptorProtos.ServiceDescriptorProto;
import com.google.protobuf.Descriptors.DescriptorValidationException;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.StringValue;
import io.grpc.CallOptions;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.InsecureServerCredentials;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.ProtoFileDescriptorSupplier;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.protobuf.services.ProtoReflectionService;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.ServerCalls;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * DoFormat with grpc-java, for checks of size limits and of reflection: a server, and a client that says how one call
 * ended. {@code Data{string text = 1}} is the same on the wire as StringValue, so nothing has to be generated.
 */
public final class Peer {
    private static final String VERSION = "grpc-java " + Server.class.getPackage().getImplementationVersion();
    private static final String PACKAGE = "example";
    private static final String SERVICE_NAME = "FormatData";
    private static final String SERVICE = PACKAGE + "." + SERVICE_NAME;
    private static final String METHOD_NAME = "DoFormat";
    private static final String MESSAGE_NAME = "Data";
    private static final String RECEIVE_LIMIT = "--max-recv-message-size";
    private static final String SEND_LIMIT = "--max-send-message-size";
    private static final int DEADLINE_SECONDS = 20;
    private static final int USAGE_ERROR = 64;

    private static final MethodDescriptor<StringValue, StringValue> DO_FORMAT =
            MethodDescriptor.<StringValue, StringValue>newBuilder()
                    .setType(MethodType.UNARY)
                    .setFullMethodName(MethodDescriptor.generateFullMethodName(SERVICE, METHOD_NAME))
                    .setRequestMarshaller(ProtoUtils.marshaller(StringValue.getDefaultInstance()))
                    .setResponseMarshaller(ProtoUtils.marshaller(StringValue.getDefaultInstance()))
                    .build();

    public static void main(String[] arguments) throws Exception {
        List<String> written = List.of(arguments);
        switch (written.get(0)) {
            case "serve" -> serve(flags(written.subList(1, written.size())));
            case "call" -> call(written.get(1), flags(written.subList(2, written.size())));
            default -> System.out.println(VERSION);
        }
    }

    private static Map<String, Integer> flags(List<String> written) {
        Map<String, Integer> flags = new HashMap<>();
        for (int at = 0; at < written.size(); at += 2) {
            flags.put(written.get(at), Integer.valueOf(written.get(at + 1)));
        }
        return flags;
    }

    // Reflection v1alpha is deprecated, but clients that are older than v1 need it.
    @SuppressWarnings("deprecation")
    private static void serve(Map<String, Integer> flags)
            throws IOException, InterruptedException, DescriptorValidationException {
        if (flags.containsKey(SEND_LIMIT)) {
            fail("java has no such limit: " + SEND_LIMIT);
        }
        InetSocketAddress address = new InetSocketAddress("127.0.0.1", flags.getOrDefault("--port", 0));
        NettyServerBuilder builder = NettyServerBuilder.forAddress(address, InsecureServerCredentials.create());
        if (flags.containsKey(RECEIVE_LIMIT)) {
            builder.maxInboundMessageSize(flags.get(RECEIVE_LIMIT));
        }
        FileDescriptor schema = schema();
        ServiceDescriptor service = ServiceDescriptor.newBuilder(SERVICE)
                .setSchemaDescriptor((ProtoFileDescriptorSupplier) () -> schema)
                .addMethod(DO_FORMAT)
                .build();
        builder.addService(ServerServiceDefinition.builder(service)
                .addMethod(DO_FORMAT, ServerCalls.asyncUnaryCall((request, reply) -> {
                    reply.onNext(StringValue.of(request.getValue().toUpperCase(Locale.ROOT)));
                    reply.onCompleted();
                }))
                .build());
        // The whole server is SERVING from the start.
        builder.addService(new HealthStatusManager().getHealthService());
        builder.addService(ProtoReflectionServiceV1.newInstance());
        builder.addService(ProtoReflectionService.newInstance());
        Server server = builder.build().start();
        System.out.println("listening on 127.0.0.1:" + server.getPort());
        server.awaitTermination();
    }

    /** DoFormat's file, which reflection serves. */
    private static FileDescriptor schema() throws DescriptorValidationException {
        FieldDescriptorProto text = FieldDescriptorProto.newBuilder()
                .setName("text")
                .setNumber(StringValue.VALUE_FIELD_NUMBER)
                .setType(FieldDescriptorProto.Type.TYPE_STRING)
                .setLabel(FieldDescriptorProto.Label.LABEL_OPTIONAL)
                .build();
        String message = "." + PACKAGE + "." + MESSAGE_NAME;
        MethodDescriptorProto method = MethodDescriptorProto.newBuilder()
                .setName(METHOD_NAME)
                .setInputType(message)
                .setOutputType(message)
                .build();
        FileDescriptorProto file = FileDescriptorProto.newBuilder()
                .setName("format_data.proto")
                .setSyntax("proto3")
                .setPackage(PACKAGE)
                .addMessageType(DescriptorProto.newBuilder().setName(MESSAGE_NAME).addField(text))
                .addService(ServiceDescriptorProto.newBuilder().setName(SERVICE_NAME).addMethod(method))
                .build();
        return FileDescriptor.buildFrom(file, new FileDescriptor[0]);
    }

    private static void call(String address, Map<String, Integer> flags) {
        String text = textOfMessage(flags.get("--size"));
        CallOptions options = CallOptions.DEFAULT;
        if (flags.containsKey(RECEIVE_LIMIT)) {
            options = options.withMaxInboundMessageSize(flags.get(RECEIVE_LIMIT));
        }
        if (flags.containsKey(SEND_LIMIT)) {
            options = options.withMaxOutboundMessageSize(flags.get(SEND_LIMIT));
        }
        ManagedChannel channel = Grpc.newChannelBuilder(address, InsecureChannelCredentials.create()).build();
        // On a channel that is not connected yet, a message over the client's own limit for requests throws
        // in the thread that connects, and the call never ends, whatever its deadline (grpc-java 1.85.1).
        doFormat(channel, CallOptions.DEFAULT, "abc");
        Status status = Status.OK;
        StringValue reply = null;
        try {
            reply = doFormat(channel, options, text);
        } catch (StatusRuntimeException failure) {
            status = failure.getStatus();
        }
        boolean survived = false;
        try {
            survived = doFormat(channel, options, "abc").getValue().equals("ABC");
        } catch (StatusRuntimeException failure) {
            survived = false;
        }
        channel.shutdownNow();
        System.out.printf(
                "{\"code\": \"%s\", \"number\": %d, \"message\": %s, \"reply_bytes\": %s, \"is_right\": %b,"
                        + " \"survived\": %b, \"version\": \"%s\"}%n",
                status.getCode(), status.getCode().value(), quoted(status.getDescription()),
                reply == null ? null : reply.getSerializedSize(),
                reply != null && reply.getValue().equals(text.toUpperCase(Locale.ROOT)), survived, VERSION);
    }

    private static StringValue doFormat(ManagedChannel channel, CallOptions options, String text) {
        CallOptions timed = options.withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS);
        return ClientCalls.blockingUnaryCall(channel, DO_FORMAT, timed, StringValue.of(text));
    }

    /** The text whose message has exactly this size. */
    private static String textOfMessage(int size) {
        for (int length = Math.max(size - 6, 0); length <= size; length++) {
            String text = "a".repeat(length);
            if (StringValue.of(text).getSerializedSize() == size) {
                return text;
            }
        }
        fail("no text makes a message of " + size + " bytes");
        return null;
    }

    /** A string in JSON; an absent one is empty. */
    private static String quoted(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (char letter : (text == null ? "" : text).toCharArray()) {
            if (letter == '"' || letter == '\\') {
                quoted.append('\\').append(letter);
            } else if (letter < ' ') {
                quoted.append(String.format("\\u%04x", (int) letter));
            } else {
                quoted.append(letter);
            }
        }
        return quoted.append('"').toString();
    }

    private static void fail(String reason) {
        System.err.println(reason);
        System.exit(USAGE_ERROR);
    }
}
