// Stories told in a real browser against the real server. Each has a server and data of its own.
// Usage: node web/e2e/run.mjs [words of a story's name]
import { startChromium } from './house.mjs'
import { stories } from './stories.mjs'

const only = process.argv.slice(2).join(' ').toLowerCase()
const browser = await startChromium()
let passed = 0
let failed = 0
for (const [name, tell] of Object.entries(stories)) {
  if (only !== '' && !name.toLowerCase().includes(only)) continue
  try {
    await tell(browser)
    passed += 1
    console.log(`ok   ${name}`)
  } catch (reason) {
    failed += 1
    console.log(`FAIL ${name}\n${reason?.stack ?? reason}`)
  }
}
await browser.close()
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 && passed > 0 ? 0 : 1)
