// Writes the JSON schema of configuration files out of the table of options.
//
//   node tools/config-schema.mjs      after tsc; part of `npm run build`. Writes dist/config.schema.json
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const { configSchema } = createRequire(import.meta.url)("../dist/src/cli/config-schema.js");
writeFileSync(
  new URL("../dist/config.schema.json", import.meta.url),
  `${JSON.stringify(configSchema(), null, 2)}\n`,
);
