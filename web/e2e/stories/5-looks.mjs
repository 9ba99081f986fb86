import assert from 'node:assert/strict'
import { axeClean, cards, desktop, phone, press, scripted, stateOf, story, tenantOf, until } from '../story.mjs'

/** A ticket that shows much of what a ticket can show. */
async function full(house) {
  const { key } = await scripted(house,
    'think The disk may be full.', 'did df: looked at 12 filesystems', 'plan Look at the disk+; Find what is large!; Remove it',
    'say ## What I found', 'say ', 'say The disk `/dev/vda` is **91 % full**. A table:', 'say ', 'say | mount | used |', 'say | --- | ---: |', 'say | / | 91 % |', 'say | /var | 12 % |', 'say ',
    'say ```sh', 'say du -xh / | sort -h | tail', 'say ```', 'say ',
    'suggest du -xh --max-depth=2 /var/log | sort -h | tail -20 ## To see which logs are large. ## A list of directories, the largest last.',
    'suggest false ## A command that fails.', 'suggest rm -rf ./cache ## To make room.',
    'file notes.txt one', 'suggest sh notes.txt ## A command with a file.', 'link https://example.com/disk How to make room')
  await until('all is proposed', async () => (await house.api('GET', `/tickets/${key}/suggestions`)).items.length === 4)
  return key
}

/** Nothing is wider than the window, which may scroll in one direction only. */
async function fits(page, where) {
  const wide = await page.evaluate(() => {
    const room = document.documentElement.clientWidth
    const cut = (el) => {
      for (let p = el.parentElement; p; p = p.parentElement) if (/auto|scroll|hidden|clip/.test(getComputedStyle(p).overflowX)) return true
      return false
    }
    const over = [...document.querySelectorAll('body *')].filter((el) => el.getBoundingClientRect().right > room + 1 && el.checkVisibility() && !cut(el))
    return { scroll: document.documentElement.scrollWidth - room, over: over.slice(0, 5).map((el) => el.outerHTML.slice(0, 120)) }
  })
  assert.deepEqual(wide, { scroll: 0, over: [] }, `${where} fits`)
}

const nowhere = '/tickets/HD-99999'
const paths = (key) => ['/new', '/history', `/tickets/${key}`, '/studio', '/admin/tenants', '/admin/people', '/tokens']

async function visit(page, house, path) {
  await page.goto(house.base + path)
  await page.getByRole('heading', { level: 1 }).first().waitFor()
  if (path.startsWith('/tickets/') && path !== nowhere) await cards(page).first().waitFor()
  // Data come after the frame of the page.
  await until('it is loaded', async () => (await page.getByRole('main').getByText(/^Loading/).count()) === 0)
}

export const stories = {
  'every screen is accessible, in both themes, on desktop and phone': story(async ({ house, open }) => {
    const key = await full(house)
    const tenant = await tenantOf(house)
    for (const viewport of [desktop, phone]) {
      for (const colorScheme of ['light', 'dark']) {
        const page = await open('admin', { viewport, colorScheme, bypassCSP: true, hasTouch: viewport === phone, allowed: /status of 404/ })
        for (const path of [...paths(key), `/admin/tenants/${tenant.id}`, '/nowhere', nowhere]) {
          await visit(page, house, path)
          await axeClean(page, `${path} (${viewport.width}, ${colorScheme})`)
        }
        await page.context().close()
      }
    }
    const page = await open(null, { bypassCSP: true })
    await page.goto(`${house.base}/sign-in`)
    await page.getByRole('heading', { level: 1 }).waitFor()
    await axeClean(page, 'sign-in')
  }),

  'the states of a ticket are accessible: decided cards, panes, menus, palette, shortcuts': story(async ({ house, open }) => {
    const key = await full(house)
    const page = await open('admin', { bypassCSP: true })
    await visit(page, house, `/tickets/${key}`)
    await press(cards(page).nth(1), 'Execute')
    await stateOf(house, key, 'ran')
    await press(cards(page).nth(3), 'Approve')
    await stateOf(house, key, 'approved')
    await press(cards(page).nth(0), 'Ignore')
    await stateOf(house, key, 'ignored')
    await press(cards(page).nth(2), 'Reject')
    await axeClean(page, 'a rejection being written')
    await cards(page).nth(2).getByRole('button', { name: 'Reject' }).click()
    await stateOf(house, key, 'rejected')
    await axeClean(page, 'decided cards')
    for (const tab of ['Files', 'Timeline']) {
      await page.getByRole('tab', { name: tab }).click()
      await page.getByRole('tabpanel', { name: tab }).getByRole('button').or(page.getByRole('tabpanel', { name: tab }).getByRole('list')).first().waitFor()
      await axeClean(page, tab)
    }
    for (const [keys, name] of [['Control+k', 'the palette'], ['?', 'the shortcuts']]) {
      await page.getByRole('heading', { level: 1 }).click()
      await page.keyboard.press(keys)
      await page.locator('dialog[open]').waitFor()
      await axeClean(page, name)
      await page.keyboard.press('Escape')
      await until(`${name} closed`, async () => (await page.locator('dialog[open]').count()) === 0)
    }
    await page.getByRole('button', { name: /change the status$/ }).click()
    await page.getByRole('menuitemradio').first().waitFor()
    await axeClean(page, 'a menu')
  }),

  'it fits 320 px, text of twice the size, and needs neither motion nor colours of its own': story(async ({ house, open }) => {
    const key = await full(house)
    const narrow = await open('admin', { viewport: { width: 320, height: 640 }, hasTouch: true })
    for (const path of [...paths(key), '/sign-in']) {
      await visit(narrow, house, path)
      await fits(narrow, `${path} at 320 px`)
    }
    await narrow.context().close()
    const large = await open('admin', { viewport: { width: 1280, height: 900 }, bypassCSP: true })
    for (const path of paths(key)) {
      await visit(large, house, path)
      await large.addStyleTag({ content: ':root { font-size: 200% !important; }' })
      await fits(large, `${path} with large text`)
    }
    await large.context().close()
    const forced = await open('admin', { forcedColors: 'active', bypassCSP: true })
    for (const path of [`/tickets/${key}`, '/history']) {
      await visit(forced, house, path)
      await axeClean(forced, `${path} in forced colours`, { 'color-contrast': { enabled: false } }) // the colours are the system's, which axe cannot see
    }
    const moving = await forced.evaluate(() => document.getAnimations().filter((a) => a.playState === 'running' && Number(a.effect?.getTiming().duration) > 1).length)
    assert.equal(moving, 0, 'nothing moves where the person asked for no motion')
  }),
}
