// Makes dist what the Go binary embeds: everything gzipped, except fonts, which are compressed already.
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

// Git keeps this file so that the directory exists and `go build` works before the page was built.
const kept = '.gitkeep';
const storedRaw = /\.(woff2|gz)$/;

async function files(dir) {
  const entries = await readdir(dir, { withFileTypes: true, recursive: true });
  return entries.filter((e) => e.isFile() && e.name !== kept).map((e) => join(e.parentPath, e.name));
}

/** @returns {import('vite').Plugin} */
export function packDist() {
  let dist = '';
  return {
    name: 'pack-dist',
    apply: 'build',
    configResolved(config) {
      dist = config.build.outDir;
    },
    async buildStart() {
      for (const entry of await readdir(dist).catch(() => [])) {
        if (entry !== kept) await rm(join(dist, entry), { recursive: true });
      }
    },
    async closeBundle(error) {
      if (error) return;
      for (const path of await files(dist)) {
        if (storedRaw.test(path)) continue;
        await writeFile(`${path}.gz`, gzipSync(await readFile(path), { level: 9 }));
        await rm(path);
      }
    },
  };
}
