// Package runbooks holds the knowledge of the built-in agent: one YAML file per problem, and words.yaml, which
// holds what is known of people's words. docs/guide/runbooks.md says how they are written.
package runbooks

import "embed"

// Files are the runbooks, embedded in the program.
//
//go:embed *.yaml
var Files embed.FS
