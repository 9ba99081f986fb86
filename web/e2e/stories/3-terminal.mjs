import assert from 'node:assert/strict'
import { axeClean, cards, onScreen, press, screen, scripted, stateOf, story, suggestionsOf, timelineOf, until } from '../story.mjs'

const openTerminal = async (page, item = /^Tenant/) => {
  await page.getByRole('button', { name: 'Open a terminal' }).last().click()
  await page.getByRole('menuitem', { name: item }).click()
  await page.locator('.xterm-helper-textarea:focus').waitFor()
  await onScreen(page, '$')
}
const type = async (page, text, key = 'Enter') => {
  await page.keyboard.type(text)
  await page.keyboard.press(key)
}
/** What is typed goes to the terminal that is shown. */
const focusTerminal = (page) => page.locator('.xterm-helper-textarea').filter({ visible: true }).first().focus()
const paste = (page, text) => page.evaluate((t) => {
  const data = new DataTransfer()
  data.setData('text/plain', t)
  document.activeElement.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }))
}, text)

export const stories = {
  'a terminal is opened and typed in; it survives a reload, a resize and a second person': story(async ({ house, open }) => {
    const { key } = await scripted(house, 'say hello')
    const page = await open('admin', { bypassCSP: true })
    await page.goto(`${house.base}/tickets/${key}`)
    await openTerminal(page)
    await type(page, 'echo echo-$((40 + 2))')
    await onScreen(page, 'echo-42')
    await axeClean(page, 'an open terminal')

    // The size follows the window: what a program is told is what is shown.
    await page.setViewportSize({ width: 1200, height: 700 })
    await until('the shell knows the size', async () => {
      await type(page, 'clear; stty size')
      const shown = /(\d+)×(\d+)/.exec(await page.getByText(/^connected/).locator('..').first().innerText())
      await onScreen(page, /^\s*\d+ \d+/m)
      const told = /^\s*(\d+) (\d+)/m.exec(await screen(page))
      return shown && told && told[1] === shown[2] && told[2] === shown[1]
    })

    // Full-screen programs.
    await type(page, 'seq 1 500 > lines; less lines')
    await onScreen(page, /^lines|^1$/m)
    await page.keyboard.press('G')
    await onScreen(page, '(END)')
    await page.keyboard.press('q')
    await type(page, 'clear; command -v vim vi | head -1')
    if (/vi/.test(await screen(page).then((t) => t.replace(/command.*/g, '')))) {
      await type(page, 'clear; vi note')
      await onScreen(page, '~')
      await type(page, 'iwritten in vi', 'Escape')
      await type(page, ':wq')
      await type(page, 'clear; cat note')
      await onScreen(page, /^written in vi/m)
    }

    // What runs goes on while the page is loaded anew, and the screen is as it was.
    await type(page, 'clear; echo kept-$((1 + 1)); read -p "name: " name; echo "hello $name"')
    await onScreen(page, 'name:')
    await page.reload()
    await onScreen(page, 'kept-2')
    await onScreen(page, 'name:')

    // A second person sees the same, live, and may type.
    const other = await open('ben')
    await other.goto(`${house.base}/tickets/${key}`)
    await onScreen(other, 'name:')
    await page.getByText('with Ben').waitFor()
    await focusTerminal(other)
    await type(other, 'both of us')
    for (const p of [page, other]) await onScreen(p, 'hello both of us')

    // Several lines would run as they arrive; where the shell does not take pastes as such, the page asks.
    await focusTerminal(page)
    await type(page, "clear; bind 'set enable-bracketed-paste off'; printf '\\e[?2004l'; cat > /dev/null")
    await until('pastes are plain', async () => {
      await focusTerminal(page)
      await paste(page, 'one\ntwo\n')
      return page.getByRole('heading', { name: 'Paste 2 lines?' }).isVisible()
    })
    await axeClean(page, 'a paste that asks')
    await page.getByRole('button', { name: 'Cancel' }).click()
    assert.doesNotMatch(await screen(page), /^two/m)
    await focusTerminal(page)
    await paste(page, 'one\ntwo\n')
    await page.getByRole('button', { name: 'Paste', exact: true }).click()
    await onScreen(page, /^two/m)

    // It ends for everybody.
    await page.getByTitle(/^End Tenant/).click()
    await page.getByRole('button', { name: 'End terminal' }).click()
    await other.getByText(/^Ended|^Stopped/).first().waitFor()
  }),

  'a command that reads is typed into, and one that does not end is stopped': story(async ({ house, open }) => {
    const { key } = await scripted(house, 'suggest read -p "how many? " n; echo "there are $((n * 2))"', 'suggest echo begun; sleep 600')
    const page = await open('admin', { bypassCSP: true })
    await page.goto(`${house.base}/tickets/${key}`)
    await press(cards(page).first(), 'Execute')
    const run = page.getByRole('region', { name: 'Runs' }).getByRole('article').first()
    await run.getByLabel('Output').getByText('how many?').waitFor()
    await axeClean(page, 'a run in progress')
    await run.getByRole('button', { name: 'Type into it' }).click()
    await onScreen(page, 'how many?')
    await focusTerminal(page)
    await type(page, '21')
    await cards(page).first().getByText('there are 42').waitFor()
    await stateOf(house, key, 'ran')

    await press(cards(page).nth(1), 'Execute')
    await cards(page).nth(1).getByLabel('Output').getByText('begun').waitFor()
    await cards(page).nth(1).getByRole('button', { name: 'Stop' }).click()
    await stateOf(house, key, 'ran', 2)
    await cards(page).nth(1).getByText(/stopped/i).first().waitFor()
    const [, second] = await suggestionsOf(house, key)
    assert.equal(second.outcome.stopped, true)
  }),

  'the admin terminal is offered to admins, where the server allows it': story(async ({ house, open }) => {
    const { key } = await scripted(house, 'say hello')
    const page = await open('admin')
    await page.goto(`${house.base}/tickets/${key}`)
    await page.getByRole('button', { name: 'Open a terminal' }).click()
    await page.getByRole('menuitem', { name: /^Admin/ }).click()
    await onScreen(page, /[#$] $|[#$]\s*$/)
    await page.locator('.xterm-helper-textarea:focus').waitFor()
    await type(page, 'echo admin-$((2 + 3))')
    await onScreen(page, 'admin-5')
    assert.ok((await timelineOf(house, key)).some((e) => e.kind === 'TerminalOpened' && e.data.scope === 'admin'))
    const other = await open('ben')
    await other.goto(`${house.base}/tickets/${key}`)
    await other.getByRole('button', { name: 'Open a terminal' }).first().click()
    await other.getByRole('menuitem', { name: /^Admin/ }).waitFor()
    assert.equal(await other.getByRole('menuitem', { name: /^Admin/ }).getAttribute('aria-disabled'), 'true')
    // Who is in the ticket sees it, as everything in it, and types nothing.
    await other.keyboard.press('Escape')
    await onScreen(other, 'admin-5')
    await other.getByText('read only').first().waitFor()
  }),
}
