// Package transcript is the record of a Terminal or a Run on disk: what came out of its pseudo-terminal, byte for
// byte, and when. The format is described in docs/api/transcript.md and does not change: later versions add kinds
// of records, which older readers skip.
//
// What it promises:
//
//   - It is append-only. A byte has an offset, and offset and byte never change.
//   - Output is in its segment file before Writer.Output returns: the death of the process that writes loses
//     nothing that anybody was told of. A power cut loses at most what Writer.Sync has not yet carried out.
//   - A Reader of a record that is still being written, or was torn at any byte, sees a prefix of the truth and
//     never anything else.
//   - A full disk or a reached limit stops the Writer with an error and the number of bytes that were kept; when
//     there is room again it carries on exactly there.
package transcript
