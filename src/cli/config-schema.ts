import { configKeyOf } from "./config.js";
import { optionRows } from "./option-table.js";

/** The JSON schema (2020-12) of configuration files, out of the table of options. */
export function configSchema(): Record<string, unknown> {
  const properties: Record<string, unknown> = {
    $schema: { type: "string", description: "where editors find this schema" },
  };
  for (const row of optionRows) {
    const key = configKeyOf(row);
    if (key === null) continue;
    const description = row.default === undefined ? row.help : `${row.help}; default ${row.default}`;
    properties[key] = row.isRepeatable
      ? { type: "array", items: row.kind.schema, description }
      : { ...row.kind.schema, description };
  }
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Configuration of the TFTP server ntftp",
    type: "object",
    properties,
    additionalProperties: false,
  };
}
