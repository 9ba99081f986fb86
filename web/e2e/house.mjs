// A real HelpDesk and a real Chromium, for the stories in this folder.
import { execFileSync, spawn } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { chromium } from 'playwright-core'
import { until } from './until.mjs'

const root = resolve(import.meta.dirname, '../..')
export const adminToken = 'e2e-bootstrap-token-0001'

const chromiumFlags = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
]

/** Builds the program that also offers the scripted agent; answers its path. */
export function buildServer(dir) {
  const binary = join(dir, 'helpdesktest')
  execFileSync('go', ['build', '-o', binary, './cmd/helpdesktest'], { cwd: root, stdio: 'inherit', env: { ...process.env, CGO_ENABLED: '0' } })
  return binary
}

async function freePort() {
  const server = createServer()
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address()
  await new Promise((done) => server.close(done))
  return port
}

/** Starts a server on fresh data and waits until it prints its link. */
export async function startHelpDesk(binary) {
  const data = await mkdtemp(join(tmpdir(), 'helpdesk-e2e-'))
  await chmod(data, 0o755)
  const gates = join(data, 'gates') // in which the scripted agent, another user, writes where it stands
  await mkdir(gates)
  await chmod(gates, 0o777)
  const port = await freePort()
  const base = `http://127.0.0.1:${port}`
  let child
  let errors = ''

  const start = async (version = 'one') => {
    let text = ''
    child = spawn(binary, ['serve'], {
      env: {
        ...process.env, HELPDESK_DATA: join(data, 'data'), HELPDESK_LISTEN: `127.0.0.1:${port}`, HELPDESK_ADMIN_TOKEN: adminToken,
        BROWSERTEST_GATES: gates, BROWSERTEST_VERSION: version,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child.stderr.on('data', (chunk) => { errors += chunk })
    const serving = child
    return new Promise((found, failed) => {
      const late = setTimeout(() => failed(new Error(`no link after 60 s\n${text}\n${errors}`)), 60_000)
      serving.stdout.on('data', (chunk) => {
        text += chunk
        const match = /http:\S+\/sign-in#\S+/.exec(text)
        if (match) { clearTimeout(late); found(match[0]) }
      })
      serving.once('exit', (code) => { clearTimeout(late); failed(new Error(`the server ended with ${code}\n${text}\n${errors}`)) })
    })
  }
  const ended = (process) => new Promise((done) => (process.exitCode !== null || process.signalCode !== null ? done() : process.once('exit', done)))
  const end = async (signal) => {
    child.kill(signal)
    await ended(child)
  }
  /** Kills the process that serves, which the launcher is the parent of; the launcher then starts another. */
  const killServer = async () => {
    const pids = []
    for (const thread of await readdir(`/proc/${child.pid}/task`)) { // each knows the processes that it started
      const children = await readFile(`/proc/${child.pid}/task/${thread}/children`, 'utf8')
      pids.push(...children.split(' ').filter(Boolean).map(Number))
    }
    for (const pid of pids) {
      const args = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0')
      if (args[1] === 'serve') process.kill(pid, 'SIGKILL')
    }
  }

  const api = async (method, path, body) => {
    const answer = await fetch(`${base}/api/v1${path}`, {
      method, headers: { Authorization: `Bearer ${adminToken}`, 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
    const said = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${said}`)
    return said === '' ? undefined : JSON.parse(said)
  }
  const reached = (gate) => until(`the script stands before ${gate}`, () => existsSync(join(gates, `${gate}.waiting`)))
  const openGate = (gate) => writeFile(join(gates, gate), '')
  const stop = async () => {
    await end('SIGTERM')
    await rm(data, { recursive: true, force: true })
  }

  const link = await start()
  return { base, port, link, api, reached, openGate, start, end, killServer, stop, log: () => errors, signedIn: new Map() }
}

export const startChromium = (...flags) =>
  chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true, args: [...chromiumFlags, ...flags] })
