// Package lint holds the rules of this repository that a test can hold, as ordinary tests.
//
// A rule is here if a reader could otherwise only hope that it is kept: which package may import which, how long a file may
// be, that every package says what it promises. The tests read the source (they neither type-check nor
// build it), so they take a second and run in the inner loop. Where a rule has exceptions they are
// in a table, each with its reason.
package lint
