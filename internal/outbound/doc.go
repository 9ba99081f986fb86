// Package outbound is the way out of a private sandbox: an HTTP proxy that connects to the destinations of a tenant's
// list and to nothing else.
//
// A sandbox has no network but its own loopback. Where its tenant has a list, a socket that listens on that loopback is
// handed to a process outside, this proxy: what connects inside is accepted outside. The proxy reads what programs in
// the sandbox write, so it is a process of its own for each sandbox, under the tenant's user, without privileges, and
// with a filter that lets it start no program and open no Unix socket. It ends with the sandbox, and before that when
// nobody has used it for a while; the launcher starts it when somebody connects.
//
// What it promises:
//
//   - A destination is compared whole, name and port, with the list. A name on the list opens its name, not its
//     addresses; an address on the list opens that address.
//   - A name is resolved once, and the connection goes to what was resolved. Addresses by which a name could lead back
//     to this machine or to the machine's own secrets are refused: loopback, link-local, the addresses of this host's
//     interfaces and the metadata services of clouds. Who wants one of them lists it as an address.
//   - How much is open at once is limited, and what is idle ends.
package outbound
