import assert from 'node:assert/strict'
import { acceptInvitation, axeClean, cards, doctored, onScreen, press, say, scripted, stateOf, story, suggestionsOf, tabTo, timelineOf, until } from '../story.mjs'

export const stories = {
  'a ticket from its first message to a finding, by mouse': story(async ({ house, open }) => {
    const page = await open()
    await acceptInvitation(page, house, 'mia')
    await page.getByRole('heading', { level: 1, name: 'What do you need help with?' }).waitFor()
    await page.getByLabel('Agent', { exact: true }).selectOption('machine-doctor')
    await page.getByLabel('Message to Agent').fill('The disk is full. What takes up the space?')
    await page.getByRole('button', { name: /^Submit/ }).click()
    await page.waitForURL(/\/tickets\/HD-\d+/)
    const key = /HD-\d+/.exec(page.url())[0]
    await page.getByRole('button', { name: 'Execute' }).first().waitFor()
    await until('the agent waits', async () => (await house.api('GET', `/tickets/${key}`)).activity === 'waiting_for_you')
    const count = (await suggestionsOf(house, key)).length
    for (let i = 0; i < count; i += 1) await press(cards(page).nth(i), 'Execute')
    await stateOf(house, key, 'ran', count)
    await page.getByRole('button', { name: 'Send results' }).click()
    await page.getByRole('log').getByText(/filesystem/i).last().waitFor()
    const ended = await until('the agent has answered', async () => {
      const answers = (await timelineOf(house, key)).filter((e) => e.kind === 'MessagePosted' && e.data.role === 'assistant')
      return answers.length >= 2 && answers
    })
    assert.match(ended.at(-1).data.content, /filesystem/i)
    await page.getByRole('link', { name: /^History/ }).click()
    await page.getByRole('main').getByText('The disk is full. What takes up the space?').first().waitFor()
  }),

  'a ticket from sign-in to its closing, by keyboard alone': story(async ({ house, open }) => {
    const page = await open()
    const { keyboard } = page
    await page.goto(house.link)
    await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor()
    await tabTo(page, page.getByRole('button', { name: 'Sign in' }))
    await keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'What do you need help with?' }).waitFor()

    // A new ticket, with its pickers. What is typed on a list chooses by its beginning.
    await keyboard.press('c')
    const tenant = page.getByLabel('Tenant', { exact: true })
    await tabTo(page, tenant)
    await keyboard.type('This')
    assert.notEqual(await tenant.inputValue(), '')
    await tabTo(page, page.getByLabel('Agent', { exact: true }))
    await keyboard.type('Scr')
    assert.equal(await page.getByLabel('Agent', { exact: true }).inputValue(), 'script')
    await tabTo(page, page.getByLabel('Message to Agent'))
    await keyboard.type('say By keyboard\nsuggest echo first $((40 + 2)) ## to see\nsuggest echo second')
    await keyboard.press('Control+Enter')
    await page.waitForURL(/\/tickets\/HD-\d+/)
    const key = /HD-\d+/.exec(page.url())[0]

    // To the first card, and run it. Keys that come too soon are not taken, so it is pressed until it is.
    await cards(page).nth(1).waitFor()
    await until('the first card has the focus', async () => {
      await keyboard.press('Alt+j')
      return cards(page).first().evaluate((el) => el === document.activeElement)
    })
    await until('it runs', async () => {
      if ((await suggestionsOf(house, key))[0].state !== 'proposed') return true
      await keyboard.press('x')
      return false
    })
    await cards(page).first().getByText('first 42').waitFor()

    // The second is rejected with a reason, that is taken back, and said again otherwise.
    await keyboard.press('Alt+j')
    const second = cards(page).nth(1)
    await until('the second card has the focus', () => second.evaluate((el) => el === document.activeElement))
    const reason = second.getByLabel('What should the agent do instead?')
    await until('the form is there', async () => {
      await keyboard.press('r')
      return (await reason.count()) > 0
    })
    await reason.fill('')
    await keyboard.type('a mistake')
    await keyboard.press('Control+Enter')
    await stateOf(house, key, 'rejected')
    await tabTo(page, second.getByRole('button', { name: 'Undo' }))
    await keyboard.press('Enter')
    await stateOf(house, key, 'proposed')
    await until('the card has the focus again', () => second.evaluate((el) => el === document.activeElement))
    await until('the form is there', async () => {
      await keyboard.press('r')
      return (await reason.count()) > 0
    })
    await reason.fill('')
    await keyboard.type('use a dry run')
    await keyboard.press('Control+Enter')
    await stateOf(house, key, 'rejected')

    // Results go with the next message, which may be empty.
    await tabTo(page, page.getByLabel('Message to Agent'))
    await keyboard.press('Enter')
    await page.getByRole('log').getByText('Rejected: echo second (use a dry run)').waitFor()
    await page.getByRole('log').getByText('Ran: echo first').first().waitFor()

    // Into a terminal, and out again.
    await keyboard.press('Control+`')
    await tabTo(page, page.getByRole('button', { name: 'Open a terminal' }))
    await keyboard.press('Enter')
    await page.getByRole('menuitem', { name: /^Tenant/ }).waitFor()
    await keyboard.press('Enter')
    await onScreen(page, '$')
    await page.locator('.xterm-helper-textarea:focus').waitFor()
    await keyboard.type('echo typed-$((20 + 3))')
    await keyboard.press('Enter')
    await onScreen(page, 'typed-23')
    await keyboard.press('Control+`')
    await until('the message box has the focus', () => page.getByLabel('Message to Agent').evaluate((el) => el === document.activeElement))

    // By the palette to History, from there back, its status changed and the ticket closed.
    await keyboard.press('Control+k')
    await page.getByRole('combobox').waitFor()
    await keyboard.type('history')
    await keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'History' }).waitFor()
    await page.locator(`li[data-key=${key}] a`).waitFor()
    await keyboard.press('j')
    const row = page.locator(`li[data-key=${key}] a`)
    await tabTo(page, row, 'j')
    await keyboard.press('s')
    await page.getByRole('menuitemradio', { name: 'In Progress' }).waitFor()
    await until('the menu has the focus', () => page.getByRole('menu').evaluate((el) => el.contains(document.activeElement)))
    await keyboard.type('In')
    await keyboard.press('Enter')
    await until('it is in progress', async () => (await house.api('GET', `/tickets/${key}`)).status === 'in_progress')
    await tabTo(page, row, 'Shift+Tab')
    await keyboard.press('Enter')
    await page.waitForURL(new RegExp(`/tickets/${key}`))
    await tabTo(page, page.getByRole('button', { name: /change the status$/ }))
    await keyboard.press('Enter')
    const closed = page.getByRole('menuitemradio', { name: 'Closed' })
    await closed.waitFor()
    await until('Closed has the focus', async () => {
      await keyboard.press('ArrowDown')
      return closed.evaluate((el) => el === document.activeElement)
    })
    await keyboard.press('Enter')
    await page.getByRole('button', { name: 'Solved', exact: true }).waitFor()
    await keyboard.press('Enter')
    await until('it is closed', async () => (await house.api('GET', `/tickets/${key}`)).status === 'closed')
    await page.getByText('Closed · solved').first().waitFor()
  }),

  'a rejection reaches the agent with its reason, and nothing runs': story(async ({ house, open }) => {
    const { key } = await doctored(house)
    const page = await open('admin')
    await page.goto(`${house.base}/tickets/${key}`)
    await until('the agent waits', async () => (await house.api('GET', `/tickets/${key}`)).activity === 'waiting_for_you')
    const all = await suggestionsOf(house, key)
    for (let i = 0; i < all.length; i += 1) {
      const card = cards(page).nth(i)
      await press(card, 'Reject')
      await card.getByLabel('What should the agent do instead?').fill('not on this machine')
      await card.getByRole('button', { name: 'Reject' }).click()
    }
    await stateOf(house, key, 'rejected', all.length)
    await page.getByRole('button', { name: 'Send results' }).click()
    const sent = await until('the agent was told', async () => (await timelineOf(house, key)).filter((e) => e.kind === 'TurnSent').at(1))
    assert.equal(sent.data.delivered.length, all.length)
    assert.equal(sent.data.delivered[0].reason, 'not on this machine')
    assert.ok((await suggestionsOf(house, key)).every((s) => !s.outcome))
  }),

  'a destructive command asks twice, and closing says what it ends': story(async ({ house, open }) => {
    const { key } = await scripted(house, 'suggest rm -rf ./nothing-of-worth')
    const page = await open('admin', { bypassCSP: true })
    await page.goto(`${house.base}/tickets/${key}`)
    const card = cards(page).first()
    await card.getByText('Destructive').waitFor()
    await press(card, 'Execute')
    await card.getByText(/This may destroy data/).waitFor()
    await axeClean(page, 'the second step of a decision')
    assert.equal((await suggestionsOf(house, key))[0].state, 'proposed')
    await card.getByRole('button', { name: 'Back' }).click()
    await say(house, key, 'say done')
    await page.getByRole('log').getByRole('article', { name: /^Answer of/ }).getByText('done').waitFor()
    await page.getByRole('button', { name: /change the status$/ }).click()
    await page.getByRole('menuitemradio', { name: 'Closed' }).click()
    await page.getByText(/Closing stops what runs/).waitFor()
    await axeClean(page, 'closing')
    await page.getByRole('button', { name: 'Not solved' }).click()
    await page.getByText('Closed · not solved').first().waitFor()
  }),
}
