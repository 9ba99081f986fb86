/** "Firefox on Linux", from what a browser calls itself; the whole text where it is not one we know. */
export function browserName(client: string): string {
  const browser = /Edg\//.test(client) ? 'Edge' : /Firefox\//.test(client) ? 'Firefox' : /Chrome\//.test(client) ? 'Chrome' : /Safari\//.test(client) ? 'Safari' : null;
  if (!browser) return client.slice(0, 60) || 'Unknown browser';
  const system = /Android/.test(client) ? 'Android' : /iPhone|iPad/.test(client) ? 'iOS' : /Windows/.test(client) ? 'Windows' : /Mac OS X/.test(client) ? 'macOS' : /Linux/.test(client) ? 'Linux' : null;
  return system ? `${browser} on ${system}` : browser;
}
