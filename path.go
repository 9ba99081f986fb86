package helpdesk

import (
	"strings"
	"unicode"
)

const (
	maxElement  = 255  // bytes of one name, as file systems have it
	maxPath     = 1024 // bytes of a path
	maxElements = 32
)

// CheckPath refuses a path that names no file of a Workspace: it must be relative, UTF-8, without "..", ".",
// empty elements and control characters.
func CheckPath(path string) error {
	refuse := func(why string) error {
		return Errorf(Invalid, "A file's path is relative to the Workspace, like notes/plan.md; %s.", why)
	}
	if err := CheckText("The path of a file", path, maxPath); err != nil {
		return err
	}
	elements := strings.Split(path, "/")
	switch {
	case path == "":
		return refuse("this one is empty")
	case path[0] == '/':
		return refuse("this one begins with a slash")
	case len(elements) > maxElements:
		return refuse("this one is too deep")
	case strings.ContainsFunc(path, unicode.IsControl):
		return refuse("this one has a control character in it")
	}
	for _, e := range elements {
		switch {
		case e == "":
			return refuse("this one has an empty name in it")
		case e == "." || e == "..":
			return refuse(`"." and ".." are not allowed in it`)
		case len(e) > maxElement:
			return refuse("a name in this one is longer than 255 bytes")
		}
	}
	return nil
}
