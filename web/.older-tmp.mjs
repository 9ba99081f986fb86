import { chromium } from 'playwright-core';
const base = process.env.BASE ?? 'http://127.0.0.1:5199';
const b = await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: ['--headless', '--no-sandbox', '--disable-gpu'] });
const page = await (await b.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce' })).newPage();
page.on('pageerror', (e) => console.log('pageerror', e.message.slice(0, 400)));
await page.goto(`${base}/tickets/HD-2000`);
await page.waitForSelector('[role=log] article'); await page.waitForTimeout(1500);
await page.mouse.move(500, 400);
let max = 0, bad = 0, steps = 0, loads = 0; let lastH = 0;
for (let i = 0; i < 260; i++) {
  const r = await page.evaluate(async () => {
    const l = document.querySelector('[role=log]');
    const el = [...l.querySelectorAll('article')].find((x) => x.getBoundingClientRect().bottom > 400);
    const h = l.scrollHeight, t = l.scrollTop, before = el.getBoundingClientRect().top;
    return { before, t, h, id: (window.__k = el) && 1 };
  });
  await page.mouse.wheel(0, -500); await page.waitForTimeout(60);
  const after = await page.evaluate(() => (window.__k.isConnected ? window.__k.getBoundingClientRect().top : null));
  const h = await page.$eval('[role=log]', (e) => e.scrollHeight);
  if (h !== lastH) loads++; lastH = h;
  if (after !== null) { const d = Math.abs(after - r.before - 500); if (r.t > 900) { steps++; if (d > 3) { bad++; max = Math.max(max, d); if (bad < 8) console.log('jump', i, d, r.t, r.h, h); } } }
}
console.log({ steps, bad, max, loads, top: await page.$eval('[role=log]', (e) => [e.scrollTop, e.scrollHeight]) });
await b.close();
