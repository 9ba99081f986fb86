// A browser by hand: Web Locks and BroadcastChannel between tabs that a test opens, closes, crashes and freezes.

type Lock = { tab: FakeTab; end: () => void; stolen: (e: Error) => void };
type Waiting = { tab: FakeTab; run: () => void };

export class FakeBrowser {
  held = new Map<string, Lock>();
  waiting = new Map<string, Waiting[]>();
  tabs = new Set<FakeTab>();

  tab(): FakeTab {
    const tab = new FakeTab(this);
    this.tabs.add(tab);
    return tab;
  }

  release(name: string, lock: Lock) {
    if (this.held.get(name) !== lock) return;
    this.held.delete(name);
    this.waiting.get(name)?.shift()?.run();
  }
}

const aborted = () => new DOMException('aborted', 'AbortError');

export class FakeTab {
  channels: FakeChannel[] = [];
  /** A frozen tab hears nothing until it is thawed; then it hears all at once. */
  frozen = false;
  kept: (() => void)[] = [];

  constructor(readonly browser: FakeBrowser) {}

  locks = {
    request: (name: string, options: unknown, given?: unknown): Promise<unknown> => {
      const { signal, steal } = (typeof options === 'object' && options !== null ? options : {}) as LockOptions;
      const run = (given ?? options) as () => Promise<unknown>;
      return new Promise((resolve, reject) => {
        const grant = () => {
          let over = false;
          const lock: Lock = {
            tab: this,
            end: () => this.browser.release(name, lock),
            stolen: (e) => {
              over = true;
              this.later(() => reject(e));
            },
          };
          this.browser.held.set(name, lock);
          queueMicrotask(() =>
            this.later(() => {
              void Promise.resolve(run()).then((v) => {
                if (over) return;
                lock.end();
                resolve(v);
              }, reject);
            }),
          );
        };
        const now = this.browser.held.get(name);
        if (steal) {
          grant();
          now?.stolen(aborted());
        } else if (!now) grant();
        else {
          const queue = this.browser.waiting.get(name) ?? [];
          const item: Waiting = { tab: this, run: grant };
          queue.push(item);
          this.browser.waiting.set(name, queue);
          signal?.addEventListener('abort', () => {
            const at = queue.indexOf(item);
            if (at < 0) return;
            queue.splice(at, 1);
            reject(aborted());
          });
        }
      });
    },
  } as Pick<LockManager, 'request'>;

  channel = (name: string) => {
    const channel = new FakeChannel(this, name);
    this.channels.push(channel);
    return channel;
  };

  later(run: () => void) {
    if (this.frozen) this.kept.push(run);
    else run();
  }
  thaw() {
    this.frozen = false;
    for (const run of this.kept.splice(0)) run();
  }
  /** The process is gone: no code of it runs, and the browser frees its locks. */
  crash() {
    this.frozen = true;
    this.kept.length = 0;
    this.channels = [];
    this.browser.tabs.delete(this);
    for (const queue of this.browser.waiting.values()) for (const w of queue.filter((x) => x.tab === this)) queue.splice(queue.indexOf(w), 1);
    for (const lock of [...this.browser.held.values()].filter((l) => l.tab === this)) lock.end();
  }
}

class FakeChannel {
  onmessage: ((e: MessageEvent) => void) | null = null;
  closed = false;
  constructor(
    readonly tab: FakeTab,
    readonly name: string,
  ) {}
  postMessage(value: unknown) {
    // The test's clock runs for frozen tabs too, but what their timers do must have no effect.
    if (this.closed || this.tab.frozen || !this.tab.browser.tabs.has(this.tab)) return;
    const copy: unknown = structuredClone(value);
    for (const tab of this.tab.browser.tabs) {
      for (const c of tab.channels) {
        if (c === this || c.closed || c.name !== this.name) continue;
        queueMicrotask(() => tab.later(() => !c.closed && c.onmessage?.(new MessageEvent('message', { data: copy }))));
      }
    }
  }
  close() {
    this.closed = true;
  }
}
