// A real HelpDesk and a real Chromium, for the stories in this folder.
import { spawn } from 'node:child_process'
import { mkdtemp, rm, chmod } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { chromium } from 'playwright-core'

const binary = resolve(import.meta.dirname, '../../bin/helpdesk')
export const adminToken = 'e2e-bootstrap-token-0001'

const chromiumFlags = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
]

async function freePort() {
  const server = createServer()
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address()
  await new Promise((done) => server.close(done))
  return port
}

/** Starts a server on fresh data and waits until it prints its link. */
export async function startHelpDesk() {
  const data = await mkdtemp(join(tmpdir(), 'helpdesk-e2e-'))
  await chmod(data, 0o755)
  const port = await freePort()
  const child = spawn(binary, ['serve'], {
    env: { ...process.env, HELPDESK_DATA: data, HELPDESK_LISTEN: `127.0.0.1:${port}`, HELPDESK_ADMIN_TOKEN: adminToken },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  let errors = ''
  child.stderr.on('data', (chunk) => { errors += chunk })
  const link = await new Promise((found, failed) => {
    const late = setTimeout(() => failed(new Error(`no link after 60 s\n${text}\n${errors}`)), 60_000)
    child.stdout.on('data', (chunk) => {
      text += chunk
      const match = /http:\S+\/sign-in#\S+/.exec(text)
      if (match) { clearTimeout(late); found(match[0]) }
    })
    child.once('exit', (code) => failed(new Error(`the server ended with ${code}\n${text}\n${errors}`)))
  })
  const base = `http://127.0.0.1:${port}`
  const api = async (method, path, body) => {
    const answer = await fetch(`${base}/api/v1${path}`, {
      method, headers: { Authorization: `Bearer ${adminToken}`, 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
    const said = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${said}`)
    return said === '' ? undefined : JSON.parse(said)
  }
  const stop = async () => {
    const gone = new Promise((done) => child.once('exit', done))
    child.kill('SIGTERM')
    await gone
    await rm(data, { recursive: true, force: true })
  }
  return { base, link, api, port, stop, log: () => errors }
}

export const startChromium = () =>
  chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true, args: chromiumFlags })
