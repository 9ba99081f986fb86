//go:build !linux

package transcript

import "os"

// syncData makes the bytes of f safe.
func syncData(f *os.File) error { return f.Sync() }
