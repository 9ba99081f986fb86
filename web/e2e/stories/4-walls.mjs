import assert from 'node:assert/strict'
import { createServer, request } from 'node:http'
import { cards, scripted, story, until } from '../story.mjs'
import { startChromium } from '../house.mjs'

const hostile = [
  '<script>window.hacked = 1</script>',
  '<img src=x onerror="window.hacked = 2"><svg onload="window.hacked = 3"></svg>',
  '[a link](javascript:window.hacked=4) and [data](data:text/html,<script>window.hacked=5</script>)',
  '<iframe src="http://evil.example/"></iframe><form action="http://evil.example/"><button>Send</button></form>',
  `![huge](http://evil.example/${'x'.repeat(2000)}.png)`,
  '<div style="position:fixed;inset:0;background:red">covered</div>',
  'safe \u202Egnp.exe\u202C and \u2066hidden\u2069',
  '<a href="#" onclick="window.hacked=6">press</a>',
]

export const stories = {
  'hostile text of an agent stays text': story(async ({ house, open }) => {
    const { key } = await scripted(house, ...hostile.flatMap((line) => [`say ${line}`, 'say ']), 'suggest echo \u202Egnp.exe ## <script>window.hacked = 7</script>',
      'link javascript:window.hacked=8 a link card', 'did <img src=x onerror=window.hacked=9>: <b>bold</b>', 'ask <script>window.hacked=10</script>? <i>yes</i>; no', 'say the end')
    const page = await open('admin')
    const outside = []
    page.on('request', (r) => { if (!r.url().startsWith(house.base) && !r.url().startsWith('data:') && !r.url().startsWith('blob:')) outside.push(r.url()) })
    await page.goto(`${house.base}/tickets/${key}`)
    await page.getByRole('log').getByRole('article', { name: /^Answer of/ }).getByText('the end').waitFor()
    await cards(page).first().getByText('U+202E').waitFor()
    for (const link of await page.getByRole('log').getByRole('link').all()) {
      const href = await link.getAttribute('href')
      assert.match(href ?? '', /^(https?:|mailto:|\/)/, 'only addresses that cannot run anything are links')
    }
    const found = await page.evaluate(() => ({
      hacked: window.hacked,
      bad: document.querySelectorAll('[role=log] :is(script, iframe, form[action], svg[onload], img[onerror], [onclick], [style*="fixed"], object, embed, style)').length,
    }))
    assert.deepEqual(found, { hacked: undefined, bad: 0 })
    assert.deepEqual(outside, [], 'the page asks nobody else for anything')
  }),

  'a page under another name that leads here is refused': story(async ({ house }) => {
    const other = await startChromium(`--host-resolver-rules=MAP rebound.example 127.0.0.1`)
    try {
      const page = await other.newPage()
      const answer = await page.goto(`http://rebound.example:${house.port}/`)
      assert.equal(answer.status(), 421)
      const fetched = await page.evaluate(async () => (await fetch('/api/v1/me').catch(() => ({ status: 'failed' }))).status)
      assert.ok(fetched === 421 || fetched === 'failed', `the API answered ${fetched}`)
    } finally {
      await other.close()
    }
  }),

  'a foreign page can do nothing here, though its visitor is signed in': story(async ({ house, browserOf }) => {
    const { key } = await scripted(house, 'suggest echo never')
    await until('it is proposed', async () => (await house.api('GET', `/tickets/${key}/suggestions`)).items.length === 1)
    const foreign = createServer((_req, res) => res.setHeader('Content-Type', 'text/html').end('<!doctype html><title>Elsewhere</title><p>Elsewhere</p>'))
    await new Promise((done) => foreign.listen(0, '127.0.0.1', done))
    const context = await browserOf('admin', { allowed: /./ })
    try {
      // Another port is another origin of the same site, so cookies do go along; that is the harder case.
      const page = await context.newPage()
      await page.goto(`http://127.0.0.1:${foreign.address().port}/`)
      const tried = await page.evaluate(async ({ base, ticket }) => {
        const ask = (path, init) => fetch(`${base}/api/v1${path}`, { credentials: 'include', ...init }).then((r) => `read ${r.status}`, () => 'unread')
        const post = { method: 'POST', body: JSON.stringify({ content: 'forged' }) }
        const socket = await new Promise((done) => {
          const ws = new WebSocket(`${base.replace('http', 'ws')}/api/v1/terminals/01a21054-f817-7d05-993d-0203f42b32cc/attach`)
          ws.onopen = () => done('open')
          ws.onerror = () => done('refused')
        })
        return {
          read: await ask('/me'),
          plain: await ask(`/tickets/${ticket}/messages`, { ...post, mode: 'no-cors', headers: { 'Content-Type': 'text/plain' } }),
          json: await ask(`/tickets/${ticket}/messages`, { ...post, headers: { 'Content-Type': 'application/json' } }),
          signOut: await ask('/sign-out', { method: 'POST', mode: 'no-cors' }),
          events: await ask('/events?list=true'),
          socket,
        }
      }, { base: house.base, ticket: key })
      assert.equal(tried.read, 'unread')
      assert.equal(tried.json, 'unread')
      assert.equal(tried.events, 'unread')
      assert.equal(tried.socket, 'refused')
      // A form of the foreign page, which a browser sends without asking.
      await page.setContent(`<form method="post" enctype="text/plain" action="${house.base}/api/v1/tickets/${key}/messages"><input name='{"content":"forged","x":"' value='"}'></form>`)
      const [answer] = await Promise.all([page.waitForResponse((r) => r.url().endsWith('/messages')), page.evaluate(() => document.forms[0].submit())])
      assert.equal(answer.status(), 403)
      await page.waitForURL(/messages$/)
      // Nor may it show this one in a frame.
      await page.goto(`http://127.0.0.1:${foreign.address().port}/`)
      await page.setContent(`<iframe src="${house.base}/history"></iframe>`)
      await page.frameLocator('iframe').locator('h1').waitFor({ timeout: 1500 }).then(() => assert.fail('it is shown in a frame'), () => {})
      const log = (await house.api('GET', `/tickets/${key}/timeline?limit=200`)).items
      assert.equal(log.filter((e) => e.kind === 'MessagePosted' && e.data.content?.includes('forged')).length, 0)
      const own = await context.newPage()
      await own.goto(`${house.base}/tickets/${key}`)
      await cards(own).first().waitFor() // still signed in
    } finally {
      await new Promise((done) => { foreign.close(done); foreign.closeAllConnections() })
    }
  }),

  'a foreign Host is refused, whatever asks': story(async ({ house }) => {
    const ask = (headers, path = '/api/v1/me', method = 'GET') =>
      new Promise((done, failed) => {
        const r = request({ host: '127.0.0.1', port: house.port, path, method, headers }, (answer) => {
          answer.resume()
          done(answer.statusCode)
        })
        r.on('error', failed)
        r.end()
      })
    assert.equal(await ask({ Host: 'evil.example' }), 421)
    assert.equal(await ask({ Host: `127.0.0.1:${house.port}` }), 401)
    const status = await ask({ Host: `127.0.0.1:${house.port}`, Origin: 'http://evil.example', 'Sec-Fetch-Site': 'cross-site', Cookie: 'helpdesk_session=x' }, '/api/v1/sign-out', 'POST')
    assert.equal(status, 403)
  }),
}
