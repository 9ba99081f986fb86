import { chromium } from 'playwright-core';
import { readFileSync } from 'node:fs';
const [, , out, ...files] = process.argv;
const b = await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: ['--no-sandbox', '--disable-gpu'] });
const p = await b.newPage({ viewport: { width: 1900, height: 900 } });
await p.setContent(`<body style="margin:0;display:flex;gap:6px;background:#888">${files.map((f) => `<img style="height:844px" src="data:image/png;base64,${readFileSync(f).toString('base64')}">`).join('')}`);
await p.screenshot({ path: out });
await b.close();
