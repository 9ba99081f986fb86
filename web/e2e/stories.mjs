import assert from 'node:assert/strict'
import { request } from 'node:http'
import { createRequire } from 'node:module'
import { readFile } from 'node:fs/promises'
import { startHelpDesk } from './house.mjs'

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const desktop = { width: 1440, height: 900 }
const phone = { width: 390, height: 844 }
const patient = { timeout: 60_000 }

/** Runs tell with a server of its own, and demands that no page logged an error under the real CSP. */
function story(tell) {
  return async (browser) => {
    const house = await startHelpDesk()
    const faults = []
    const open = async (options = {}) => {
      const context = await browser.newContext({ viewport: desktop, reducedMotion: 'reduce', ...options })
      context.setDefaultTimeout(60_000)
      const page = await context.newPage()
      page.on('console', (m) => { if (m.type() === 'error') faults.push(m.text()) })
      page.on('pageerror', (e) => faults.push(e.message))
      return page
    }
    try {
      await tell(house, open)
      assert.deepEqual(faults, [], 'errors in the console')
    } finally {
      for (const context of browser.contexts()) await context.close()
      await house.stop()
    }
  }
}

async function signIn(page, house) {
  await page.goto(house.link)
  await page.getByRole('main').getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('heading', { level: 1, name: 'What do you need help with?' }).waitFor()
}

async function openTicket(page, message) {
  await page.getByLabel('Message to Agent').fill(message)
  await page.getByRole('button', { name: /^Submit/ }).click()
  await page.waitForURL(/\/tickets\/HD-\d+/)
}

async function firstTicket(house, message = 'The disk is full. What takes up the space?') {
  const [tenant] = (await house.api('GET', '/tenants')).items
  return house.api('POST', '/tickets', { tenant: tenant.id, agent: 'machine-doctor', message })
}

async function until(what, check) {
  const late = Date.now() + 60_000
  for (;;) {
    const value = await check()
    if (value) return value
    if (Date.now() > late) throw new Error(`still not: ${what}`)
    await new Promise((done) => setTimeout(done, 100))
  }
}

const suggestionsOf = async (house, key) => (await house.api('GET', `/tickets/${key}/suggestions`)).items

