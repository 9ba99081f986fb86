let handler = () => {};

/** Called when any request finds that the session is over. The app says once what then happens. */
export const signedOut = () => handler();
export function onSignedOut(then: () => void) {
  handler = then;
}

// All tabs have one session, so each hears when another tab ended it or began one.
const tabs = typeof BroadcastChannel === 'function' ? new BroadcastChannel('helpdesk.session') : null;

export const sessionChanged = () => tabs?.postMessage(null); // oxlint-disable-line unicorn/require-post-message-target-origin -- a channel is of one origin
export function onSessionChanged(then: () => void) {
  if (tabs) tabs.onmessage = then;
}
