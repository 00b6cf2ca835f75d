import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import type { Deployment } from "kubernetes-types/apps/v1.js";
import type { ConfigMap, Service } from "kubernetes-types/core/v1.js";
import { parseAllDocuments } from "yaml";
import { createClient } from "../../src/index.js";
import { temporaryFolder } from "../helpers/files.js";

const ROOT = join(__dirname, "../../..");
const STEP_MS = 180_000;
const run = promisify(execFile);

async function manifests(): Promise<[ConfigMap, Deployment, Service]> {
  const text = await readFile(join(ROOT, "packaging/kubernetes/ntftp.yaml"), "utf8");
  const documents = parseAllDocuments(text, { strict: true, uniqueKeys: true });
  for (const document of documents) assert.deepEqual([...document.errors, ...document.warnings], []);
  const values = documents.map((document) => document.toJS());
  assert.deepEqual(
    values.map(({ kind }) => kind),
    ["ConfigMap", "Deployment", "Service"],
  );
  return values as [ConfigMap, Deployment, Service];
}

/** A port for each of the two that the container has, so that tests can run side by side. */
const PORTS: Readonly<Record<string, string>> = { "6969": "16969", "9469": "19469" };

/** Starts what a container would; resolves when it listens. */
async function start(context: TestContext, words: readonly string[], folder: string): Promise<void> {
  const here = words.map((word) =>
    word
      .replace("/srv/tftp", folder)
      .replace("0.0.0.0", "127.0.0.1")
      .replace(/:(6969|9469)$/, (_, port: string) => `:${PORTS[port]}`),
  );
  const [program = "", ...rest] = here;
  const child = spawn(program, rest, { stdio: ["ignore", "pipe", "pipe"] });
  context.after(() => void child.kill("SIGKILL"));
  let output = "";
  await new Promise<void>((resolve, reject) => {
    const take = (chunk: Buffer): void => {
      output += chunk;
      if (/listening/i.test(output)) resolve();
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.on("exit", (code) => reject(new Error(`${here.join(" ")} ended with ${code}: ${output}`)));
  });
}

async function fetchText(name: string): Promise<string> {
  const client = createClient({ host: "127.0.0.1", port: Number(PORTS["6969"]) });
  let text = "";
  for await (const chunk of client.createGetStream(name)) text += chunk;
  return text;
}

test("the manifests are what Kubernetes' types allow", { timeout: STEP_MS }, async (context) => {
  const folder = await temporaryFolder(context);
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"), "dir");
  const [configMap, deployment, service] = await manifests();
  const lines = [
    'import type { Deployment } from "kubernetes-types/apps/v1";',
    'import type { ConfigMap, Service } from "kubernetes-types/core/v1";',
    // A literal: then a key that is misspelt does not compile either.
    `export const configMap: ConfigMap = ${JSON.stringify(configMap)};`,
    `export const deployment: Deployment = ${JSON.stringify(deployment)};`,
    `export const service: Service = ${JSON.stringify(service)};`,
  ];
  const file = join(folder, "manifests.ts");
  await writeFile(file, lines.join("\n"));
  const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
  const words = ["--strict", "--noEmit", "--skipLibCheck", "--module", "preserve", "--types", "", file];
  const check = () => run(process.execPath, [compiler, ...words], { cwd: folder, timeout: STEP_MS });
  await check().catch((error) => assert.fail(error.stdout));
  await writeFile(file, lines.join("\n").replace("livenessProbe", "livelinessProbe"));
  await assert.rejects(check(), "a misspelt key is found");
});

test("the manifests fit each other, and the command that they start", {
  timeout: STEP_MS,
}, async (context) => {
  const [configMap, deployment, service] = await manifests();
  const pod = deployment.spec?.template;
  const [container] = pod?.spec?.containers ?? [];
  assert.ok(pod && container);
  assert.deepEqual(pod.metadata?.labels, deployment.spec?.selector.matchLabels);
  assert.deepEqual(service.spec?.selector, pod.metadata?.labels);
  assert.equal(pod.spec?.volumes?.[0]?.configMap?.name, configMap.metadata?.name);
  assert.equal(container.volumeMounts?.[0]?.name, pod.spec?.volumes?.[0]?.name);
  const ports = new Map(
    container.ports?.map(({ name, containerPort, protocol }) => [name, { containerPort, protocol }]),
  );
  assert.deepEqual(ports.get(String(service.spec?.ports?.[0]?.targetPort)), {
    containerPort: 6969,
    protocol: "UDP",
  });

  // As the kubelet mounts a ConfigMap: each file is a link into a folder that is replaced as a whole.
  const folder = await temporaryFolder(context);
  await mkdir(join(folder, "..2026_01"));
  await symlink("..2026_01", join(folder, "..data"));
  const files = Object.entries(configMap.data ?? {});
  for (const [name, text] of files) {
    await writeFile(join(folder, "..2026_01", name), text);
    await symlink(join("..data", name), join(folder, name));
  }
  const command = [process.execPath, join(ROOT, "dist/src/cli/main.js"), ...(container.args ?? [])];
  await start(context, command, folder);
  for (const [name, text] of files) assert.equal(await fetchText(name), text);
  assert.ok(files.length > 0);
  for (const probe of [container.startupProbe, container.readinessProbe, container.livenessProbe]) {
    const port = ports.get(String(probe?.httpGet?.port))?.containerPort;
    const response = await fetch(`http://127.0.0.1:${PORTS[String(port)]}${probe?.httpGet?.path}`);
    assert.equal(response.status, 200);
  }
});

test("the steps of the container file install a command that serves", {
  timeout: 2 * STEP_MS,
}, async (context) => {
  const folder = await temporaryFolder(context);
  const text = await readFile(join(ROOT, "packaging/container/Containerfile"), "utf8");
  const steps = text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)] as const);
  const argument = (name: string): string => steps.find(([step]) => step === name)?.[1] ?? "";
  assert.deepEqual(
    steps.map(([step]) => step),
    ["FROM", "COPY", "RUN", "USER", "EXPOSE", "ENTRYPOINT", "CMD"],
  );
  const { version } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as { version: string };
  assert.equal(argument("COPY"), "ntftp-*.tgz /tmp/ntftp.tgz");
  await run("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder], { cwd: ROOT });
  await run("mv", [join(folder, `ntftp-${version}.tgz`), join(folder, "ntftp.tgz")]);
  // The image's own prefix is /usr/local; its cache is thrown away, ours stays.
  const install = argument("RUN")
    .replace("/tmp/ntftp.tgz", join(folder, "ntftp.tgz"))
    .replace(" && npm cache clean --force", "");
  const env = {
    ...process.env,
    npm_config_prefix: join(folder, "prefix"),
    npm_config_prefer_offline: "true",
  };
  await run("sh", ["-ec", install], { env, timeout: STEP_MS });

  await mkdir(join(folder, "files"));
  await writeFile(join(folder, "files/hello"), "from a container");
  const [entry = ""] = JSON.parse(argument("ENTRYPOINT")) as string[];
  const words = JSON.parse(argument("CMD")) as string[];
  await start(context, [join(folder, "prefix/bin", entry), ...words], join(folder, "files"));
  assert.equal(await fetchText("hello"), "from a container");
  const health = await fetch(`http://127.0.0.1:${PORTS["9469"]}/healthz`);
  assert.equal(health.status, 200);
});
