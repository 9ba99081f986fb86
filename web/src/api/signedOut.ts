let handler = () => {};

/** Called when any request finds that the session is over. The app says once what then happens. */
export const signedOut = () => handler();
export function onSignedOut(then: () => void) {
  handler = then;
}
