//go:build !linux || !(amd64 || arm64)

package sandbox

import "errors"

// Filter says which system calls a confinement refuses besides those that both refuse.
type Filter struct {
	KernelLog  bool
	NoUnixSock bool
	NoExec     bool
}

// Program gives nothing: for this processor there is no filter, and without one no place on this host is started.
func (f Filter) Program() []byte { return nil }

// Confine refuses.
func (f Filter) Confine() error {
	return errors.New("there is no filter of system calls for this processor")
}