async function axeClean(page, where) {
  await page.addScriptTag({ content: axe })
  const found = await page.evaluate(async () => {
    const result = await window.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    })
    return result.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(' | ')}`)
  })
  assert.deepEqual(found, [], `accessibility of ${where}`)
}

export const stories = {
  'a ticket from its first message to a finding, by mouse': story(async (house, open) => {
    const page = await open()
    await signIn(page, house)
    await openTicket(page, 'The disk is full. What takes up the space?')
    await page.getByRole('button', { name: 'Execute' }).first().waitFor()
    const proposed = (await suggestionsOf(house, 'HD-1')).length
    for (let left = proposed; left > 0; left -= 1) {
      await until('the card may be clicked', async () => {
        await page.getByRole('button', { name: 'Execute' }).first().click()
        return (await suggestionsOf(house, 'HD-1')).filter((s) => s.state === 'proposed').length < left
      })
    }
    await until('every command ran', async () => (await suggestionsOf(house, 'HD-1')).every((s) => s.state === 'ran'))
    await page.getByRole('button', { name: 'Send results' }).click()
    await page.getByRole('log').getByText(/filesystem/i).last().waitFor()
    const ended = await until('the agent has answered', async () => {
      const { items } = await house.api('GET', '/tickets/HD-1/timeline?limit=200')
      const answers = items.filter((e) => e.kind === 'MessagePosted' && e.data.role === 'assistant')
      return answers.length >= 2 && answers
    })
    assert.match(ended.at(-1).data.content, /filesystem/i)
    await page.goto(`${house.base}/history`)
    await page.getByText('The disk is full. What takes up the space?').first().waitFor()
  }),

  'a reload shows the same Canvas': story(async (house, open) => {
    const page = await open()
    await signIn(page, house)
    await openTicket(page, 'What is this machine? Give me an overview.')
    await page.getByRole('button', { name: 'Execute' }).first().waitFor()
    const log = page.getByRole('log')
    const before = await page.getByRole('button', { name: 'Execute' }).count()
    await page.reload()
    await page.getByRole('button', { name: 'Execute' }).first().waitFor()
    assert.equal(await page.getByRole('button', { name: 'Execute' }).count(), before)
    await log.getByText('What is this machine? Give me an overview.').first().waitFor()
  }),

  'two people decide on one command at once, and it runs once': story(async (house, open) => {
    const page = await open()
    await signIn(page, house)
    const { key } = await firstTicket(house)
    const [first] = await until('a command is proposed', async () => {
      const all = await suggestionsOf(house, key)
      return all.length > 0 && all
    })
    const decide = () =>
      house.api('POST', `/tickets/${key}/suggestions/${first.id}/decision`, { decision: 'execute', digest: first.digest })
    const answers = await Promise.allSettled([decide(), decide(), decide(), decide()])
    assert.equal(answers.filter((a) => a.status === 'fulfilled').length, 1)
    await until('it ran', async () => (await suggestionsOf(house, key)).find((s) => s.id === first.id).state === 'ran')
    const { items } = await house.api('GET', `/tickets/${key}/timeline?limit=200`)
    assert.equal(items.filter((e) => e.kind === 'RunStarted').length, 1)
    await page.goto(`${house.base}/tickets/${key}`)
    await page.getByText(/exit 0/).first().waitFor()
  }),

  'a rejection reaches the agent with its reason, and nothing runs': story(async (house) => {
    const { key } = await firstTicket(house)
    const all = await until('commands are proposed', async () => {
      const list = await suggestionsOf(house, key)
      const { activity } = await house.api('GET', `/tickets/${key}`)
      return activity === 'waiting_for_you' && list.length > 0 && list
    })
    for (const s of all) {
      await house.api('POST', `/tickets/${key}/suggestions/${s.id}/decision`, { decision: 'reject', digest: s.digest, reason: 'not on this machine' })
    }
    await house.api('POST', `/tickets/${key}/messages`, { content: '' })
    const sent = await until('the agent was told', async () => {
      const { items } = await house.api('GET', `/tickets/${key}/timeline?limit=200`)
      return items.filter((e) => e.kind === 'TurnSent').at(1)
    })
    assert.equal(sent.data.delivered.length, all.length)
    assert.equal(sent.data.delivered[0].reason, 'not on this machine')
    assert.ok((await suggestionsOf(house, key)).every((s) => !s.outcome))
  }),

  'a terminal opens, and what is typed is run': story(async (house, open) => {
    const page = await open()
    await signIn(page, house)
    const { key } = await firstTicket(house)
    const terminal = await house.api('POST', `/tickets/${key}/terminals`, { scope: 'tenant', cols: 80, rows: 24 })
    await page.goto(`${house.base}/tickets/${key}`)
    await page.getByRole('log').waitFor()
    assert.equal(terminal.state, 'live')
    await house.api('PATCH', `/tickets/${key}`, { status: 'closed', solved: true })
    await until('closing ended it', async () => {
      const { items } = await house.api('GET', `/tickets/${key}/terminals`)
      return items.every((t) => t.state === 'ended')
    })
  }),

  'every screen is accessible, in both themes, on desktop and phone': story(async (house, open) => {
    const key = (await firstTicket(house)).key
    await until('commands are proposed', async () => (await suggestionsOf(house, key)).length > 0)
    let cookies
    for (const [size, viewport] of Object.entries({ desktop, phone })) {
      for (const colorScheme of ['light', 'dark']) {
        const page = await open({ viewport, colorScheme, bypassCSP: true, hasTouch: size === 'phone' })
        if (cookies) await page.context().addCookies(cookies)
        else {
          await page.goto(house.link)
          await page.getByRole('heading', { level: 1 }).waitFor()
          await axeClean(page, 'sign-in')
          await page.getByRole('main').getByRole('button', { name: 'Sign in' }).click()
          await page.getByRole('heading', { level: 1, name: 'What do you need help with?' }).waitFor()
          cookies = await page.context().cookies()
        }
        for (const path of ['/', '/history', `/tickets/${key}`, '/studio', '/admin/tenants', '/admin/people', '/tokens']) {
          await page.goto(house.base + path)
          await page.getByRole('heading', { level: 1 }).first().waitFor(patient)
          await axeClean(page, `${path} (${size}, ${colorScheme})`)
        }
        await page.context().close()
      }
    }
  }),

  'a foreign Host and a foreign page are refused': story(async (house) => {
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
