import { chromium } from 'playwright-core';
import { readFileSync, writeFileSync, existsSync } from 'node:fs';
const base = 'http://127.0.0.1:5199';
const b = await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: ['--headless', '--no-sandbox', '--disable-gpu'] });
const ctx = await b.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce', ...(existsSync('/tmp/state.json') ? { storageState: '/tmp/state.json' } : {}) });
const page = await ctx.newPage();
page.on('console', (m) => ['error'].includes(m.type()) && console.log('console', m.text().slice(0, 300)));
page.on('pageerror', (e) => console.log('pageerror', e.message.slice(0, 400)));
page.on('response', (r) => r.status() >= 400 && console.log('HTTP', r.status(), r.request().method(), r.url().slice(21)));
let n = 0; const shot = (name) => page.screenshot({ path: `/tmp/shots/real-${++n}-${name}.png` });
const link = /sign-in#\S+/.exec(readFileSync('/tmp/hd.log', 'utf8'))?.[0];
await page.goto(`${base}/new`); await page.waitForTimeout(2500);
if (page.url().includes('sign-in')) { await page.goto(`${base}/${link}`); await page.waitForTimeout(1500); await page.reload(); await page.waitForTimeout(2500); await shot('signin'); await page.getByRole('button').first().click(); await page.waitForTimeout(2000); await ctx.storageState({ path: '/tmp/state.json' }); }
console.log(page.url());
await page.goto(`${base}/new`); await page.waitForTimeout(2500); await shot('new');
await page.locator('textarea').first().fill('Is the disk full? Please look at disk space on this machine.');
await page.getByRole('button', { name: /Submit/ }).click();
await page.waitForURL(/tickets\/HD/, { timeout: 15000 }); console.log(page.url());
await page.waitForTimeout(4000); await shot('ticket');
await page.waitForTimeout(2000);
const ex = page.getByRole('button', { name: 'Execute' });
console.log('cards', await ex.count());
if (await ex.count()) { await ex.first().click(); await page.waitForTimeout(1000); await shot('exec'); await page.waitForTimeout(3000); await shot('ran'); }
const ap = page.getByRole('button', { name: 'Approve' });
if (await ap.count()) { await ap.first().click(); await page.waitForTimeout(1000); }
await shot('approved');
const send = page.getByRole('button', { name: /Send/ }).last(); console.log(await send.textContent());
await send.click(); await page.waitForTimeout(5000); await shot('second');
await page.waitForTimeout(3000);
await page.getByRole('button', { name: 'Open a terminal' }).first().click(); await page.getByRole('menuitem', { name: /Tenant/ }).click(); await page.waitForTimeout(3000);
await page.keyboard.type('ls -la; pwd; id; df -h | head; tput cols; echo "ünï 東京 😀"'); await page.keyboard.press('Enter'); await page.waitForTimeout(2000); await shot('term');
await page.keyboard.type('vim test.txt'); await page.keyboard.press('Enter'); await page.waitForTimeout(1500); await page.keyboard.type('ihello'); await page.waitForTimeout(500); await shot('vim');
await page.reload(); await page.waitForTimeout(4000); await shot('reload');
await b.close();
