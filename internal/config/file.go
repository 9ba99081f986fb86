package config

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// fileContent is what a configuration file says.
type fileContent struct {
	entries []entry
	faults  Faults
}

// parseFile reads helpdesk.yaml: names and values, in groups. It reads the syntax tree and not a decoded value, so
// that each fault names its line and a value keeps the text it was written with.
func parseFile(path string, text []byte) fileContent {
	var c fileContent
	tree, err := parser.ParseBytes(text, 0)
	if err != nil {
		c.faults = Faults{{path, "this is not YAML; " + yaml.FormatError(err, false, false)}}
		return c
	}
	for i, doc := range tree.Docs {
		switch {
		case i > 0:
			c.fault(path, doc, "there is a second document after ---; put everything into one")
		case doc.Body != nil:
			c.read(path, "", doc.Body)
		}
	}
	return c
}

func (c *fileContent) fault(path string, at ast.Node, what string) {
	c.faults = append(c.faults, Fault{place(path, at), what})
}

func place(path string, at ast.Node) string {
	if t := at.GetToken(); t != nil && t.Position != nil {
		return fmt.Sprintf("%s:%d", path, t.Position.Line)
	}
	return path
}

// read takes the settings under one node; prefix is the name of the group it is in.
func (c *fileContent) read(path, prefix string, n ast.Node) {
	switch n := n.(type) {
	case *ast.MappingNode:
		for _, v := range n.Values {
			c.setting(path, prefix, v)
		}
	case *ast.MappingValueNode:
		c.setting(path, prefix, n)
	case *ast.CommentGroupNode, *ast.NullNode:
	default:
		c.fault(path, n, "write name: value here, or remove the line")
	}
}

func (c *fileContent) setting(path, prefix string, v *ast.MappingValueNode) {
	key := prefix + strings.TrimSpace(v.Key.GetToken().Value)
	switch value := v.Value.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		c.read(path, key+".", value)
	case *ast.SequenceNode:
		var items []string
		for _, item := range value.Values {
			text, ok := scalar(item)
			if !ok || strings.Contains(text, ",") {
				c.fault(path, item, key+": write one plain value on each line of the list")
				continue
			}
			items = append(items, text)
		}
		c.entries = append(c.entries, entry{key, strings.Join(items, ","), place(path, v.Key)})
	default:
		text, ok := scalar(value)
		if !ok {
			c.fault(path, v.Key, key+": write a plain value; anchors, aliases and tags are not used here")
			return
		}
		c.entries = append(c.entries, entry{key, text, place(path, v.Key)})
	}
}

// scalar is the text of a plain or quoted value, as it was written.
func scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.NullNode:
		return "", true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	}
	return "", false
}
