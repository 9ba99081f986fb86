// E2E_PATIENCE: how long to wait for anything, in ms.
export const patience = Number(process.env.E2E_PATIENCE ?? 60_000)

/** Waits for a condition; what it answers is the answer. */
export async function until(what, check) {
  const late = Date.now() + patience
  for (;;) {
    const value = await check()
    if (value) return value
    if (Date.now() > late) throw new Error(`still not: ${typeof what === 'function' ? what() : what}`)
    await new Promise((done) => setTimeout(done, 100))
  }
}
