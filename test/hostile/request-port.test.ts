import assert from "node:assert/strict";
import { test } from "node:test";
import type { DatagramSocket, SocketHandlers } from "../../src/io/socket.js";
import { RequestSockets } from "../../src/server/request-sockets.js";

test("an ERROR that can't be sent to a forged address raises no event, a broken socket does [a remote kill otherwise]", async () => {
  const handlers: SocketHandlers[] = [];
  const factory = {
    kind: "fake",
    reportsLocalAddress: false,
    open: async (_: object, of: SocketHandlers) => {
      handlers.push(of);
      return {
        localAddress: "127.0.0.1",
        localPort: 69,
        close: () => undefined,
      } as unknown as DatagramSocket;
    },
  };
  const errors: string[] = [];
  const sockets = new RequestSockets(
    factory as never,
    () => undefined,
    (error) => errors.push((error as NodeJS.ErrnoException).code ?? ""),
  );
  await sockets.open({ addresses: ["127.0.0.1"], ipv6Only: false }, 69);
  for (const code of ["EACCES", "EINVAL", "ENETUNREACH", "EHOSTUNREACH", "ECONNREFUSED", "EPERM"]) {
    handlers[0]?.onError(Object.assign(new Error(code), { code, syscall: "send" }));
  }
  assert.deepEqual(errors, []);
  handlers[0]?.onError(Object.assign(new Error("broken"), { code: "EBADF", syscall: "recvmsg" }));
  assert.deepEqual(errors, ["EBADF"]);
  sockets.close();
});
