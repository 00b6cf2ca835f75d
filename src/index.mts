// The ESM face: the same module instance as require() gives, by name and as the default export.
import * as ntftp from "./index.js";

export * from "./index.js";
export default ntftp;
