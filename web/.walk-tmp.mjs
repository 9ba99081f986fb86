import { chromium } from 'playwright-core';
const base = process.env.BASE ?? 'http://127.0.0.1:5199';
const b = await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: ['--headless', '--no-sandbox', '--disable-gpu'] });
const page = await (await b.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce' })).newPage();
page.on('pageerror', (e) => console.log('pageerror', e.message.slice(0, 400)));
const top = () => page.$eval('[role=log]', (e) => ({ top: Math.round(e.scrollTop), end: Math.round(e.scrollHeight - e.clientHeight - e.scrollTop), h: e.scrollHeight }));
let t0 = Date.now();
await page.goto(`${base}/tickets/HD-2000`);
await page.waitForSelector('[role=log] article');
console.log('first article ms', Date.now() - t0);
await page.waitForTimeout(1500);
console.log('open at', await top());
// stream long while following
await page.fill('#composer', 'long'); await page.keyboard.press('Enter');
let worst = 0; for (let i = 0; i < 30; i++) { await page.waitForTimeout(150); worst = Math.max(worst, (await top()).end); }
console.log('following, worst distance from end', worst, 'dom', await page.evaluate(() => document.querySelectorAll('*').length));
// turn back, measure drift of a visible element
await page.mouse.move(500, 400); await page.mouse.wheel(0, -1200); await page.waitForTimeout(500);
const mark = () => page.evaluate(() => { const el = window.__m ?? (window.__m = [...document.querySelectorAll('[role=log] article')].find((a) => a.getBoundingClientRect().top > 100 || a.getBoundingClientRect().bottom > 300)); return [el.isConnected, el.getBoundingClientRect().top]; });
const a = await mark(); await page.waitForTimeout(2500); const c = await mark();
console.log('drift while reading', a, c, await page.getByRole('button', { name: /Jump/ }).textContent());
// type speed
const t1 = Date.now(); await page.focus('#composer'); await page.keyboard.type('hello while streaming, typing must stay quick'); console.log('type 44 chars ms', Date.now() - t1);
await page.waitForTimeout(4000);
// scroll up through history
let jumps = 0;
await page.mouse.move(500, 400);
for (let i = 0; i < 40; i++) {
  const before = await page.evaluate(() => { const l = document.querySelector('[role=log]'); const els = [...l.querySelectorAll('article')]; const el = els.find((x) => x.getBoundingClientRect().bottom > 300); window.__k = el; return el.getBoundingClientRect().top; });
  const s0 = (await top()).top;
  await page.mouse.wheel(0, -600); await page.waitForTimeout(120);
  const after = await page.evaluate(() => window.__k.isConnected ? window.__k.getBoundingClientRect().top : null);
  if (after !== null && Math.abs(after - before - 600) > 3 && s0 > 700) { jumps++; if (jumps < 6) console.log('jump', i, before, after, s0, (await top()).top); }
}
console.log('jumps', jumps, await top(), await page.evaluate(() => document.querySelectorAll('*').length));
await page.keyboard.press('Escape');
await page.locator('[role=log]').focus(); await page.keyboard.press('End'); await page.waitForTimeout(400); console.log('after End', await top());
// keyboard on story
await page.goto(`${base}/tickets/HD-1400`); await page.waitForSelector('[role=log] article'); await page.waitForTimeout(1200);
await page.focus('#composer'); await page.keyboard.press('Alt+j'); await page.waitForTimeout(600);
const act = () => page.evaluate(() => `${document.activeElement.id}|${document.activeElement.getAttribute('aria-label')?.slice(0, 60)}`);
console.log('alt+j', await act()); await page.keyboard.press('Alt+j'); await page.waitForTimeout(500); console.log('alt+j', await act()); await page.keyboard.press('Alt+Shift+J'); await page.waitForTimeout(500); console.log('alt+shift+j', await act());
await page.keyboard.press('i'); await page.waitForTimeout(800); console.log('after i:', await act(), await page.evaluate(() => document.activeElement.textContent.slice(-60)));
await page.getByRole('button', { name: 'Undo' }).last().click(); await page.waitForTimeout(700);
await page.keyboard.press('Alt+j'); await page.waitForTimeout(600); await page.keyboard.press('r'); await page.waitForTimeout(200); console.log('after r:', await page.evaluate(() => document.activeElement.tagName)); await page.keyboard.type('please fail'); await page.keyboard.press('Control+Enter'); await page.waitForTimeout(800);
console.log('failure:', await page.locator('[role=alert]').first().textContent());
await page.keyboard.press('Control+`'); await page.waitForTimeout(300); console.log('ctrl`', await act()); await page.keyboard.press('Control+`'); await page.waitForTimeout(300); console.log('ctrl`', await act());
await b.close();
