// Bundles each page's src/*.ts and src/*.css into the package's static folder, under stable names.
// Files in public/ are copied as they are. Run it through hatch_build.py, which knows when it is needed.
import { build } from "esbuild";
import { cp, mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "../src/resguardo/web/static");
const fresh = join(here, "node_modules/.static");

const exists = (path) => readdir(path).then(() => true, () => false);

// The licences of all that is bundled, their texts being a condition of most of them.
async function licences() {
  const { packages } = JSON.parse(await readFile(join(here, "package-lock.json"), "utf8"));
  const bundled = Object.keys(packages).filter((path) => path !== "" && !packages[path].dev).sort();
  const texts = bundled.map(async (path) => {
    const file = (await readdir(join(here, path))).find((name) => /^licen[cs]e/i.test(name));
    const text = await readFile(join(here, path, file), "utf8");
    return `${path.replace("node_modules/", "")} ${packages[path].version}\n\n${text.trim()}\n`;
  });
  return (await Promise.all(texts)).join(`\n${"-".repeat(72)}\n\n`);
}

const sources = await readdir(join(here, "src"));
const entries = sources.filter((name) => /\.(ts|css)$/.test(name) && !name.endsWith(".d.ts"));

await rm(fresh, { recursive: true, force: true });
await build({
  absWorkingDir: here,
  entryPoints: entries.map((name) => `src/${name}`),
  outdir: fresh,
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2020",
  charset: "utf8",
  legalComments: "eof",
  assetNames: "fonts/[name]",
  loader: { ".woff": "file", ".woff2": "file" },
  logLevel: "info",
});
await writeFile(join(fresh, "LICENSES.txt"), await licences());
if (await exists(join(here, "public"))) await cp(join(here, "public"), fresh, { recursive: true });

// The old folder goes only once the new one is whole.
await mkdir(dirname(target), { recursive: true });
await rm(target, { recursive: true, force: true });
await rename(fresh, target);
