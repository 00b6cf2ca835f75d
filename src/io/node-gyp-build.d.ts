declare module "node-gyp-build" {
  /** Loads the addon of a package: its build, else the prebuild that fits. @throws when there is none, or it can't be loaded */
  export default function load(packageRoot: string): unknown;
}
