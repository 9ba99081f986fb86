// Stories told in a real browser against the real server. They share one server, but for those that would disturb others.
// Usage: node web/e2e/run.mjs [words of a story's name [| of another's]]
// E2E_BINARY: a server that was built before. E2E_SHOTS: a directory for pictures of failures.
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildServer, startChromium, startHelpDesk } from './house.mjs'

const only = process.argv.slice(2).join(' ').toLowerCase().split('|').map((words) => words.trim())
const folder = join(import.meta.dirname, 'stories')
const stories = []
for (const file of (await readdir(folder)).toSorted()) stories.push(...Object.entries((await import(join(folder, file))).stories))
const told = stories.filter(([name]) => only.some((words) => name.toLowerCase().includes(words)))

const built = await mkdtemp(join(tmpdir(), 'helpdesk-e2e-build-'))
const binary = process.env.E2E_BINARY ?? buildServer(built)
const browser = await startChromium()
let shared
let passed = 0
for (const [name, { run, alone }] of told) {
  const began = Date.now()
  let house
  try {
    house = alone ? await startHelpDesk(binary) : (shared ??= await startHelpDesk(binary))
    await run(browser, house)
    passed += 1
    console.log(`ok   ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`)
  } catch (reason) {
    console.log(`FAIL ${name}\n${reason?.stack ?? reason}\n${reason?.cause ?? ''}\n${house?.log().slice(-2000)}`)
  } finally {
    if (alone) await house?.stop()
  }
}
await browser.close()
await shared?.stop()
await rm(built, { recursive: true, force: true })
const failed = told.length - passed
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 && passed > 0 ? 0 : 1)
