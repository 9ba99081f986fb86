package workspace

import "helpdesk"

// CheckPath refuses a path that names no file of a Workspace.
func CheckPath(path string) error { return helpdesk.CheckPath(path) }
