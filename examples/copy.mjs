// Fetches a file and checks it on the way:  node examples/copy.mjs HOST PORT REMOTE LOCAL [SHA1]
import { createClient } from "ntftp";

const [host, port, remote, local, sha1] = process.argv.slice(2);
const client = createClient({ host, port, windowSize: 16 });

try {
  await client.get(remote, local, {
    sha1,
    signal: AbortSignal.timeout(60_000),
    onStats: ({ size, blockSize, windowSize }) => console.log({ size, blockSize, windowSize }),
  });
  console.log(`${remote} is now ${local}`);
} catch (error) {
  console.error(`${remote}: ${error.message} (${error.code ?? "no code"})`);
  process.exitCode = 1;
}
