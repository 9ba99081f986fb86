import { chromium } from 'playwright-core';
import { readFileSync } from 'node:fs';
const base = process.env.BASE ?? 'http://127.0.0.1:5199';
const axeSource = readFileSync('node_modules/axe-core/axe.min.js', 'utf8');
const b = await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] });
export const which = process.argv[2] ?? 'all';
const jobs = JSON.parse(process.argv[3] ?? '[["story","HD-1400"]]');
const modes = (process.argv[4] ?? 'light,dark').split(',');
const sizes = (process.argv[5] ?? 'wide,phone').split(',');
for (const mode of modes) for (const size of sizes) {
  const ctx = await b.newContext({ viewport: size === 'wide' ? { width: 1440, height: 900 } : { width: 390, height: 844 }, colorScheme: mode, reducedMotion: 'reduce', hasTouch: size === 'phone', isMobile: size === 'phone', bypassCSP: true });
  const page = await ctx.newPage();
  page.on('console', (m) => ['error', 'warning'].includes(m.type()) && console.log(mode, size, 'console', m.type(), m.text().slice(0, 300)));
  page.on('pageerror', (e) => console.log(mode, size, 'pageerror', e.message.slice(0, 500)));
  for (const [name, key, act] of jobs) {
    await page.goto(`${base}/tickets/${key}`);
    await page.waitForSelector('h1', { timeout: 30000 });
    await page.waitForTimeout(1500);
    if (act) { try { await (new Function('page', 'size', `return (async()=>{${act}})()`))(page, size); } catch (e) { console.log('ACT', name, e.message.slice(0, 300)); } await page.waitForTimeout(600); }
    await page.screenshot({ path: `/tmp/shots/${name}-${mode}-${size}.png`, animations: 'disabled', caret: 'hide' });
    await page.evaluate(axeSource);
    const r = await page.evaluate(() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
    for (const v of r.violations) console.log('AXE', name, mode, size, v.id, v.nodes.length, v.nodes[0].html.slice(0, 180), v.nodes[0].failureSummary.slice(0, 200));
  }
  await ctx.close();
}
await b.close();
