import { join } from "node:path";

/** The checkout: this file lies in dist/bench/shared when it runs. */
export const CHECKOUT = join(__dirname, "../../..");
