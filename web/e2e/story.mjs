// What stories are told with.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { readFile } from 'node:fs/promises'
import { patience, until } from './until.mjs'

export { until }
export const desktop = { width: 1440, height: 900 }
export const phone = { width: 390, height: 844 }

// What a browser itself says when a server is not there; the page is not to blame.
const ofTheNetwork = /Failed to load resource: net::|WebSocket connection to .* failed|net::ERR_/

/**
 * Runs a story, with pages that belong to people, and demands that no page logged an error under the real CSP.
 * `alone`: it needs a server that no other story uses.
 */
export function story(tell, { alone = false } = {}) {
  const run = async (browser, house) => {
    const faults = []
    const listen = (page, allowed) => {
      const note = (text) => { if (!ofTheNetwork.test(text) && !allowed?.test(text)) faults.push(text) }
      page.on('console', (m) => { if (m.type() === 'error') note(m.text()) })
      page.on('pageerror', (e) => note(e.message))
    }
    /** A browser of somebody: 'admin', 'ben', or nobody yet. */
    const browserOf = async (who, { allowed, ...options } = {}) => {
      const storageState = who ? await signedIn(browser, house, who) : undefined
      const context = await browser.newContext({ viewport: desktop, reducedMotion: 'reduce', storageState, ...options })
      context.setDefaultTimeout(patience)
      await context.addInitScript(() => location.protocol === 'http:' && localStorage.setItem('helpdesk.terminal.screenReader', '1')) // the screen as text
      context.on('page', (page) => listen(page, allowed))
      return context
    }
    const open = async (who, options) => (await browserOf(who, options)).newPage()
    try {
      await tell({ house, open, browserOf, browser })
      assert.deepEqual(faults, [], 'errors in the console')
    } catch (reason) {
      if (process.env.E2E_SHOTS) await shoot(browser)
      throw reason
    } finally {
      for (const context of browser.contexts()) await context.close()
    }
  }
  return { run, alone }
}

async function shoot(browser) {
  const pages = browser.contexts().flatMap((c) => c.pages())
  await Promise.allSettled(pages.map((page, i) => page.screenshot({ path: `${process.env.E2E_SHOTS}/failed-${i}.png`, timeout: 10_000 })))
}

/** Signs a person in once for all stories of this server; answers the cookies. */
async function signedIn(browser, house, who) {
  if (!house.signedIn.has(who)) {
    const context = await browser.newContext()
    const page = await context.newPage()
    await acceptInvitation(page, house, who)
    await page.getByRole('heading', { level: 1, name: 'What do you need help with?' }).waitFor()
    house.signedIn.set(who, await context.storageState())
    await context.close()
  }
  return house.signedIn.get(who)
}

export const nameOf = (who) => who[0].toUpperCase() + who.slice(1)

export async function acceptInvitation(page, house, who) {
  const tenants = (await house.api('GET', '/tenants')).items.map((t) => t.id)
  const { link } = await house.api('POST', '/users', { email: `${who}@example.com`, tenants, admin: who === 'admin' })
  await page.goto(link)
  await page.getByLabel('Your name').fill(nameOf(who))
  await page.getByLabel('Password', { exact: true }).fill('four words in a row')
  await page.getByRole('button', { name: 'Accept invitation' }).click()
}

export async function tenantOf(house) {
  return (await house.api('GET', '/tenants')).items[0]
}

/** A ticket whose message is played as a script; see internal/agent/script. */
export async function scripted(house, ...lines) {
  return house.api('POST', '/tickets', { tenant: (await tenantOf(house)).id, agent: 'script', message: lines.join('\n') })
}

export async function doctored(house, message = 'The disk is full. What takes up the space?') {
  return house.api('POST', '/tickets', { tenant: (await tenantOf(house)).id, agent: 'machine-doctor', message })
}

export const say = (house, key, ...lines) => house.api('POST', `/tickets/${key}/messages`, { content: lines.join('\n') })
export const suggestionsOf = async (house, key) => (await house.api('GET', `/tickets/${key}/suggestions`)).items
export const timelineOf = async (house, key) => (await house.api('GET', `/tickets/${key}/timeline?limit=200`)).items
export const stateOf = async (house, key, state, count = 1) =>
  until(`${count} suggestions of ${key} are ${state}`, async () => (await suggestionsOf(house, key)).filter((s) => s.state === state).length >= count)

/** The suggested commands that the page shows. */
export const cards = (page) => page.getByRole('log').getByRole('group', { name: /^Suggested command/ })

/** Presses one of a card's four buttons until it is taken: a press within its first moments is not. */
export async function press(card, button) {
  const choice = card.getByRole('button', { name: button, exact: true })
  const open = card.getByRole('button', { name: 'Approve', exact: true })
  await choice.waitFor()
  await until(`${button} was taken`, async () => {
    if ((await open.count()) === 0) return true
    await choice.click({ timeout: 5000 }).catch(() => {})
    return (await open.count()) === 0
  })
}

/** Presses Tab until something has the focus. */
export async function tabTo(page, target, key = 'Tab') {
  await target.first().waitFor()
  for (let i = 0; i < 80; i += 1) {
    if (await target.first().evaluate((el) => el === document.activeElement)) return
    await page.keyboard.press(key)
  }
  throw new Error(`${target} cannot be reached with ${key}`)
}

/** What stands on the screen of the terminal that is shown. */
export const screen = async (page) =>
  (await page.locator('.xterm-accessibility-tree').filter({ visible: true }).first().innerText().catch(() => '')).replaceAll('\u00a0', ' ')

export const onScreen = (page, what) => {
  let text = ''
  return until(() => `${what} on the screen, which shows:\n${text}`, async () => {
    text = await screen(page)
    return what instanceof RegExp ? what.test(text) : text.includes(what)
  })
}

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** The page must be opened with bypassCSP. With rules some rules of axe are asked for otherwise. */
export async function axeClean(page, where, rules = {}) {
  if (!(await page.evaluate(() => 'axe' in window))) await page.addScriptTag({ content: axe })
  const found = await page.evaluate(async (some) => {
    const result = await window.axe.run(document, { rules: some, runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
    return result.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(' | ')}`)
  }, rules)
  assert.deepEqual(found, [], `accessibility of ${where}`)
}
