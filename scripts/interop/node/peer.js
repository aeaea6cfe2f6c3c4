// DoFormat with @grpc/grpc-js, for checks of size limits, of reflection and of TLS: a server, and a client that says
// how one call ended.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { parseArgs } = require("node:util");
const grpc = require("@grpc/grpc-js");
const protoLoader = require("@grpc/proto-loader");
const { ReflectionService } = require("@grpc/reflection");

const VERSION = `@grpc/grpc-js ${require("@grpc/grpc-js/package.json").version}`;
const DEADLINE_MILLISECONDS = 20_000;
const TEXT_TAG = 0x0a;

// Data{string text = 1}: tag, length as a varint, text; nothing at all when the text is empty.
function encode(text) {
  const bytes = Buffer.from(text, "utf8");
  if (bytes.length === 0) return bytes;
  const head = [TEXT_TAG];
  let rest = bytes.length;
  for (; rest > 0x7f; rest >>>= 7) head.push((rest & 0x7f) | 0x80);
  head.push(rest);
  return Buffer.concat([Buffer.from(head), bytes]);
}

function decode(message) {
  if (message.length === 0) return "";
  let length = 0;
  let at = 1;
  for (let shift = 0; ; shift += 7) {
    const byte = message[at++];
    length += (byte & 0x7f) * 2 ** shift;
    if (byte <= 0x7f) break;
    if (!(shift < 28)) throw new Error("the length is no varint");
  }
  if (message[0] !== TEXT_TAG || at + length !== message.length) throw new Error("not one text");
  return message.toString("utf8", at);
}

const DO_FORMAT = {
  path: "/example.FormatData/DoFormat",
  requestStream: false,
  responseStream: false,
  requestSerialize: encode,
  requestDeserialize: decode,
  responseSerialize: encode,
  responseDeserialize: decode,
};

const LIMITS = {
  "max-recv-message-size": "grpc.max_receive_message_length",
  "max-send-message-size": "grpc.max_send_message_length",
};

const TLS_FILES = ["tls-cert", "tls-key", "tls-client-ca", "tls-ca"];

// The flags, as numbers, the limits among them as gRPC's options, the content of TLS files (null: not given), and what
// else was written.
function parse(written, ...names) {
  const known = [...names, ...Object.keys(LIMITS), ...TLS_FILES];
  const options = Object.fromEntries(known.map((name) => [name, { type: "string" }]));
  const { values, positionals } = parseArgs({ args: written, options, allowPositionals: true });
  const files = {};
  for (const name of TLS_FILES) {
    files[name] = name in values ? fs.readFileSync(values[name]) : null;
    delete values[name];
  }
  const flags = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Number(value)]));
  const limits = {};
  for (const [name, option] of Object.entries(LIMITS)) if (name in flags) limits[option] = flags[name];
  return { flags, limits, files, positionals };
}

// With roots of client certificates each client needs one.
function serverCredentials(files) {
  if (!files["tls-cert"]) return grpc.ServerCredentials.createInsecure();
  const roots = files["tls-client-ca"];
  const identity = { cert_chain: files["tls-cert"], private_key: files["tls-key"] };
  return grpc.ServerCredentials.createSsl(roots, [identity], roots !== null);
}

function clientCredentials(files) {
  if (!files["tls-ca"]) return grpc.credentials.createInsecure();
  return grpc.credentials.createSsl(files["tls-ca"], files["tls-key"], files["tls-cert"]);
}

function serve(written) {
  const { flags, limits, files } = parse(written, "port");
  const server = new grpc.Server(limits);
  server.addService({ DoFormat: DO_FORMAT }, { DoFormat: (call, reply) => reply(null, call.request.toUpperCase()) });
  // Reflection in v1 and v1alpha.
  new ReflectionService(protoLoader.loadSync(path.join(__dirname, "format_data.proto"))).addToServer(server);
  server.bindAsync(`127.0.0.1:${flags.port ?? 0}`, serverCredentials(files), (error, port) => {
    if (error) throw error;
    console.log(`listening on 127.0.0.1:${port}`);
  });
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(0));
}

// The text whose message has exactly this size.
function textOfMessage(size) {
  for (let length = Math.max(size - 6, 0); length <= size; length += 1) {
    const text = "a".repeat(length);
    if (encode(text).length === size) return text;
  }
  console.error(`no text makes a message of ${size} bytes`);
  return process.exit(64);
}

async function call(written) {
  const { flags, limits, files, positionals } = parse(written, "size");
  const text = textOfMessage(flags.size);
  const client = new grpc.Client(positionals[0], clientCredentials(files), limits);
  const doFormat = (request) =>
    new Promise((resolve) => {
      const deadline = Date.now() + DEADLINE_MILLISECONDS;
      client.makeUnaryRequest(DO_FORMAT.path, encode, decode, request, { deadline }, (error, reply) =>
        resolve({ error, reply }),
      );
    });
  await doFormat("abc");
  const first = await doFormat(text);
  const second = await doFormat("abc");
  client.close();
  const number = first.error?.code ?? grpc.status.OK;
  console.log(
    JSON.stringify({
      code: grpc.status[number],
      number,
      message: first.error?.details ?? "",
      reply_bytes: first.error ? null : encode(first.reply).length,
      is_right: first.reply === text.toUpperCase(),
      survived: second.reply === "ABC",
      version: VERSION,
    }),
  );
}

const [command, ...written] = process.argv.slice(2);
if (command === "serve") serve(written);
else if (command === "call") call(written);
else console.log(VERSION);
