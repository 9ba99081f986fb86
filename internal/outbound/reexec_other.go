//go:build !linux

package outbound

// Reexec is of use on Linux only.
func Reexec() (code int, done bool) { return 0, false }
