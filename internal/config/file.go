package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"gopkg.in/yaml.v3"
)

// fileContent is what a configuration file says.
type fileContent struct {
	path    string
	entries []entry
	faults  Faults
	seen    map[string]bool
}

// parseFile reads helpdesk.yaml: names and values, in groups. It reads the nodes and not a decoded value, so that each
// fault names its line and a value keeps the text it was written with.
func parseFile(path string, text []byte) fileContent {
	c := fileContent{path: path, seen: make(map[string]bool)}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	for i := 0; ; i++ {
		var doc yaml.Node
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return c
		}
		if err != nil {
			c.faults = append(c.faults, Fault{path, "this is not YAML; " + strings.TrimPrefix(err.Error(), "yaml: ")})
			return c
		}
		if i > 0 {
			c.fault(&doc, "there is a second document after ---; put everything into one")
			return c
		}
		for _, body := range doc.Content {
			c.read("", body)
		}
	}
}

func (c *fileContent) place(n *yaml.Node) string { return fmt.Sprintf("%s:%d", c.path, n.Line) }

func (c *fileContent) fault(at *yaml.Node, what string) {
	c.faults = append(c.faults, Fault{c.place(at), what})
}

// read takes the settings under one node; prefix is the name of the group it is in.
func (c *fileContent) read(prefix string, n *yaml.Node) {
	switch {
	case n.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			c.setting(prefix, n.Content[i], n.Content[i+1])
		}
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null": // an empty file
	default:
		c.fault(n, "write name: value here, or remove the line")
	}
}

func (c *fileContent) setting(prefix string, name, value *yaml.Node) {
	key := prefix + name.Value
	if c.seen[key] {
		c.fault(name, key+": this is here a second time; keep one of them")
		return
	}
	c.seen[key] = true
	switch value.Kind {
	case yaml.MappingNode:
		c.read(key+".", value)
	case yaml.SequenceNode:
		var items []string
		for _, item := range value.Content {
			text, ok := scalar(item)
			if !ok || strings.Contains(text, ",") {
				c.fault(item, key+": write one plain value on each line of the list")
				continue
			}
			items = append(items, text)
		}
		c.entries = append(c.entries, entry{key, strings.Join(items, ","), c.place(name)})
	default:
		text, ok := scalar(value)
		if !ok {
			c.fault(name, key+": write a plain value; anchors, aliases and tags are not used here")
			return
		}
		c.entries = append(c.entries, entry{key, text, c.place(name)})
	}
}

// scalar is the text of a plain or quoted value, as it was written.
func scalar(n *yaml.Node) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0 {
		return "", false
	}
	if n.Tag == "!!null" {
		return "", true
	}
	return n.Value, true
}
