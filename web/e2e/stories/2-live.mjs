import assert from 'node:assert/strict'
import { axeClean, cards, doctored, say, scripted, stateOf, story, suggestionsOf, timelineOf, until } from '../story.mjs'

/** What agents said. The scripts, which are messages of persons, hold the same words. */
const log = (page) => page.getByRole('log').getByRole('article', { name: /^Answer of/ })
const times = async (page, text) => (await log(page).allInnerTexts()).join('\n').split(text).length - 1

export const stories = {
  'a reload in mid-answer, and a second browser that joins: each text once, no hole': story(async ({ house, open }) => {
    const { key } = await scripted(house,
      'think First I look at it.', 'did uptime: looked at the load', 'plan Look!; Conclude', 'say before the gate', 'words 40', 'status Waiting for the disk',
      'wait midway', 'say after the gate', 'think Now it is clear.', 'did df: looked at the disk', 'wait near-end', 'say the very end')
    const page = await open('admin')
    await page.goto(`${house.base}/tickets/${key}`)
    await house.reached('midway')
    await log(page).getByText('word40').waitFor()
    await page.reload()
    const other = await open('ben')
    await other.goto(`${house.base}/tickets/${key}`)
    for (const p of [page, other]) {
      await log(p).getByText('word40').waitFor()
      await log(p).getByText(/^Thought/).first().waitFor()
      await log(p).getByText('Waiting for the disk').waitFor()
      assert.equal(await times(p, 'before the gate'), 1)
      assert.equal(await times(p, 'word17 '), 1, 'word17')
      assert.equal(await times(p, 'after the gate'), 0)
    }
    await house.openGate('midway')
    await house.reached('near-end')
    for (const p of [page, other]) await log(p).getByText('after the gate').waitFor()
    await house.openGate('near-end')
    for (const p of [page, other]) {
      await log(p).getByText('the very end').waitFor()
      await until('the answer is whole', async () => (await log(p).getByText('Waiting for the disk').count()) === 0)
      for (const text of ['before the gate', 'word1 ', 'word40', 'after the gate', 'the very end']) assert.equal(await times(p, text), 1, text)
    }
    assert.deepEqual(await log(page).allInnerTexts(), await log(other).allInnerTexts())
    await page.reload()
    await log(page).getByText('the very end').waitFor()
    for (const text of ['before the gate', 'word1 ', 'after the gate', 'the very end']) assert.equal(await times(page, text), 1, text)
    const facts = await timelineOf(house, key)
    assert.equal(facts.filter((e) => e.kind === 'ActivityRecorded').length, 2)
    await log(page).getByText('df', { exact: true }).first().waitFor()
  }),

  'two people decide on one command at the same moment: it runs once, and the other sees who decided': story(async ({ house, open }) => {
    const { key } = await scripted(house, 'suggest echo only-once ## to see who is first')
    const allowed = /status of 409/ // what the second is told
    const people = [await open('admin', { allowed }), await open('ben', { allowed })]
    for (const page of people) {
      await page.goto(`${house.base}/tickets/${key}`)
      await cards(page).first().getByRole('button', { name: 'Execute' }).waitFor()
    }
    // One press each, at once, where the button is, after the time in which presses are not taken.
    const places = await Promise.all(people.map(async (page) => {
      await page.waitForTimeout(1000)
      const { x, y, width, height } = await cards(page).first().getByRole('button', { name: 'Execute' }).boundingBox()
      return [x + width / 2, y + height / 2]
    }))
    await Promise.all(people.map((page, i) => page.mouse.click(...places[i])))
    await stateOf(house, key, 'ran')
    const facts = await timelineOf(house, key)
    assert.equal(facts.filter((e) => e.kind === 'RunStarted').length, 1)
    const winner = facts.find((e) => e.kind === 'SuggestionDecided').actor.name
    for (const page of people) await cards(page).first().getByText(/exit 0/).first().waitFor()
    const [won, lost] = winner === 'Admin' ? people : people.toReversed()
    await cards(won).first().getByText(/Run by you/).waitFor()
    await cards(lost).first().getByText(new RegExp(`Run by ${winner}`)).waitFor()
  }),

  'ten tabs of one browser are live on one ticket, and one on another; then the leading tab is closed': story(async ({ house, browserOf }) => {
    const [{ key }, { key: second }] = [await scripted(house, 'say hello'), await scripted(house, 'say elsewhere')]
    const context = await browserOf('admin')
    const streams = [] // the tab of each event stream that was asked for
    context.on('request', (r) => { if (r.url().includes('/api/v1/events')) streams.push(r.frame().page()) })
    const tabs = []
    for (let i = 0; i < 11; i += 1) {
      const page = await context.newPage()
      await page.goto(`${house.base}/tickets/${i < 10 ? key : second}`, { waitUntil: 'commit' })
      tabs.push(page)
    }
    const [elsewhere, ten] = [tabs.at(-1), tabs.slice(0, 10)]
    for (const page of ten) await log(page).getByText('hello').first().waitFor()
    await say(house, key, 'say to all of you')
    await say(house, second, 'say to you alone')
    for (const page of ten) await log(page).getByText('to all of you').first().waitFor()
    await log(elsewhere).getByText('to you alone').first().waitFor()

    // Whichever tab holds the stream is closed; another takes its place, and parts flow while an answer is given.
    await say(house, key, 'say one', 'wait tabs', 'say two')
    await house.reached('tabs')
    for (const page of ten) await log(page).getByText('one', { exact: true }).waitFor()
    const leader = streams.at(-1)
    await leader.close()
    await until('another tab leads', () => streams.at(-1) !== leader)
    await house.openGate('tabs')
    await say(house, second, 'say still here')
    const left = ten.filter((page) => page !== leader)
    for (const page of left) await log(page).getByText('two').last().waitFor()
    if (elsewhere !== leader) await log(elsewhere).getByText('still here').last().waitFor()
    for (const page of left) assert.equal(await page.getByText('Connection lost.').count(), 0)
    const leaders = new Set(streams.slice(streams.lastIndexOf(leader) + 1))
    assert.equal(leaders.size, 1, 'one tab holds the stream')
  }),

  'the end of the session in one tab is the end in all': story(async ({ house, browserOf }) => {
    const { key } = await scripted(house, 'say hello')
    const context = await browserOf('carla', { allowed: /status of 401/ }) // which is how the tabs learn of it
    const [one, two] = [await context.newPage(), await context.newPage()]
    for (const page of [one, two]) {
      await page.goto(`${house.base}/tickets/${key}`)
      await log(page).getByText('hello').first().waitFor()
    }
    house.signedIn.delete('carla')
    await one.getByRole('button', { name: /carla@example.com/ }).click()
    await one.getByRole('menuitem', { name: 'Sign out' }).click()
    for (const page of [one, two]) await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor()
  }),

  'the server is killed while a page is open: it says so, comes back and has everything': story(async ({ house, open }) => {
    const { key } = await scripted(house, 'say before')
    const page = await open('admin', { bypassCSP: true })
    await page.goto(`${house.base}/tickets/${key}`)
    await log(page).getByText('before').first().waitFor()
    await house.end('SIGKILL')
    await page.getByText('Connection lost.').waitFor()
    await axeClean(page, 'a lost connection')
    await house.start('two')
    await say(house, key, 'say while you were away')
    await log(page).getByText('while you were away').last().waitFor()
    await until('it is live', async () => (await page.getByText('Connection lost.').count()) === 0)
    // The server is of another release now; the page offers itself anew, and keeps what was typed.
    await page.getByLabel('Message to Agent').fill('half a sen')
    await until('a new version is offered', async () => (await page.getByText('A new version is ready.').count()) > 0)
    await axeClean(page, 'a new release')
    await page.getByRole('button', { name: 'Reload' }).click()
    await log(page).getByText('before').first().waitFor()
    assert.equal(await page.getByLabel('Message to Agent').inputValue(), 'half a sen')
    await until('it is live', async () => (await page.getByText('A new version is ready.').count()) === 0)

    // The process that serves is killed alone; its launcher starts another, and nothing of an answer is lost.
    await page.getByLabel('Message to Agent').fill('say started\nwait killed\nsay never said')
    await page.getByRole('button', { name: 'Send' }).click()
    await house.reached('killed')
    await log(page).getByText('started', { exact: true }).waitFor()
    const said = Date.now()
    await until('the text is on disk, a second after it was said at the latest', () => Date.now() - said > 1500)
    await house.killServer()
    await page.getByText('Connection lost.').waitFor()
    await page.getByText('Up to date').waitFor()
    await page.getByRole('log').getByText(/interrupted/i).first().waitFor()
    await page.getByRole('log').getByText('started', { exact: true }).last().waitFor()
  }, { alone: true }),

  'a reload shows the same Canvas': story(async ({ house, open }) => {
    const { key } = await doctored(house, 'What is this machine? Give me an overview.')
    const page = await open('admin')
    await page.goto(`${house.base}/tickets/${key}`)
    await until('the agent waits', async () => (await house.api('GET', `/tickets/${key}`)).activity === 'waiting_for_you')
    const count = (await suggestionsOf(house, key)).length
    for (const _ of [1, 2]) {
      await until('all cards are there', async () => (await cards(page).count()) === count)
      await page.getByRole('log').getByText('What is this machine? Give me an overview.').first().waitFor()
      await page.reload()
    }
  }),
}
