// DoFormat on bare node:http2. Closes each connection in order (GOAWAY, then close) after N answers, as proxies
// and a maximal connection age do. Prints its own counts of connections and answers when it is stopped.
//
// usage: node goaway.js PORT N    (port 0: a free one)
"use strict";
const http2 = require("node:http2");
const [port, n] = [Number(process.argv[2]), Number(process.argv[3])];
let connections = 0, answers = 0;
const server = http2.createServer();
server.on("session", (session) => { connections++; session.answered = 0; session.on("error", () => {}); });
server.on("sessionError", () => {});
const upper = (message) => { // the field's tag and length stay: ASCII keeps its length
  const text = Buffer.from(message); let at = 0;
  if (text.length) { at = 1; while (text[at++] & 0x80); }
  return Buffer.concat([text.subarray(0, at), Buffer.from(text.subarray(at).toString("latin1").toUpperCase(), "latin1")]);
};
server.on("stream", (stream) => {
  const parts = [];
  stream.on("error", () => {});
  stream.on("data", (data) => parts.push(data));
  stream.on("end", () => {
    if (stream.destroyed) return;
    const reply = upper(Buffer.concat(parts).subarray(5));
    const prefix = Buffer.alloc(5); prefix.writeUInt32BE(reply.length, 1);
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(Buffer.concat([prefix, reply]));
    answers++;
    if (++stream.session.answered === n) stream.session.close();
  });
});
server.listen(port, "127.0.0.1", () => console.log("listening on 127.0.0.1:" + server.address().port));
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => { console.log(JSON.stringify({ connections, answers })); process.exit(0); });
