// Builds what the pages load: scripts and styles with their content's hash in
// the name, and manifest.json that says which file is which. The same sources
// and lock file give the same bytes on every machine.
import { build } from "esbuild";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename } from "node:path";

rmSync("dist", { recursive: true, force: true });
mkdirSync("dist");
const result = await build({
  entryPoints: { app: "src/app.ts", style: "src/style.css" },
  bundle: true, minify: true, splitting: true, format: "esm", target: ["es2022"],
  entryNames: "[name]-[hash]", chunkNames: "[name]-[hash]",
  outdir: "dist", metafile: true, legalComments: "none", charset: "utf8", logLevel: "warning",
});
const manifest = {};
for (const [file, output] of Object.entries(result.metafile.outputs)) {
  if (output.entryPoint) manifest[basename(output.entryPoint)] = basename(file);
}
const sorted = Object.fromEntries(Object.entries(manifest).sort());
writeFileSync("dist/manifest.json", JSON.stringify(sorted, null, 2) + "\n");
