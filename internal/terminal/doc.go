// Package terminal keeps the shared shells of tickets, and lets people look at them and at Runs.
//
// It promises:
//
//   - A Terminal is an object, not a connection. Its output is a record on disk with byte offsets; a viewer is a
//     cursor on it, has its own window of unrendered bytes, and cannot slow, garble or end another's. It sees a byte
//     only after it is in the record.
//   - Shells outlive this process. A new Service finds them again; one that ended meanwhile, or with its launcher, is
//     recorded as ended with the reason.
//   - Input is typed in the order in which it arrived, whoever sent it; it is acknowledged when the pseudo-terminal
//     has taken it and never dropped while the process lives.
//   - The size has one owner, the controller. Only the controller's rendering paces a Terminal's program; a Run is
//     paced by nobody.
//   - An attachment token is good once, for half a minute, for one Terminal or Run; it carries who asked and what
//     they may do, and that is checked again while they are attached.
//   - A ticket has a limited number of live Terminals, and none once it is closed.
//
// The frames and operations are described in docs/api/terminal.md.
package terminal
