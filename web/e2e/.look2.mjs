import { startHelpDesk, startChromium } from './house.mjs'
const h = await startHelpDesk(); const b = await startChromium()
const p = await b.newPage({viewport:{width:1440,height:900}})
p.on('console', m => console.log('console:', m.type(), m.text())); p.on('pageerror', e=>console.log('pageerror', e.message))
p.on('response', r=>r.url().includes('/api/')&&console.log(r.status(), r.url()))
await p.goto(h.link); await p.waitForSelector('h1'); 
console.log(await p.locator('body').innerText())
await p.getByRole('button').filter({hasText:/sign in|continue/i}).first().click({timeout:8000})
await new Promise(r=>setTimeout(r,4000)); console.log(p.url()); console.log(await p.locator('body').innerText())
await p.screenshot({path:'/tmp/s2.png'}); console.log(h.log().slice(-800))
await b.close(); await h.stop(); process.exit(0)
