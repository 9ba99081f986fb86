// Package sandbox says how a program is confined on this host: the arguments for bubblewrap, the system calls that are
// refused, and what of the host is masked. It starts nothing; internal/launch does.
//
// There are two confinements. A private sandbox is for a tenant's own work: of the host it has /usr and a few files of
// /etc, read-only; no network, no other process, no device; only the Workspace can be written. The host view is for
// looking at this machine: its file system read-only, its processes and its network, as an unprivileged user, without
// what could be used to act: no private keys, no homes, no sockets but those let in by name.
//
// Both always have a process-id namespace of their own, so that no signal leaves them and ending them ends all they
// started. The host view nevertheless shows the host's processes, because the host's /proc is mounted in it.
package sandbox
