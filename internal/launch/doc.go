// Package launch is the wall between what parses hostile data and what starts programs.
//
// HelpDesk is two processes. The launcher starts first. It spawns places (see internal/place/sandbox), is the only
// reader of each pseudo-terminal, writes what it reads into transcripts (see internal/transcript), and reads and
// writes Workspaces under the tenant's own uid. It does nothing else: no HTTP, no database, no agent. The server is
// its child, is never root, and asks through a Client over an inherited socket.
//
// What it promises:
//
//   - The launcher trusts nothing the server says. Ids must fit a strict pattern, every path is derived by the
//     launcher from slot, ticket key and id, and a request that does not fit is refused, never mended.
//   - An id is started at most once in a launcher's life, whoever asks and how often.
//   - Bytes of a terminal are in its transcript before anybody is told of them. A server that dies loses none:
//     the next one finds all processes with List and reads on.
//   - When the launcher dies, by any cause, the server and every sandbox die with it.
//   - Where a place cannot be confined it is refused, with the reason in Capabilities; never a silent fallback.
//   - No request and no event waits for another process's terminal: a slow program, a full disk or a slow server
//     holds up itself only. Statuses are snapshots; of two for the same process the older may be dropped, the
//     newest never is.
package launch
